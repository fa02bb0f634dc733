"""Checks of ``--cfg-options`` before they are merged: names that nothing reads, and values of the wrong kind."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import signature
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from .config_tree import value_at

DELETE = '_delete_'  # the key with which MMEngine replaces a dict instead of merging into it
# Sections that MMEngine's runner, MMDetection, MMSegmentation and this package read, the runner's arguments among them.
_READ = {
    *signature(Runner.__init__).parameters,
    'custom_imports',
    'model_wrapper_cfg',
    'sync_bn',
    'compile',
    'find_unused_parameters',
    'activation_checkpointing',
    'efficient_conv_bn_eval',
    'tta_model',
    'tta_pipeline',
}
_READ -= {'self', 'cfg'}
# Numbers, switches and dicts that may also be words: 'dynamic', 'tiny', 'on_input'.
_MAY_BE_WORDS = ('loss_scale', 'depth', 'arch', 'add_extra_convs')
# Entries that this package reads itself, which have to be dicts or lists of dicts.
_DICTS = re.compile(
    r'model(\.backbone)?|optim_wrapper(\.optimizer)?|train_cfg|visualizer|default_hooks|log_processor|randomness'
    r'|auto_scale_lr|env_cfg(\.dist_cfg)?|(train|val|test)_dataloader(\.dataset)*'
)
_STRINGS = ('work_dir', 'default_scope')
_MAY_BE_NONE = re.compile(r'\w+_dataloader|auto_scale_lr|param_scheduler|env_cfg\.dist_cfg|default_scope')
_LISTS = re.compile(r'custom_hooks|param_scheduler|(train|val|test)_dataloader(\.dataset)+\.pipeline')


@dataclass(frozen=True)
class _Reader:
    """Code that reads certain keys of a dict of the config and silently ignores all others.

    Attributes:
        section: Pattern of the dotted name of the dict; the group `owner` is what the dict belongs to.
        keys: What is read.
        entry: Entry of the owner that names the reader.
        names: The values of this entry that mean this reader; empty if it is always this one.
    """

    section: str
    keys: tuple[str, ...]
    entry: str = ''
    names: tuple[str | None, ...] = ()


def _parameters(*functions: Callable) -> tuple[str, ...]:
    names = dict.fromkeys(name for function in functions for name in signature(function).parameters)
    return tuple(name for name in names if name not in ('self', 'parameters'))


_DEFAULT_CONSTRUCTOR = (None, 'DefaultOptimWrapperConstructor')
_PARAMWISE = (
    'custom_keys',
    'bias_lr_mult',
    'bias_decay_mult',
    'norm_decay_mult',
    'dwconv_decay_mult',
    'flat_decay_mult',
    'dcn_offset_lr_mult',
    'bypass_duplicate',
)
_READERS = (
    _Reader('env_cfg', ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit')),
    _Reader(r'env_cfg\.mp_cfg', ('mp_start_method', 'opencv_num_threads')),
    _Reader('randomness', _parameters(Runner.set_randomness)),
    _Reader('auto_scale_lr', ('enable', 'base_batch_size')),
    _Reader(r'optim_wrapper\.clip_grad', ('type', *_parameters(clip_grad_norm_, clip_grad_value_))),
    _Reader(r'(?P<owner>optim_wrapper)\.paramwise_cfg', _PARAMWISE, 'constructor', _DEFAULT_CONSTRUCTOR),
    _Reader(
        r'(?P<owner>optim_wrapper)\.paramwise_cfg\.custom_keys\.[^.]+',
        ('lr_mult', 'decay_mult'),
        'constructor',
        _DEFAULT_CONSTRUCTOR,
    ),
    _Reader(
        r'(?P<owner>\w+_dataloader(\.dataset)+)\.filter_cfg', ('filter_empty_gt', 'min_size'), 'type', ('CocoDataset',)
    ),
    _Reader(
        r'(?P<owner>model)\.test_cfg',
        ('mode', 'crop_size', 'stride'),
        'type',
        ('EncoderDecoder',),  # the point head of a CascadeEncoderDecoder reads keys of its own
    ),
)
# Scopes in which a name means the class of the libraries; in any other it may be a class that reads other keys.
_SCOPE = re.compile(r'(mmengine|mmdet|mmseg)\.')


def find_problem(cfg: Config, key: str, options: dict[str, Any]) -> str:
    """What keeps an option from being merged into a config.

    Args:
        cfg: The config.
        key: Dotted name of the option.
        options: All flat ``--cfg-options``.

    Returns:
        The problem in words; empty if there is none.
    """
    return (
        _section_problem(cfg, key)
        or _path_problem(cfg, key)
        or _key_problem(cfg, key, options)
        or _value_problem(key, value_at(cfg, key), options[key])
    )


def _section_problem(cfg: Config, key: str) -> str:
    """Whether nothing reads the section that an option names, and which one may be meant."""
    first, *rest = key.split('.')
    # MMEngine reads the preprocessor of the model first.
    if first in _READ and not (first == 'data_preprocessor' and first in cfg.get('model', {})):
        return ''
    read = [(name, cfg[name]) for name in sorted(_READ - {first}) if name in cfg]
    places = [place for name, node in read for place in _paths_equal_to(node, cfg.get(first), name)]
    places = places or [place for name, node in read for place in _paths_named(node, first, name)][:1]
    places = places or ([] if first in cfg else get_close_matches(first, _READ, 1))
    hint = ' and '.join('.'.join([place, *rest]) for place in places)
    what = 'is only a variable of the file, and nothing reads it later' if first in cfg else 'is not an entry of it'
    return f'{first!r} {what}' + (f'; did you mean {hint}?' if hint else '')


def _path_problem(cfg: Config, key: str) -> str:
    """Whether the dotted name of an option leads through something other than dicts and lists."""
    node: Any = cfg._cfg_dict
    path: list[str] = []
    for part in key.split('.'):
        where = '.'.join(path)
        if isinstance(node, list):
            if not part.isdigit() or int(part) >= len(node):
                what = f'a list, whose {len(node)} entries are named 0 to {len(node) - 1}' if node else 'an empty list'
                return f'{where} is {what}; a whole list is given as {where}=[...]'
            node = node[int(part)]
        elif isinstance(node, dict):
            if part not in node:
                return ''
            node = node[part]
        else:
            return f'{where} is {node!r}, which has no entries'
        path.append(part)
    return ''


def _key_problem(cfg: Config, key: str, options: dict[str, Any]) -> str:
    """Whether an option adds a key to a dict whose reader would silently ignore it."""
    for reader in _READERS:
        match = re.match(rf'(?P<section>{reader.section})\.(?P<key>[^.]+)', key)
        if not match or match['key'] in (*reader.keys, DELETE):
            continue
        if reader.names:
            entry = f'{match["owner"]}.{reader.entry}'
            name = options.get(entry, value_at(cfg, entry))
            if (name if name is None else _SCOPE.sub('', str(name), count=1)) not in reader.names:
                continue
        return f'{match["section"]} has no key {match["key"]!r}; it takes {", ".join(reader.keys)}'
    return ''


def _value_problem(key: str, old: Any, value: Any) -> str:
    """Whether the value of an option is of another kind than the entry that it replaces."""
    if value is None and _MAY_BE_NONE.fullmatch(key):
        return ''
    if _DICTS.fullmatch(key) and not isinstance(value, dict):
        return f"{key} takes a dict, written dict(type='A',b=1)"
    if key == 'auto_scale_lr.base_batch_size' and (isinstance(value, bool) or not _is_positive(value)):
        return f'{key} takes a number above 0'
    if key == 'auto_scale_lr.enable' and not isinstance(value, bool):
        return f'{key} takes true or false'
    if key in _STRINGS and not isinstance(value, str):
        return f'{key} takes a string'
    several = isinstance(value, list | tuple) and all(isinstance(item, dict) for item in value)
    if _LISTS.fullmatch(key) and not several:
        return f"{key} takes a list of dicts, written [dict(type='A',b=1)]"
    if not isinstance(value, str) or key.split('.')[-1] in _MAY_BE_WORDS:
        return ''
    if isinstance(old, dict):
        return f"{key} takes a dict, written dict(type='A',b=1)"
    if isinstance(old, int | float):
        kind = 'true or false' if isinstance(old, bool) else 'a number'
        return f'{key} takes {kind}, as {old!r} is'
    return ''


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and value > 0


def _paths_named(node: Any, name: str, path: str) -> Iterator[str]:
    """Dotted names of the entries in `node`, at `path`, that are called `name`."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == name:
                yield f'{path}.{key}'
            yield from _paths_named(value, name, f'{path}.{key}')


def _paths_equal_to(node: Any, wanted: Any, path: str) -> Iterator[str]:
    """Dotted names of the entries in `node`, at `path`, that equal `wanted`, a word or a container."""
    if (
        isinstance(wanted, str | list | tuple | dict)
        and type(node) is type(wanted)
        and _without_scopes(node) == _without_scopes(wanted)
    ):
        yield path
    elif isinstance(node, dict | list | tuple):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _paths_equal_to(value, wanted, f'{path}.{key}')


def _without_scopes(node: Any) -> Any:
    """A copy without the scopes that MMEngine writes into some parts of configs of other packages."""
    if isinstance(node, dict):
        return {key: _without_scopes(value) for key, value in node.items() if key != '_scope_'}
    return [_without_scopes(value) for value in node] if isinstance(node, list | tuple) else node
