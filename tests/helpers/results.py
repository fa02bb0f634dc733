"""Rows of ``results.csv``, as far as they are the same in two runs."""

from pathlib import Path

from mmbackbones.evaluation.results_table import read_results_csv
from mmbackbones.utils.result_columns import Row

OF_THE_MACHINE = ('seconds', 'images_per_second', 'memory_mb')


def steady_rows(work_dir: Path) -> list[Row]:
    """The rows of a work directory without what depends on the speed of the machine."""
    rows = read_results_csv(work_dir / 'results.csv')
    return [{name: value for name, value in row.items() if name not in OF_THE_MACHINE} for row in rows]
