"""Metrics on the terminal and in a file."""

import json
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


def print_metrics(metrics: dict) -> None:
    """Print metrics as a table, and those of each class as another; -1 means undefined (no ground truth)."""
    whole = _table('metric', 'value')
    classes: dict[str, dict[str, float]] = {}
    columns: dict[str, str] = {}
    for key, value in metrics.items():
        prefix = next((prefix for prefix in _BY_CLASS if key.startswith(prefix)), None)
        if prefix is None:
            whole.add_row(_cell(key), _cell(value))
        else:
            classes.setdefault(key.removeprefix(prefix), {})[prefix] = value
            columns[prefix] = _BY_CLASS[prefix]
    console = Console()
    if whole.row_count:
        console.print(whole)
    if classes:
        by_class = _table('class', *columns.values())
        for name, values in classes.items():
            by_class.add_row(_cell(name), *(_cell(values.get(prefix, '')) for prefix in columns))
        console.print(by_class)


def _table(name: str, *others: str) -> Table:
    return Table(Column(name, overflow='fold'), *others)  # long names continue on the next line


def _cell(value: float | str) -> Text:
    """Text that rich prints as it is; in plain strings it looks for markup in brackets and for emoji names."""
    return Text(f'{value:.3f}' if isinstance(value, float) else printable(str(value)))


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
