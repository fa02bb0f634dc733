"""What a config asks for, built once before the data is checked: mistakes in it are found in seconds, not in hours."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from inspect import Parameter, isclass, signature
from math import ceil
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import (
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPERS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
    VISUALIZERS,
    DefaultScope,
    Registry,
)
from mmengine.runner import Runner
from mmengine.runner.priority import get_priority
from torch import nn
from torch.utils.data import DataLoader

from ..errors import RunFailed, UserError, interrupted, summarize_error
from .config import dicts_in
from .options import below, said
from .schedule import fit_schedulers

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# Where in a config a `type` is looked up; the first that its dotted name begins with.
_REGISTRIES = (
    ('model', MODELS),
    ('optim_wrapper.optimizer', OPTIMIZERS),
    ('optim_wrapper', OPTIM_WRAPPERS),
    ('param_scheduler', PARAM_SCHEDULERS),
    ('default_hooks', HOOKS),
    ('custom_hooks', HOOKS),
    ('train_cfg', LOOPS),
    ('val_cfg', LOOPS),
    ('test_cfg', LOOPS),
    ('log_processor', LOG_PROCESSORS),
    ('val_evaluator', METRICS),
    ('test_evaluator', METRICS),
    ('visualizer', VISUALIZERS),
)
_PASSED = ('runner', 'dataloader', 'evaluator', 'dataset', 'sampler', 'optimizer')  # by MMEngine, not by the config
_FEW = 1000  # iterations in an epoch, for schedulers before the data is known


@contextmanager
def building(section: str, options: dict[str, Any]) -> Iterator[None]:
    """Turn whatever goes wrong while `section` (a dotted name) of a config is built into one sentence.

    Args:
        section: What is built; empty for all that a config stands for.
        options: Flat ``--cfg-options``; those that belong to the section are named.

    Raises:
        UserError: Something went wrong.
    """
    try:
        yield
    except Exception as error:  # a config can name any class, which can raise anything
        if not section and isinstance(error, UserError | RunFailed):
            raise
        given = said((below(options, section) if section else options).items())
        given = f'; --cfg-options {given}' if given else ''
        raise UserError(f'{section or "the config"} cannot be built: {summarize_error(error)}{given}') from error


@contextmanager
def blaming(
    options: dict[str, Any], what: str = 'the config cannot be run', possible: Callable[[], bool] = lambda: True
) -> Iterator[None]:
    """What goes wrong in a block because of ``--cfg-options`` becomes one sentence that names them.

    Args:
        options: Flat ``--cfg-options``; without any, nothing is changed.
        what: Begins the sentence.
        possible: Whether they can still be to blame when it goes wrong.

    Raises:
        UserError: Something went wrong that mistakes in a config lead to.
    """
    try:
        yield
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if not options or interrupted(error) or not possible():
            raise
        raise UserError(f'{what}: {summarize_error(error)}; --cfg-options {said(options.items())}') from error


def rehearse(cfg: Config, recipe: dict, options: dict[str, Any]) -> tuple[nn.Module, OptimWrapper]:
    """Build all of a training config that needs no data, and see that the rest could be.

    Args:
        cfg: The config.
        recipe: The ``train_cfg`` that its schedulers were written for.
        options: Flat ``--cfg-options``, to be named where they are to blame.

    Returns:
        The model, with random weights and the config's own number of classes, and its optimizer.

    Raises:
        UserError: Something cannot be built; it is named.
    """
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = _rehearse_model(cfg, options)
        with building('optim_wrapper', options):
            wrapper = build_optim_wrapper(model, deepcopy(cfg.optim_wrapper))
        with building('train_cfg', options):
            _check_loop(cfg.train_cfg)
        with building('param_scheduler', options):
            for scheduler in fit_schedulers(cfg.get('param_scheduler') or [], recipe, cfg.train_cfg, _FEW, options):
                PARAM_SCHEDULERS.build(scheduler, default_args=dict(optimizer=wrapper, epoch_length=_FEW))
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
        for section in _LOADERS:
            _check_loader(cfg, section, options)
    return model, wrapper


def rehearse_test(cfg: Config, options: dict[str, Any]) -> None:
    """Build what a test needs before its data, and see that the rest could be; as :func:`rehearse`."""
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        _rehearse_model(cfg, options)
        _check_sections(cfg, options, 'log_processor', 'visualizer', 'test_evaluator', 'test_cfg')
        _check_loader(cfg, 'test_dataloader', options)


def _rehearse_model(cfg: Config, options: dict[str, Any]) -> nn.Module:
    for key, value in options.items():
        _check_kind(cfg, key, value)
    with building('model', options):
        return MODELS.build(deepcopy(cfg.model))


def _check_sections(cfg: Config, options: dict[str, Any], *sections: str) -> None:
    for section in sections:
        for node in cfg[section] if isinstance(cfg.get(section), list) else [cfg.get(section)]:
            if isinstance(node, dict) and 'type' in node:
                with building(section, options):
                    _bind(node, _registry(section))


def build_model(cfg: Config, num_classes: int) -> tuple[nn.Module, OptimWrapper]:
    """The config's model with random weights and another number of classes, and its optimizer."""
    model = deepcopy(cfg.model)
    for node in dicts_in(model):
        if 'num_classes' in node:
            node['num_classes'] = num_classes
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(model)
        return model, build_optim_wrapper(model, deepcopy(cfg.optim_wrapper))


def check_class_weights(cfg: Config) -> None:
    """Raise UserError if a loss weights another number of classes than there are, once that is known."""
    for head in dicts_in(cfg.model):
        classes = head.get('num_classes')
        for name, loss in head.items() if classes else ():
            for one in loss if isinstance(loss, list) else [loss]:
                weights = one.get('class_weight') if isinstance(one, dict) else None
                # The losses of detectors count the background as a class unless they are sigmoids.
                background = cfg.default_scope == 'mmdet' and not one.get('use_sigmoid') if weights else False
                wanted = classes + background
                if isinstance(weights, list | tuple) and len(weights) != wanted:
                    also = ' and the background' if background else ''
                    raise UserError(
                        f'class_weight of {name} has {len(weights)} values, but there are {classes} '
                        f'classes{also}: give {wanted} values'
                    )


def check_single_images(cfg: Config, model: nn.Module) -> None:
    """See to it that no batch norm has to learn from a single value, which PyTorch refuses in mid-training.

    That happens where one image, as small as a pixel of the coarsest map, makes a batch. A last batch of one image is
    left out.

    Args:
        cfg: The config; ``train_dataloader.drop_last`` may be set.
        model: The model, built.

    Raises:
        UserError: All batches are of one image.
    """
    sizes = _training_sizes(cfg)
    if not sizes or min(height * width for height, width in sizes) > 32 * 32:
        return
    model.train()
    try:
        with torch.no_grad():
            images = torch.zeros(1, 3, 32, 32)
            if getattr(model, 'with_roi_head', False):
                model.extract_feat(images)
            else:
                model(images, mode='tensor')
    except ValueError as error:
        if 'more than 1 value per channel' not in str(error):
            return
        if cfg.train_dataloader.batch_size == 1:
            raise UserError(
                'a batch of 1 image of 32x32 pixels is too small: batch norm has a single value per '
                'channel to learn from; use --batch-size 2 or more, or a larger --img-scale'
            ) from error
        cfg.train_dataloader.drop_last = True
    except Exception:  # a model that wants more than images; this was only a try
        return


def _training_sizes(cfg: Config) -> list[tuple[int, int]]:
    """Heights and widths that images are resized, cropped and padded to in training; empty if the config has none."""
    crops, scales = [], []
    for step in dicts_in(cfg.train_dataloader):
        for key, sizes in (('scale', scales), ('scales', scales), ('crop_size', crops)):
            value = step.get(key)
            if isinstance(value, list | tuple) and value:
                several = value if isinstance(value[0], list | tuple) else [value]
                sizes += [size for size in several if len(size) == 2 and all(isinstance(n, int) for n in size)]
    return [(32 * ceil(height / 32), 32 * ceil(width / 32)) for width, height in crops or scales]


def _registry(path: str) -> Registry:
    return next((registry for start, registry in _REGISTRIES if path.startswith(start)), TRANSFORMS)


def _build_hook(hook) -> None:
    if isinstance(hook, dict):
        hook = deepcopy(hook)
        get_priority(hook.pop('priority', 'NORMAL'))
        # The hooks of others may need more than is there now.
        if _bind(hook, HOOKS).__module__.startswith(('mmengine.', 'mmbackbones.')):
            hook = HOOKS.build(hook)
        if isinstance(hook, CheckpointHook):  # it hands on what it does not know, at the first checkpoint
            signature(Runner.save_checkpoint).bind_partial(**hook.args)
            if type(hook.interval) is not int or hook.interval == 0:
                raise ValueError(f'interval must be a whole number of at least 1, or -1 for never, got {hook.interval}')


def _find(kind, registry: Registry):
    """The class that a `type` of a config stands for."""
    if not isinstance(kind, str):
        return kind
    with registry.switch_scope_and_registry(None) as here:
        found = here.get(kind)
    if found is None:
        raise KeyError(f'{kind} is not in the {registry.name} registry')
    return found


def _bind(node: dict, registry: Registry):
    """The class of `node`; raise unless it could be built: its type is known and takes these arguments."""
    arguments = {key: value for key, value in node.items() if key not in ('type', '_scope_')}
    with registry.switch_scope_and_registry(node.get('_scope_')):
        cls = _find(node['type'], registry)
    parameters = signature(cls).parameters
    passed = {key: None for key in _PASSED if key in parameters and key not in arguments}
    signature(cls).bind(**arguments, **passed)
    return cls


def _check_loop(train_cfg: dict) -> None:
    for key in ('max_epochs', 'max_iters', 'val_interval', 'val_begin'):
        value = train_cfg.get(key, 1)
        if type(value) is not int or value < 1:
            raise ValueError(f'{key} must be a whole number of at least 1, got {value!r}')
    if 'type' in train_cfg:
        _bind(train_cfg, LOOPS)


def _check_loader(cfg: Config, section: str, options: dict[str, Any]) -> None:
    loader = cfg.get(section)
    if not loader:
        return
    with building(section, options):
        plain = {
            key: value
            for key, value in loader.items()
            if key
            not in (
                'dataset',
                'sampler',
                'batch_sampler',
                'collate_fn',
                'worker_init_fn',
                'type',
                '_scope_',
                'num_batch_per_epoch',
                'disable_subprocess_warning',
            )
        }
        if loader.get('batch_sampler'):
            _bind(
                {key: value for key, value in loader.batch_sampler.items() if key != 'batch_size'}
                | dict(batch_size=plain.get('batch_size')),
                DATA_SAMPLERS,
            )
        DataLoader(range(max(1, plain['batch_size'])), **plain)
        if isinstance(loader.get('sampler'), dict):
            _bind(loader.sampler, DATA_SAMPLERS)
    path, dataset = f'{section}.dataset', loader.dataset
    while isinstance(dataset, dict):
        with building(path, options):
            _find(dataset.get('type'), DATASETS)
        for number, step in enumerate(dataset.get('pipeline') or []):
            with building(f'{path}.pipeline.{number}', options):
                TRANSFORMS.build(deepcopy(step))
        dataset, path = dataset.get('dataset'), f'{path}.dataset'


def _check_kind(cfg: Config, key: str, value: Any) -> None:
    """Raise UserError if a word is given for what the class that takes it declares as a number or a switch."""
    *parts, last = key.split('.')
    node = cfg._cfg_dict
    for part in parts:
        node = node[int(part)] if isinstance(node, list) else node.get(part) if isinstance(node, dict) else None
    if not isinstance(value, str) or not isinstance(node, dict) or 'type' not in node:
        return
    try:
        cls = _find(node['type'], _registry(key))
    except KeyError:  # of another registry, or unknown, which building it will tell
        return
    parameter = _parameter(cls, last)
    if parameter is not None and parameter.annotation in (int, float, bool):
        kind = {int: 'a whole number', float: 'a number', bool: 'true or false'}[parameter.annotation]
        raise UserError(f'--cfg-options {key}={value} does not fit the config: {last} of {cls.__name__} takes {kind}')


def _parameter(cls, name: str) -> Parameter | None:
    """The parameter `name` of a class, or of the one that it hands its arguments on to."""
    for one in cls.__mro__ if isclass(cls) else [cls]:
        try:
            parameters = signature(one).parameters
        except (TypeError, ValueError):
            return None
        if name in parameters:
            return parameters[name]
    return None
