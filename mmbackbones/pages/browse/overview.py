"""The section at the top of the page."""

from collections.abc import Mapping

from ...datasets.survey.survey import Survey
from ...utils.text import counted
from ..rendering import Section, render
from .drawn import relative

_UNREADABLE = 200  # that are listed


def overview_section(survey: Survey, beside: Mapping[str, str]) -> Section:
    """The section.

    Args:
        survey: The data set.
        beside: Other pages of the same folder: what they are of -> their place, relative to this one.
    """
    data = survey.data
    images = {split: len(content.paths) for split, content in survey.splits.items()}
    tiles = [dict(value=f'{sum(images.values()):,}', name='images', note=_by_split(images))]
    if survey.has_boxes:
        objects = {split: int(content.per_image.sum()) for split, content in survey.splits.items()}
        empty = {split: int((content.per_image == 0).sum()) for split, content in survey.splits.items()}
        tiles.append(dict(value=f'{sum(objects.values()):,}', name='objects', note=_by_split(objects)))
        tiles.append(dict(value=f'{sum(empty.values()):,}', name='images without objects', note=''))
    tiles.append(dict(value=f'{len(data.classes):,}', name='classes', note=''))
    suspects = {split: len(found) for split, found in survey.suspects.items()}
    tiles.append(dict(value=f'{sum(suspects.values()):,}', name='suspicious labels', note=_by_split(suspects)))
    note = f'{counted(len(survey.similar), "group")}, {len(survey.leaks)} in several splits' if survey.similar else ''
    tiles.append(dict(value=f'{sum(map(len, survey.similar)):,}', name='images nearly alike', note=note))
    if survey.unreadable:
        tiles.append(dict(value=f'{len(survey.unreadable):,}', name='files that cannot be read', note='left out here'))
    body = render(
        'browse_overview.html',
        tiles=tiles,
        notes=data.notes,
        beside=beside,
        unreadable=[(relative(path, data.root), why) for path, why in list(survey.unreadable.items())[:_UNREADABLE]],
        more=max(0, len(survey.unreadable) - _UNREADABLE),
        number=len(survey.unreadable),
    )
    return Section('overview', 'Overview', body)


def _by_split(counts: dict[str, int]) -> str:
    return ', '.join(f'{split} {number:,}' for split, number in counts.items()) if len(counts) > 1 else ''
