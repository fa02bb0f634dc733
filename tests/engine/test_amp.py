"""Mixed precision is set where the device has it, and dropped where it does not."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper

from mmbackbones import get_config
from mmbackbones.engine.amp import drop_unsupported_amp, set_amp
from mmbackbones.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture
def cfg() -> Config:
    return get_config('retinanet_van_b')


def test_device_without_amp(cfg, monkeypatch):
    monkeypatch.setattr('mmbackbones.engine.amp.get_device', lambda: 'cpu')
    with pytest.raises(UserError, match='--amp needs a GPU; this machine trains on the cpu'):
        set_amp(cfg)
    monkeypatch.setattr('mmbackbones.engine.amp.get_device', lambda: 'cuda')
    set_amp(cfg)
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert cfg.optim_wrapper.loss_scale == 'dynamic'


def test_config_in_half_precision_runs_without_a_gpu(monkeypatch):
    optim_wrapper = dict(get_config('retinanet_dualvit_s').optim_wrapper)
    for device, amp in (('cuda', True), ('cpu', False), ('mps', False)):
        monkeypatch.setattr('mmbackbones.engine.amp.get_device', lambda device=device: device)
        cfg = get_config('retinanet_dualvit_s')
        drop_unsupported_amp(cfg)
        assert (cfg.optim_wrapper == optim_wrapper) == amp
    model = torch.nn.Linear(1, 1)  # MMEngine builds what is left for the CPU
    assert type(build_optim_wrapper(model, cfg.optim_wrapper)) is OptimWrapper


def test_loss_scale_of_the_config_is_kept(monkeypatch):
    monkeypatch.setattr('mmbackbones.engine.amp.get_device', lambda: 'cuda')
    cfg = get_config('retinanet_dualvit_s')
    set_amp(cfg)
    assert cfg.optim_wrapper.loss_scale == 512
