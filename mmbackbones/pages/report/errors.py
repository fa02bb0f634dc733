"""The section on the kinds of errors of a detector."""

from ...evaluation.diagnosis.figures import DetectionDiagnosis
from ..rendering import Section, render
from ..tables import Column, Table
from .error_kinds import kind_of


def errors_section(diagnosis: DetectionDiagnosis) -> Section:
    """What each kind of errors costs, the costliest first."""
    return Section('errors', 'Kinds of errors', render('report_errors.html', table=errors_table(diagnosis)))


def errors_table(diagnosis: DetectionDiagnosis) -> Table:
    """The kinds of errors."""
    most = max((error.ap50_lost for error in diagnosis.errors), default=1.0)
    columns = [
        Column('kind'),
        Column('AP50 lost', 'share', 'how much AP50 would rise if errors of this kind alone were mended', most),
        Column('number', 'count', 'among all predictions, whatever their score; of missed ones, objects'),
        Column('what it is'),
    ]
    rows = [
        [kind_of(error.name).name, error.ap50_lost, error.count, kind_of(error.name).meaning]
        for error in diagnosis.errors
    ]
    return Table(columns, sorted(rows, key=lambda row: -float(row[1])), sorted_by=1, descending=True)
