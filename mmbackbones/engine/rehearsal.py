"""Rehearsal of a run: all of its config that needs no data is built once, so that mistakes are found within seconds."""

from copy import deepcopy
from inspect import signature
from typing import Any

from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import HOOKS, LOOPS, MODELS, PARAM_SCHEDULERS, DefaultScope
from mmengine.runner import Runner
from mmengine.runner.priority import get_priority
from torch import nn

from .config_tree import set_num_classes
from .config_types import check_arguments, check_option_type, registry_of
from .loader_checks import LOADERS, check_loader
from .option_errors import building
from .schedule import fit_schedulers

_EPOCH_LENGTH = 1000  # iterations, for schedulers before the data is known


def rehearse(cfg: Config, recipe: dict, options: dict[str, Any]) -> tuple[nn.Module, OptimWrapper]:
    """Build all of a training config that needs no data, and check the arguments of the rest.

    Args:
        cfg: The config.
        recipe: The ``train_cfg`` that its schedulers were written for.
        options: Flat ``--cfg-options``, for messages.

    Returns:
        The model, with random weights and the config's own number of classes, and its optimizer.

    Raises:
        UserError: Something cannot be built; the message names it.
    """
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = _rehearse_model(cfg, options)
        with building('optim_wrapper', options):
            wrapper = build_optim_wrapper(model, deepcopy(cfg.optim_wrapper))
        with building('train_cfg', options):
            _check_loop(cfg.train_cfg)
        with building('param_scheduler', options):
            schedulers = cfg.get('param_scheduler') or []
            for scheduler in fit_schedulers(schedulers, recipe, cfg.train_cfg, _EPOCH_LENGTH, options):
                PARAM_SCHEDULERS.build(scheduler, default_args=dict(optimizer=wrapper, epoch_length=_EPOCH_LENGTH))
        for name, hook in cfg.get('default_hooks', {}).items():
            if hook is not None:
                with building(f'default_hooks.{name}', options):
                    _build_hook(hook)
        for number, hook in enumerate(cfg.get('custom_hooks') or []):
            with building(f'custom_hooks.{number}', options):
                _build_hook(hook)
        _check_sections(
            cfg, options, 'log_processor', 'visualizer', 'val_evaluator', 'test_evaluator', 'val_cfg', 'test_cfg'
        )
        for section in LOADERS:
            check_loader(cfg, section, options)
    return model, wrapper


def rehearse_test(cfg: Config, options: dict[str, Any]) -> None:
    """Build the model of a config for testing, and check the arguments of the rest.

    Args:
        cfg: The config.
        options: Flat ``--cfg-options``, for messages.

    Raises:
        UserError: Something cannot be built; the message names it.
    """
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        _rehearse_model(cfg, options)
        _check_sections(cfg, options, 'log_processor', 'visualizer', 'test_evaluator', 'test_cfg')
        check_loader(cfg, 'test_dataloader', options)


def build_model(cfg: Config, num_classes: int) -> tuple[nn.Module, OptimWrapper]:
    """The config's model with random weights and another number of classes, and its optimizer."""
    cfg = deepcopy(cfg)
    set_num_classes(cfg, num_classes)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
        return model, build_optim_wrapper(model, cfg.optim_wrapper)


def _rehearse_model(cfg: Config, options: dict[str, Any]) -> nn.Module:
    for key, value in options.items():
        check_option_type(cfg, key, value)
    with building('model', options):
        return MODELS.build(deepcopy(cfg.model))


def _check_sections(cfg: Config, options: dict[str, Any], *sections: str) -> None:
    for section in sections:
        for node in cfg[section] if isinstance(cfg.get(section), list) else [cfg.get(section)]:
            if isinstance(node, dict) and 'type' in node:
                with building(section, options):
                    check_arguments(node, registry_of(section))


def _build_hook(hook) -> None:
    if not isinstance(hook, dict):
        return
    hook = deepcopy(hook)
    get_priority(hook.pop('priority', 'NORMAL'))
    cls = check_arguments(hook, HOOKS)
    if not cls.__module__.startswith(('mmengine.', 'mmbackbones.')):  # others may need more than is there now
        return
    hook = HOOKS.build(hook)
    if isinstance(hook, CheckpointHook):  # it passes on what it does not know, at the first checkpoint
        signature(Runner.save_checkpoint).bind_partial(**hook.args)
        if type(hook.interval) is not int or hook.interval == 0:
            raise ValueError(f'interval must be a whole number of at least 1, or -1 for never, got {hook.interval}')


def _check_loop(train_cfg: dict) -> None:
    for key in ('max_epochs', 'max_iters', 'val_interval', 'val_begin'):
        value = train_cfg.get(key, 1)
        if type(value) is not int or value < 1:
            raise ValueError(f'{key} must be a whole number of at least 1, got {value!r}')
    if 'type' in train_cfg:
        check_arguments(train_cfg, LOOPS)
