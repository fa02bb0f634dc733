"""Metrics on screen and in a file."""
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

_BOX_METRICS = ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')


def tidy_metrics(metrics: dict[str, float]) -> dict[str, float]:
    """MMEngine's metrics without their ``coco/`` prefix.

    A model that detects nothing at all gets no metrics from MMDetection; it has earned zeros.
    """
    tidy = {key.split('/')[-1]: float(value) for key, value in metrics.items()}
    return tidy or {f'bbox_{name}': 0.0 for name in _BOX_METRICS}


def write_metrics(metrics: dict[str, float], path: Path) -> None:
    """Write `metrics` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metrics, indent=2) + '\n', encoding='utf-8')


def print_metrics(metrics: dict[str, float]) -> None:
    """Print `metrics` as a table; -1 means that the data has no objects of that size."""
    table = Table('metric', 'value')
    for key, value in metrics.items():
        table.add_row(key, f'{value:.3f}')
    Console().print(table)
