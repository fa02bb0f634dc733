"""Trials leave no traces."""

import random

import numpy as np
import torch
from mmengine.logging import MessageHub, MMLogger

from mmbackbones.engine.trials.traces import no_traces


def test_generators_and_instances(capsys):
    logger, hubs = MMLogger.get_instance('before_the_trial'), set(MessageHub._instance_dict)

    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    seeds = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
    want = draw()
    random.setstate(seeds[0])
    np.random.set_state(seeds[1])
    torch.random.set_rng_state(seeds[2])
    with no_traces() as name:
        draw()
        print('loading')
        MMLogger.get_current_instance().warning('careful')
        MessageHub.get_instance('of_the_trial')
        assert MMLogger.get_current_instance().name == MMLogger.get_instance(name).name
    assert draw() == want
    assert MMLogger.get_current_instance() is logger
    assert set(MessageHub._instance_dict) == hubs
    assert capsys.readouterr() == ('', '')
    del MMLogger._instance_dict['before_the_trial']
