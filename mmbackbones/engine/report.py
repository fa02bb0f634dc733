"""Metrics on screen and in a file."""
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

# Metrics of each class: the start of their keys, in metrics.json, and their column on screen.
_BY_CLASS = {'bbox_AP_': 'box AP', 'segm_AP_': 'mask AP', 'IoU_': 'IoU', 'Acc_': 'accuracy'}


def tidy_metrics(metrics: dict[str, float]) -> dict[str, float]:
    """MMEngine's metrics without their ``coco/`` prefix."""
    return {key.removeprefix('coco/'): float(value) for key, value in metrics.items()}


def write_metrics(metrics: dict[str, float], path: Path) -> None:
    """Write `metrics` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metrics, indent=2) + '\n', encoding='utf-8')


def print_metrics(metrics: dict[str, float]) -> None:
    """Print `metrics` as a table, and those of each class as another; -1: the data has nothing to measure it by."""
    whole, classes, columns = Table('metric', 'value'), {}, []
    for key, value in metrics.items():
        prefix = next((prefix for prefix in _BY_CLASS if key.startswith(prefix)), None)
        if prefix is None:
            whole.add_row(key, f'{value:.3f}')
            continue
        classes.setdefault(key.removeprefix(prefix), []).append(f'{value:.3f}')
        columns += [_BY_CLASS[prefix]] if _BY_CLASS[prefix] not in columns else []
    console = Console()
    console.print(whole)
    if classes:
        by_class = Table('class', *columns)
        for name, values in classes.items():
            by_class.add_row(name, *values)
        console.print(by_class)
