"""The section on classes: a table that sorts."""

from ...evaluation.diagnosis.figures import DetectionDiagnosis
from ..rendering import Section, render
from ..tables import Column, Table
from .run import Diagnosis


def classes_section(diagnosis: Diagnosis) -> Section:
    """All classes, the weakest first."""
    detector = isinstance(diagnosis, DetectionDiagnosis)
    masks = isinstance(diagnosis, DetectionDiagnosis) and diagnosis.task == 'segm'
    body = render('report_classes.html', table=classes_table(diagnosis), detector=detector, masks=masks)
    return Section('classes', 'Classes', body)


def classes_table(diagnosis: Diagnosis) -> Table:
    """The figures of each class."""
    if isinstance(diagnosis, DetectionDiagnosis):
        columns = [
            Column('class'),
            Column('objects', 'count', 'annotated objects in the test'),
            Column('AP', 'share', 'average precision over IoU 0.5 to 0.95'),
            Column('AP50', 'share', 'average precision at IoU 0.5'),
            Column('AP75', 'share', 'average precision at IoU 0.75'),
            Column('precision', 'share', 'share of what is found that is right, at the threshold beside it'),
            Column('recall', 'share', 'share of the objects that are found, at the threshold beside it'),
            Column('F1', 'share', 'harmonic mean of precision and recall'),
            Column('best threshold', 'score', 'score threshold at which the class has its highest F1'),
        ]
        rows = [
            [c.name, c.truths, c.ap, c.ap50, c.ap75, c.precision, c.recall, c.f1, c.best] for c in diagnosis.classes
        ]
        return Table(columns, _weakest_first(rows, 2), sorted_by=2)
    columns = [
        Column('class'),
        Column('pixels', 'count', 'labeled pixels in the test'),
        Column('IoU', 'share', 'intersection over union'),
        Column('accuracy', 'share', 'share of the pixels of the class that are found (recall)'),
        Column('precision', 'share', 'share of the pixels predicted as the class that are right'),
    ]
    rows = [[c.name, c.pixels, c.iou, c.accuracy, c.precision] for c in diagnosis.classes]
    return Table(columns, _weakest_first(rows, 2), sorted_by=2)


def _weakest_first(rows: list[list], column: int) -> list[list]:
    """Rows by a column that may be nan, which comes last."""
    return sorted(rows, key=lambda row: (row[column] != row[column], row[column]))
