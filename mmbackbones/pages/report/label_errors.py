"""The section on labels that may be wrong."""

from collections.abc import Mapping
from typing import Any

from ...evaluation.diagnosis.figures import DetectionDiagnosis, LabelError
from ...evaluation.diagnosis.results import Results
from ...utils.progress import track
from ..rendering import Section, render
from ..tables import Column, Table
from .run import threshold_of
from .scenes import Shown, strip

_PICTURES = 24
_LISTED = 200
WORTH_A_LOOK = 0.3  # suspicion of a label, see `label_errors` of evaluation.diagnosis
_LEAST = 0.05  # of what is listed at all
_MEANINGS = {
    'class': 'annotated as {label}, but {predicted} is predicted here',
    'missing': 'nothing is annotated, but {predicted} is predicted here',
    'spurious': 'annotated as {label}, but nothing is predicted here',
    'place': 'annotated as {label}, but predicted in another place or size',
}


def labels_section(results: Results, diagnosis: DetectionDiagnosis) -> Section:
    """Labels that confident predictions contradict, the most suspicious first."""
    errors = [error for error in diagnosis.label_errors if error.suspicion >= _LEAST]
    places = {image.id: place for place, image in enumerate(results.images)}
    items: list[Mapping[str, Any]] = []
    shown = [Shown(results, threshold_of(diagnosis))]
    first = list(enumerate(errors[:_PICTURES], 1))
    for rank, error in track(first, len(first), 'Drawing labels'):
        place = places[error.image_id]
        if source := strip(shown, [place], error.box):
            meaning = _meaning(error, results)
            name = results.images[place].name
            caption = f'{rank}. {meaning} (suspicion {error.suspicion:.2f}) · {name}'
            items.append(dict(source=source, alt=f'{name}: {meaning}', caption=caption))
    body = render(
        'report_labels.html',
        items=items,
        table=_table(results, errors[:_LISTED], places),
        suspicious=sum(error.suspicion >= WORTH_A_LOOK for error in errors),
        ranked=len(diagnosis.label_errors),
        missing=min(len(errors), _PICTURES) - len(items),
    )
    return Section('labels', 'Likely label errors', body)


def _table(results: Results, errors: list[LabelError], places: Mapping[int, int]) -> Table:
    columns = [
        Column('rank', 'count'),
        Column('suspicion', 'share', 'from 0 to 1'),
        Column('what contradicts'),
        Column('image'),
        Column('annotation', 'count', 'its id in the annotation file'),
        Column('box', help='left, top, width and height in pixels'),
    ]
    rows = [
        [
            rank,
            error.suspicion,
            _meaning(error, results),
            results.images[places[error.image_id]].name,
            error.truth_id,
            ', '.join(f'{value:.0f}' for value in error.box),
        ]
        for rank, error in enumerate(errors, 1)
    ]
    return Table(columns, rows, sorted_by=0)


def _meaning(error: LabelError, results: Results) -> str:
    names = {
        name: '' if index is None else f'“{results.classes[index]}”'
        for name, index in (('label', error.label), ('predicted', error.predicted))
    }
    return _MEANINGS[error.kind].format(**names)
