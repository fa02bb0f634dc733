"""The section on where the figures come from: data, settings, versions."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ...engine.versions import library_versions
from ..rendering import Section, render
from ..tables import Cell, Column, Table
from .run import Run

_NAMES = {
    'sha256': 'its SHA-256',
    'date': 'tested',
    'image_folders': 'images',
    'id': 'id of the run',
    'versions': 'version of',
}
_OF_A_TEST = ('task', 'classes', 'predictions')  # what else is in its files


def origin_section(run: Run) -> Section:
    """All that is known of how the figures came about."""
    info = run.results.info if run.results else {}
    facts = {
        'The test': list(_facts({name: value for name, value in info.items() if name not in _OF_A_TEST})),
        'The training run': [('folder', str(run.folder)), *_facts(run.settings or {})],
        'This page': [
            ('written', datetime.now().astimezone().isoformat(timespec='seconds')),
            ('by', f'mmbackbones {library_versions()["mmbackbones"]}'),
        ],
    }
    table = None
    if run.results:
        count = run.results.truths.labels
        number = {label: int((count == label).sum()) for label in range(len(run.results.classes))}
        rows: list[list[Cell]] = [[name, number[label]] for label, name in enumerate(run.results.classes)]
        table = Table([Column('class'), Column('objects' if not run.is_segmentor else 'images', 'count')], rows)
    body = render(
        'report_origin.html',
        run=run,
        facts={title: rows for title, rows in facts.items() if rows},
        table=table,
        images=len(run.results.images) if run.results else 0,
    )
    return Section('origin', 'Data, settings and versions', body)


def _facts(values: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, str]]:
    """Names and values of nested settings, as text."""
    for name, value in values.items():
        name = f'{prefix}{_NAMES.get(str(name), str(name))}'
        if isinstance(value, Mapping):
            yield from _facts(value, f'{name} ')
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield from _facts({f'{number}.': item for number, item in enumerate(value, 1)}, f'{name} ')
        elif isinstance(value, list):
            yield name, ', '.join(map(str, value))
        elif value is not None:
            yield name, str(value)
