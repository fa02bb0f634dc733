"""``--cfg-options``: config entries that override every other option, each checked before it is merged."""

from collections.abc import Iterable
from typing import Any

from mmengine.config import Config

from ..errors import UserError
from ..utils.launchers import LAUNCHERS
from .amp import AMP_WRAPPERS
from .config_tree import value_at
from .option_checks import DELETE, find_problem

# Entries that arguments of `train` stand for.
_COUNTS = {
    'train_cfg.max_epochs': 'epochs',
    'train_cfg.max_iters': 'iters',
    'train_dataloader.batch_size': 'batch_size',
    'optim_wrapper.accumulative_counts': 'accumulate',
}
LENGTHS = ('train_cfg.max_epochs', 'train_cfg.max_iters')


def flatten(options: dict | None) -> dict[str, Any]:
    """Options with dotted names only: ``{'a': {'b': 1}, 'c.d': 2}`` gives ``{'a.b': 1, 'c.d': 2}``."""
    flat: dict[str, Any] = {}
    for key, value in (options or {}).items():
        if isinstance(value, dict) and value:
            flat.update({f'{key}.{below}': leaf for below, leaf in flatten(value).items()})
        else:
            flat[key] = value
    return flat


def resolve_arguments(asked: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Give arguments of a training run the values of the ``--cfg-options`` that set the same entries.

    So everything that is derived from an argument follows: schedules are stretched to ``train_cfg.max_epochs``, the
    learning rate scales with ``train_dataloader.batch_size``.

    Args:
        asked: Arguments of :func:`~mmbackbones.apis.train`.
        options: Flat ``--cfg-options``.

    Returns:
        A copy of `asked` with these values.

    Raises:
        UserError: A value is not of the kind that the argument takes, or the length is given twice.
    """
    asked = dict(asked)
    if given := [key for key in LENGTHS if options.get(key) is not None]:
        if len(given) == 2:
            raise UserError(
                '--cfg-options sets train_cfg.max_epochs and train_cfg.max_iters: a training run has one length'
            )
        asked.update(epochs=None, iters=None, time_budget=None)
    for key, name in _COUNTS.items():
        if options.get(key) is not None:
            asked[name] = options[key]
            if type(asked[name]) is not int or asked[name] < 1:
                raise UserError(f'--cfg-options {key}={asked[name]}: must be a whole number of at least 1')
    if asked['lr'] and 'optim_wrapper.optimizer.lr' in options:
        asked['lr'] = options['optim_wrapper.optimizer.lr']
    if 'optim_wrapper.type' in options:
        asked['amp'] = options['optim_wrapper.type'] in AMP_WRAPPERS
    if options.get('randomness.seed') is not None:
        asked['seed'] = options['randomness.seed']
        if type(asked['seed']) is not int or asked['seed'] < 0:
            raise UserError(f'--cfg-options randomness.seed={asked["seed"]}: must be a whole number of at least 0')
    if type(options.get('randomness.deterministic', False)) is not bool:
        given = options['randomness.deterministic']
        raise UserError(f'--cfg-options randomness.deterministic={given}: must be true or false')
    asked['launcher'] = options.get('launcher') or asked['launcher']
    if asked['launcher'] not in ('none', *LAUNCHERS):
        raise UserError(f'--cfg-options launcher={asked["launcher"]}: must be none, {", ".join(LAUNCHERS)}')
    if not isinstance(options.get('load_from') or '', str):
        raise UserError(f'--cfg-options load_from={options["load_from"]}: must be a file, a URL or a short name')
    if options.get('resume'):
        asked['resume'] = asked['resume'] or options.get('load_from') or 'auto'
    if options.get('load_from') and asked['resume'] in (None, 'auto'):
        asked.update({'resume' if asked['resume'] else 'weights': options['load_from'], 'from_scratch': False})
    elif options_in(options, 'model.backbone.init_cfg'):
        asked.update(weights=None, from_scratch=False)
    return asked


def merge(cfg: Config, options: dict[str, Any]) -> None:
    """Check flat options and merge them into a config.

    Args:
        cfg: The config; changed in place.
        options: Flat ``--cfg-options``.

    Raises:
        UserError: An option names an entry that nothing reads, or its value is of the wrong kind.
    """
    for key in sorted(options, key=lambda key: not key.endswith(DELETE)):
        if problem := find_problem(cfg, key, options):
            raise UserError(f'--cfg-options {key}={options[key]} does not fit the config: {problem}')
        _merge_one(cfg, key, options[key])


def merge_again(cfg: Config, options: dict[str, Any]) -> None:
    """Merge options that were merged before over what other options have written since.

    Args:
        cfg: The config; changed in place.
        options: Flat ``--cfg-options``; those that delete entries have no effect a second time.

    Raises:
        UserError: An option does not fit what was written since.
    """
    for key, value in options.items():
        if not key.endswith(DELETE):
            _merge_one(cfg, key, value)


def _merge_one(cfg: Config, key: str, value: Any) -> None:
    value = _as_type_of(value_at(cfg, key), value)
    try:
        cfg.merge_from_dict({key: value})
    except (KeyError, TypeError, IndexError, AssertionError, AttributeError, ValueError) as error:
        raise UserError(f'--cfg-options {key}={value} does not fit the config: {error}') from error


def _as_type_of(old: Any, value: Any) -> Any:
    """`value` in the type of `old`, on which some classes insist: 0.0 for 0, a tuple for a list."""
    if type(old) is float and type(value) is int:
        return float(value)
    return tuple(value) if isinstance(old, tuple) and isinstance(value, list) else value


def options_in(options: dict[str, Any], *sections: str) -> dict[str, Any]:
    """The options that set something in one of `sections`, given by dotted names."""
    return {
        key: value
        for key, value in options.items()
        if any(key == section or key.startswith(f'{section}.') for section in sections)
    }


def format_options(options: Iterable[tuple[str, Any]]) -> str:
    """Options as they are written on the command line."""
    return ' '.join(f'{key}={value}' for key, value in options)
