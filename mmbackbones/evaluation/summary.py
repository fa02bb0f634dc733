"""Metrics on screen and in a file."""

import json
from math import isfinite
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from ..errors import UserError, printable
from ..utils.atomic_write import atomic_write

# Metrics of each class: the start of their keys, in metrics.json, and their column on screen.
_BY_CLASS = {'bbox_AP_': 'box AP', 'segm_AP_': 'mask AP', 'IoU_': 'IoU', 'Acc_': 'accuracy'}
_UNDEFINED = -1.0


def tidy_metrics(metrics: dict) -> dict:
    """MMEngine's metrics without their ``coco/`` prefix, as JSON can hold them: -1 stands for NaN, undefined.

    Numbers become ``float``; what else a metric of the user's own gives becomes lists of them, or text.
    """
    return {key.removeprefix('coco/'): _plain(value) for key, value in metrics.items()}


def write_metrics(metrics: dict, path: Path) -> None:
    """Write `metrics` as JSON, the whole file or none.

    Raises:
        UserError: The file cannot be written.
    """
    try:
        with atomic_write(path) as partial:
            partial.write_text(json.dumps(metrics, indent=2, allow_nan=False) + '\n', encoding='utf-8')
    except OSError as error:
        raise UserError(f'cannot write the metrics to {path}: {error.strerror or error}') from error


def print_metrics(metrics: dict) -> None:
    """Print `metrics` as a table, and those of each class as another; -1: undefined, for lack of ground truth."""
    whole, classes, columns = _table('metric', 'value'), {}, {}
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
    return Table(Column(name, overflow='fold'), *others)  # long names go on in the next line, none is cut


def _cell(value: float | str) -> Text:
    """Text that rich takes as it is: in a plain string it would look for markup in brackets and names of emoji."""
    return Text(f'{value:.3f}' if isinstance(value, float) else printable(str(value)))


def _plain(value) -> float | list | dict | str:
    if hasattr(value, 'tolist'):  # tensors, and whatever NumPy has
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
