"""A few real training steps of a model that is thrown away."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from unittest.mock import patch

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing

from ..averaged_weights import averages_weights
from ..config_tree import dicts_in
from ..initial_weights import drop_pretrained

# Proposals for one object that are good enough to learn from: no more are left when those that overlap were dropped.
_PROPOSALS = 16
_STEPS = 2  # the first may choose its kernels, and allocates what the second finds


def take_steps(cfg: Config, make_batch: Callable[[], Any], objects: int) -> None:
    """Build the model and the optimizer of a config, take training steps with them, and let go of both.

    All that a run holds in memory at the peak of a step is there: activations, gradients, those of an accumulation,
    the state of the optimizer, averaged weights, and the copies of gradients that several processes exchange. Weights
    are random.

    Args:
        cfg: The config that is run, with its data.
        make_batch: Makes the batch of each step.
        objects: Most objects in an image.
    """
    cfg = deepcopy(cfg)
    drop_pretrained(cfg)
    _learn_from_many_proposals(cfg, objects)
    exchanged = get_world_size() > 1
    with _alone(), DefaultScope.overwrite_default_scope(cfg.default_scope):
        if cfg.env_cfg.get('cudnn_benchmark'):
            torch.backends.cudnn.benchmark = True  # as the runner will set it, too
        model = MODELS.build(cfg.model)
        model.init_weights()
        model = revert_sync_batchnorm(model.to(get_device())).train()
        if modules := cfg.get('activation_checkpointing'):
            turn_on_activation_checkpointing(model, modules)
        held: list[Any] = []
        if averages_weights(cfg):
            held.append(deepcopy(model))
        if exchanged:
            held += [torch.zeros_like(param) for param in model.parameters() if param.requires_grad]
        wrapper = _build_optimizer(cfg, model)
        for _ in range(_STEPS):
            model.train_step(make_batch(), optim_wrapper=wrapper)


def _build_optimizer(cfg: Config, model: torch.nn.Module) -> OptimWrapper:
    """The optimizer, with the state that its first step makes, and the gradients of an accumulation."""
    if cfg.optim_wrapper.get('type') == 'AmpOptimWrapper':
        cfg.optim_wrapper.loss_scale = 1.0  # a dynamic scale leaves out the first steps
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    for param in model.parameters():
        if param.requires_grad:
            param.grad = torch.zeros_like(param)
    wrapper.optimizer.step()
    if cfg.optim_wrapper.get('accumulative_counts', 1) == 1:
        wrapper.optimizer.zero_grad()
    return wrapper


def _learn_from_many_proposals(cfg: Config, objects: int) -> None:
    """Let heads of regions take as many proposals for objects as they will when proposals have become good."""
    for stage in dicts_in((cfg.model.get('train_cfg') or {}).get('rcnn')):
        assigner, sampler = stage.get('assigner'), stage.get('sampler')
        if isinstance(assigner, dict) and 'pos_iou_thr' in assigner and isinstance(sampler, dict):
            assigner.update(pos_iou_thr=0.0, neg_iou_thr=0.0, min_pos_iou=0.0)
            if sampler.get('num') and sampler.get('pos_fraction'):
                sampler['pos_fraction'] = min(sampler['pos_fraction'], _PROPOSALS * objects / sampler['num'])


@contextmanager
def _alone() -> Iterator[None]:
    """Within the block, this process is the only one to the libraries: the others may take other steps."""
    with patch('torch.distributed.is_initialized', lambda: False):
        yield
