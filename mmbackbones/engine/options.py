"""``--cfg-options``: config entries that win over every other option, each checked before it is merged."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from inspect import signature
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from ..errors import UserError

_DELETE = '_delete_'
# What MMEngine's runner, MMDetection, MMSegmentation and this package read of a config, beside the runner's arguments.
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
# Numbers and switches that may be words as well: 'dynamic', 'tiny', 'on_input'.
_ALSO_WORDS = ('loss_scale', 'depth', 'arch', 'add_extra_convs')
# Entries of one type, which nothing builds that would report another.
_TYPES = {'work_dir': (str, 'a text'), 'default_scope': (str, 'a text'), 'randomness': (dict, 'a dict')}
_LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
# Entries that an option of the command line stands for.
_COUNTS = {
    'train_cfg.max_epochs': 'epochs',
    'train_cfg.max_iters': 'iters',
    'train_dataloader.batch_size': 'batch_size',
    'optim_wrapper.accumulative_counts': 'accumulate',
}
LENGTHS = ('train_cfg.max_epochs', 'train_cfg.max_iters')


def flatten(options: dict | None) -> dict[str, Any]:
    """Options with dotted names throughout: ``{'a': {'b': 1}, 'c.d': 2}`` gives ``{'a.b': 1, 'c.d': 2}``."""
    flat = {}
    for key, value in (options or {}).items():
        if isinstance(value, dict) and value:
            flat.update({f'{key}.{below}': leaf for below, leaf in flatten(value).items()})
        else:
            flat[key] = value
    return flat


def settle(asked: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The command line's options where ``--cfg-options`` names the entries that they stand for: those values win.

    So everything that is derived from an option follows: the schedule stretches to ``train_cfg.max_epochs``, the
    learning rate scales with ``train_dataloader.batch_size``.

    Args:
        asked: Arguments of :func:`~mmbackbones.apis.train`.
        options: Flat ``--cfg-options``.

    Returns:
        A copy of `asked`.

    Raises:
        UserError: A count is no whole number of at least 1, or the length is given twice.
    """
    asked = dict(asked)
    if given := [key for key in LENGTHS if options.get(key) is not None]:
        if len(given) == 2:
            raise UserError(
                '--cfg-options sets train_cfg.max_epochs and train_cfg.max_iters: a training run has one length'
            )
        asked.update(epochs=None, iters=None)
    for key, name in _COUNTS.items():
        if options.get(key) is not None:
            asked[name] = options[key]
            if type(asked[name]) is not int or asked[name] < 1:
                raise UserError(f'--cfg-options {key}={asked[name]}: must be a whole number of at least 1')
    if asked['lr'] and 'optim_wrapper.optimizer.lr' in options:
        asked['lr'] = options['optim_wrapper.optimizer.lr']
    if 'optim_wrapper.type' in options:
        asked['amp'] = options['optim_wrapper.type'] == 'AmpOptimWrapper'
    if options.get('randomness.seed') is not None:
        asked['seed'] = options['randomness.seed']
        if type(asked['seed']) is not int or asked['seed'] < 0:
            raise UserError(f'--cfg-options randomness.seed={asked["seed"]}: must be a whole number of at least 0')
    if type(options.get('randomness.deterministic', False)) is not bool:
        given = options['randomness.deterministic']
        raise UserError(f'--cfg-options randomness.deterministic={given}: must be true or false')
    asked['launcher'] = options.get('launcher') or asked['launcher']
    if asked['launcher'] not in _LAUNCHERS:
        raise UserError(f'--cfg-options launcher={asked["launcher"]}: must be one of {", ".join(_LAUNCHERS)}')
    if not isinstance(options.get('load_from') or '', str):
        raise UserError(f'--cfg-options load_from={options["load_from"]}: must be a file, a URL or a short name')
    if options.get('resume'):
        asked['resume'] = asked['resume'] or options.get('load_from') or 'auto'
    if options.get('load_from') and asked['resume'] in (None, 'auto'):
        asked.update({'resume' if asked['resume'] else 'weights': options['load_from'], 'from_scratch': False})
    elif below(options, 'model.backbone.init_cfg'):
        asked.update(weights=None, from_scratch=False)
    return asked


def merge(cfg: Config, options: dict[str, Any], again: bool = False) -> None:
    """Merge flat options into `cfg`.

    Args:
        cfg: The config.
        options: Flat ``--cfg-options``.
        again: They have been merged before, and what the other options wrote since is to give way: nothing is checked
            or deleted.

    Raises:
        UserError: An option names no entry that could be there, or its value is of another kind.
    """
    for key in sorted(options, key=lambda key: not key.endswith(_DELETE)):
        if again and key.endswith(_DELETE):
            continue
        value, given = options[key], f'--cfg-options {key}={options[key]}'
        if problem := '' if again else _misfit(cfg, key, value):
            raise UserError(f'{given} does not fit the config: {problem}')
        value = _as_type_of(value_at(cfg, key), value)
        try:
            cfg.merge_from_dict({key: value})
        except (KeyError, TypeError, IndexError, AssertionError, AttributeError, ValueError) as error:
            raise UserError(f'{given} does not fit the config: {error}') from error


def _as_type_of(old: Any, value: Any) -> Any:
    """`value`, where only its type differs from `old`, on which some classes insist: 0 for 0.5, a list for a tuple."""
    if type(old) is float and type(value) is int:
        return float(value)
    return tuple(value) if isinstance(old, tuple) and isinstance(value, list) else value


def below(options: dict[str, Any], *sections: str) -> dict[str, Any]:
    """Those options that set something in one of `sections` (dotted names)."""
    return {
        key: value
        for key, value in options.items()
        if any(key == section or key.startswith(f'{section}.') for section in sections)
    }


def said(options: Iterable[tuple[str, Any]]) -> str:
    """Options as they are written on the command line."""
    return ' '.join(f'{key}={value}' for key, value in options)


def value_at(cfg: Config, key: str) -> Any:
    """The entry with the dotted name `key`; None if there is none."""
    node = cfg._cfg_dict
    for part in key.split('.'):
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list | tuple) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node


def _misfit(cfg: Config, key: str, value: Any) -> str:
    """What keeps an option from being merged, in words; empty if nothing does."""
    first, *_ = parts = key.split('.')
    # MMEngine takes the preprocessor from the model first.
    if first not in _READ or (first == 'data_preprocessor' and first in cfg.get('model', {})):
        read = [(name, cfg[name]) for name in sorted(_READ - {first}) if name in cfg]
        places = [place for name, node in read for place in _equal(node, cfg.get(first), name)]
        places = places or [place for name, node in read for place in _places(node, first, name)][:1]
        places = places or ([] if first in cfg else get_close_matches(first, _READ, 1))
        hint = ' and '.join('.'.join([place, *parts[1:]]) for place in places)
        what = 'is only a name in the file, and nothing reads it later' if first in cfg else 'is no entry of it'
        return f'{first!r} {what}' + (f'; did you mean {hint}?' if hint else '')
    if key in _TYPES and not isinstance(value, _TYPES[key][0]):
        return f'{key} takes {_TYPES[key][1]}'
    node, path = cfg._cfg_dict, []
    for part in parts:
        where = '.'.join(path)
        if isinstance(node, list):
            if not part.isdigit() or int(part) >= len(node):
                named = f'a list, whose {len(node)} entries are named 0 to {len(node) - 1}' if node else 'an empty list'
                return f'{where} is {named}; a whole list is given as {where}=[...]'
            node = node[int(part)]
        elif isinstance(node, dict):
            if part not in node:
                return ''
            node = node[part]
        else:
            return f'{where} is {node!r}, and nothing lies below it'
        path.append(part)
    if isinstance(node, int | float) and isinstance(value, str) and parts[-1] not in _ALSO_WORDS:
        kind = 'true or false' if isinstance(node, bool) else 'a number'
        return f'{key} takes {kind}, as {node!r} is'
    return ''


def _places(node: Any, name: str, path: str) -> Iterator[str]:
    """Dotted names of the entries below `path` that are called `name`."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == name:
                yield f'{path}.{key}'
            yield from _places(value, name, f'{path}.{key}')


def _equal(node: Any, wanted: Any, path: str) -> Iterator[str]:
    """Dotted names of the entries that are equal to `wanted`, which is a word or a container."""
    if isinstance(wanted, str | list | tuple | dict) and type(node) is type(wanted) and _bare(node) == _bare(wanted):
        yield path
    elif isinstance(node, dict | list | tuple):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _equal(value, wanted, f'{path}.{key}')


def _bare(node: Any) -> Any:
    """A copy without the scopes that MMEngine notes in configs of other packages, in some places and not in others."""
    if isinstance(node, dict):
        return {key: _bare(value) for key, value in node.items() if key != '_scope_'}
    return [_bare(value) for value in node] if isinstance(node, list | tuple) else node
