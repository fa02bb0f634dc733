"""Metrics on the terminal and in a file."""

import json
import re
from math import isfinite
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from ..errors import UserError, printable
from ..utils.atomic_write import atomic_write

# Prefixes of the metrics of each class in metrics.json, and their columns on the terminal.
_BY_CLASS = {'bbox_AP_': 'box AP', 'segm_AP_': 'mask AP', 'IoU_': 'IoU', 'Acc_': 'accuracy'}
_UNDEFINED = -1.0
# What the metrics mean, for those who have never seen their names.
_MEANING = {
    'mAP': 'average precision (AP) at IoU 0.50-0.95',
    'mAP_50': 'AP at IoU 0.50',
    'mAP_75': 'AP at IoU 0.75',
    'mAP_s': 'AP of small objects, below 32x32 pixels',
    'mAP_m': 'AP of medium objects',
    'mAP_l': 'AP of large objects, above 96x96 pixels',
    'mIoU': 'intersection over union, mean of the classes',
    'mAcc': 'accuracy, mean of the classes',
    'aAcc': 'share of all pixels that are right',
}
_DETAIL = re.compile(r'_(75|s|m|l)$')
_LEADING = 4  # metrics in a line of text


def tidy_metrics(metrics: dict) -> dict:
    """Convert metrics of MMEngine to JSON's types, without their ``coco/`` prefix.

    Numbers become ``float``, with -1 (undefined) for NaN and infinities. Arrays and tensors become lists; other values,
    which custom metrics may give, become text.
    """
    return {key.removeprefix('coco/'): _plain(value) for key, value in metrics.items()}


def write_metrics(metrics: dict, path: Path) -> None:
    """Write metrics to a JSON file, atomically.

    Args:
        metrics: What :func:`tidy_metrics` gives.
        path: The file to write.

    Raises:
        UserError: The file cannot be written.
    """
    try:
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(metrics, indent=2, allow_nan=False) + '\n', encoding='utf-8')
    except OSError as error:
        raise UserError(f'cannot write the metrics to {path}: {error.strerror or error}') from error


def leading_metrics(metrics: dict[str, float], first: str | None) -> list[str]:
    """The names of the few metrics that say most, for a line of text: none of single classes and sizes of objects.

    Args:
        metrics: Figures by the names that ``metrics.json`` has.
        first: The one to begin with.
    """
    names = [name for name in metrics if not _DETAIL.search(name) and not name.startswith(tuple(_BY_CLASS))]
    return sorted(names, key=lambda name: name != first)[:_LEADING]


def print_metrics(metrics: dict) -> None:
    """Print metrics as a table, and those of each class as another; a dash means undefined (no ground truth)."""
    whole = _table('metric', _right('value'), 'meaning')
    classes: dict[str, dict[str, float]] = {}
    columns: dict[str, str] = {}
    for key, value in metrics.items():
        prefix = next((prefix for prefix in _BY_CLASS if key.startswith(prefix)), None)
        if prefix is None:
            whole.add_row(_cell(key), _cell(value), _MEANING.get(re.sub('^(bbox|segm)_', '', key), ''))
        else:
            classes.setdefault(key.removeprefix(prefix), {})[prefix] = value
            columns[prefix] = _BY_CLASS[prefix]
    console = Console(force_jupyter=False)  # text in notebooks, too
    if whole.row_count:
        console.print(whole)
    if classes:
        by_class = _table('class', *map(_right, columns.values()))
        for name, values in classes.items():
            by_class.add_row(_cell(name), *(_cell(values.get(prefix, '')) for prefix in columns))
        console.print(by_class)


def _table(name: str, *others: Column | str) -> Table:
    return Table(Column(name, overflow='fold'), *others)  # long names continue on the next line


def _right(name: str) -> Column:
    return Column(name, justify='right')


def _cell(value: float | str) -> Text:
    """Text that rich prints as it is; in plain strings it looks for markup in brackets and for emoji names."""
    if isinstance(value, float):
        return Text('-' if value == _UNDEFINED else f'{value:.3f}')
    return Text(printable(str(value)))


def _plain(value: Any) -> float | list | dict | str:
    if hasattr(value, 'tolist'):  # tensors, and arrays and scalars of NumPy
        value = value.tolist()
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    try:
        value = float(value)
    except (TypeError, ValueError):
        return str(value)
    return value if isfinite(value) else _UNDEFINED
