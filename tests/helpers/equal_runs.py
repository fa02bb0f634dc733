"""Whether two training runs left the same: checkpoints tensor by tensor, the best one, ``results.csv``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from mmbackbones.weights import load_from_file
from tests.helpers.results import steady_rows

# What is of a start or of the machine: the config as text, times and versions; logged times and peaks of memory. The
# rows of `results` are those of results.csv, and what was measured since the last one goes into the next.
OF_THE_START = ('meta', 'message_hub', 'results')
POSITION = ('epoch', 'iter', 'seed')


def unequal(whole: Path, other: Path) -> list[str]:
    """What differs in the work directories of two runs that have ended, by names; empty if they are equal."""
    names, others = ({path.name for path in folder.glob('*.pth')} for folder in (whole, other))
    found = [f'{name} is only in one' for name in sorted(names ^ others)]
    for name in sorted(names & others):
        found += _unequal_checkpoints(whole / name, other / name)
    if steady_rows(whole) != steady_rows(other):
        found.append('results.csv')
    newest = [Path((folder / 'last_checkpoint').read_text()).name for folder in (whole, other)]
    if newest[0] != newest[1]:
        found.append(f'last_checkpoint: {newest[0]} and {newest[1]}')
    return [*found, *(f'{path.name} is left' for path in other.rglob('*.partial'))]


def _unequal_checkpoints(first: Path, second: Path) -> list[str]:
    parts = one, two = load_from_file(first), load_from_file(second)
    for part in parts:
        if 'optimizer' not in part:  # no run is resumed from it, and the last position depends on the clock
            part['record'].pop('validated')
    kept = ({key: value for key, value in part.items() if key not in OF_THE_START} for part in parts)
    paths = list(_paths_of_difference(*kept))
    paths += [f'.meta.{key}' for key in POSITION if one['meta'].get(key) != two['meta'].get(key)]
    more = f' and {len(paths) - 3} more' if len(paths) > 3 else ''
    return [f'{first.name}: {", ".join(paths[:3])}{more}'] if paths else []


def _paths_of_difference(one: Any, two: Any, path: str = '') -> Iterator[str]:
    if type(one) is not type(two):
        yield f'{path} ({type(one).__name__} and {type(two).__name__})'
    elif isinstance(one, dict):
        for key in one.keys() ^ two.keys():
            yield f'{path}.{key} (only in one)'
        for key in one.keys() & two.keys():
            yield from _paths_of_difference(one[key], two[key], f'{path}.{key}')
    elif isinstance(one, list | tuple):
        if len(one) != len(two):
            yield f'{path} (lengths {len(one)} and {len(two)})'
        for position, pair in enumerate(zip(one, two, strict=False)):
            yield from _paths_of_difference(*pair, f'{path}.{position}')
    elif not (torch.equal(one, two) and one.dtype == two.dtype if isinstance(one, torch.Tensor) else one == two):
        yield path
