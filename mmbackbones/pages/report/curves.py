"""The section on training."""

from collections.abc import Sequence

from ...visualization.curves import training_curves
from ..charts import chart
from ..rendering import Section, render
from .run import Run


def curves_section(runs: Sequence[Run]) -> Section:
    """Curves of the training runs, in one chart."""
    trained = {run.name: run.rows for run in runs if run.rows}
    curves = (
        chart(training_curves(trained), 'Losses, validation and learning rate during training') if trained else None
    )
    without = [run.name for run in runs if not run.rows]
    return Section(
        'curves', 'Training', render('report_curves.html', curves=curves, without=without, several=len(runs) > 1)
    )
