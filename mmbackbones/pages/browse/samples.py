"""The section with pictures of each split."""

from collections.abc import Iterator

import numpy as np

from ...datasets.survey.label_maps import LabelMaps
from ...datasets.survey.objects import Objects
from ...datasets.survey.survey import Survey
from ...utils.text import counted
from ..rendering import Section, render
from .drawn import draw_labels, relative, spread
from .sheets import Picture

NUMBER = {'train': 24, 'val': 12, 'test': 12}  # of pictures
_BACKGROUNDS = 6  # one in so many of the pictures may show no object


def choose_images(content: Objects | LabelMaps, number: int) -> list[int]:
    """Images that show what a split holds: evenly spaced, few of them without objects.

    Args:
        content: The split.
        number: How many at the most.
    """
    per_image = content.per_image
    empty = np.flatnonzero(per_image == 0)
    backgrounds = spread(empty, min(len(empty), number // _BACKGROUNDS))
    return sorted([*spread(np.flatnonzero(per_image), number - len(backgrounds)), *backgrounds])


def draw_samples(survey: Survey) -> Iterator[tuple[str, Picture]]:
    """Pictures of each split, each with the name of the split."""
    noun = ('object', None) if survey.has_boxes else ('class', 'classes')
    for split, content in survey.splits.items():
        per_image = content.per_image
        for index in choose_images(content, NUMBER[split]):
            caption = f'{relative(content.paths[index], survey.data.root)} · {counted(int(per_image[index]), *noun)}'
            yield split, Picture(draw_labels(survey, split, index), caption)


def samples_section(survey: Survey, pictures: dict[str, list[Picture]]) -> Section:
    """The section.

    Args:
        survey: The data set.
        pictures: Those of each split.
    """
    splits = [
        dict(
            name=split,
            total=counted(len(survey.splits[split].paths), 'image'),
            shown=len(drawn),
            items=[picture.item for picture in drawn],
        )
        for split, drawn in pictures.items()
    ]
    return Section('pictures', 'Pictures', render('browse_pictures.html', splits=splits))
