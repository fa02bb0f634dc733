"""The section on images that are nearly alike."""

from collections.abc import Iterator
from os.path import basename
from pathlib import Path

from ...datasets.survey.survey import Survey
from ...utils.text import counted
from ..pictures import read_image, resized
from ..rendering import Section, render
from .drawn import blank, relative
from .sheets import Picture

GROUPS = 12  # with pictures
_OF_GROUP = 4
_SIDE = 240


def draw_similar(survey: Survey) -> Iterator[Picture]:
    """The first images of the first groups, those in several splits first."""
    for number, group in enumerate(_ordered(survey)[:GROUPS], 1):
        for split, path in group[:_OF_GROUP]:
            image = read_image(Path(path))
            picture = blank(_SIDE) if image is None else resized(image, _SIDE)[0]
            more = f', {len(group) - _OF_GROUP} more' if len(group) > _OF_GROUP else ''
            yield Picture(picture, f'{number}. {split}: {relative(path, survey.data.root)}{more}')


def similar_section(survey: Survey, pictures: list[Picture]) -> Section:
    """The section.

    Args:
        survey: The data set.
        pictures: What :func:`draw_similar` drew.
    """
    body = render(
        'browse_similar.html',
        groups=counted(len(survey.similar), 'group'),
        found=bool(survey.similar),
        leaks=len(survey.leaks),
        held_out=sum(split != 'train' for group in survey.leaks for split, _ in group if group[0][0] == 'train'),
        several_splits=len(survey.splits) > 1,
        shown=min(GROUPS, len(survey.similar)),
        items=[picture.item for picture in pictures],
        total=sum(map(len, survey.similar)),
    )
    return Section('similar', 'Nearly the same image', body)


def _ordered(survey: Survey) -> list[list[tuple[str, str]]]:
    """Groups in several splits first, and of these the ones whose files have different names."""
    leaks = survey.leaks
    inside = [group for group in survey.similar if group not in leaks] if len(leaks) < GROUPS else []
    return [*sorted(leaks, key=lambda group: len({basename(path) for _, path in group}) == 1), *inside]
