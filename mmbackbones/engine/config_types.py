"""Lookup of the classes that the ``type`` entries of a config name, and of the arguments that they take."""

from collections.abc import Callable
from inspect import Parameter, isclass, signature
from typing import Any

from mmengine.config import Config
from mmengine.registry import (
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
    Registry,
)

from ..errors import UserError

# The registry of each section of a config; the first entry that a dotted name begins with counts.
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
# Arguments that MMEngine passes by itself.
_PASSED_BY_MMENGINE = ('runner', 'dataloader', 'evaluator', 'dataset', 'sampler', 'optimizer')


def registry_of(key: str) -> Registry:
    """The registry in which MMEngine looks up a ``type`` at the dotted name `key` of a config."""
    return next((registry for start, registry in _REGISTRIES if key.startswith(start)), TRANSFORMS)


def find_class(kind: Any, registry: Registry) -> Callable:
    """The class or function that a ``type`` names; anything but a name is returned as it is.

    Raises:
        KeyError: The registry has no such name.
    """
    if not isinstance(kind, str):
        return kind
    with registry.switch_scope_and_registry(None) as here:
        found = here.get(kind)
    if found is None:
        raise KeyError(f'{kind} is not in the {registry.name} registry')
    return found


def check_arguments(node: dict, registry: Registry) -> Callable:
    """Check that a part of a config could be built, without building it.

    Args:
        node: A dict with a ``type`` and the arguments of that class.
        registry: Where the type is looked up.

    Returns:
        The class.

    Raises:
        KeyError: The type is unknown.
        TypeError: The class does not take these arguments.
    """
    arguments = {key: value for key, value in node.items() if key not in ('type', '_scope_')}
    with registry.switch_scope_and_registry(node.get('_scope_')):
        cls = find_class(node['type'], registry)
    parameters = signature(cls).parameters
    passed = {key: None for key in _PASSED_BY_MMENGINE if key in parameters and key not in arguments}
    signature(cls).bind(**arguments, **passed)
    return cls


def check_option_type(cfg: Config, key: str, value: Any) -> None:
    """Raise UserError if an option gives a word for what its class declares as a number or a switch.

    Args:
        cfg: The config, with the option merged.
        key: Dotted name of the option.
        value: Its value.
    """
    *parts, last = key.split('.')
    node = cfg._cfg_dict
    for part in parts:
        node = node[int(part)] if isinstance(node, list) else node.get(part) if isinstance(node, dict) else None
    if not isinstance(value, str) or not isinstance(node, dict) or 'type' not in node:
        return
    try:
        cls = find_class(node['type'], registry_of(key))
    except KeyError:  # unknown, which building it reports, or of another registry
        return
    parameter = _find_parameter(cls, last)
    if parameter is not None and parameter.annotation in (int, float, bool):
        kind = {int: 'a whole number', float: 'a number', bool: 'true or false'}[parameter.annotation]
        raise UserError(f'--cfg-options {key}={value} does not fit the config: {last} of {cls.__name__} takes {kind}')


def _find_parameter(cls: Callable, name: str) -> Parameter | None:
    """The parameter `name` of a class, or of the base class that it passes its arguments on to."""
    for one in cls.__mro__ if isclass(cls) else [cls]:
        try:
            parameters = signature(one).parameters
        except (TypeError, ValueError):
            return None
        if name in parameters:
            return parameters[name]
    return None
