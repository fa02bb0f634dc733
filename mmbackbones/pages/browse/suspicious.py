"""The section on labels that may be wrong."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...datasets.survey.label_maps import LabelMaps
from ...datasets.survey.survey import Survey
from ...datasets.survey.suspicious import KINDS, Suspect
from ...visualization.drawing import Pixels, draw_objects
from ..pictures import read_image
from ..rendering import Section, render
from .drawn import blank, cut_out, draw_labels, relative, spread
from .sheets import Picture

_PICTURES = 6  # of each kind
_SIDE = 300
_LEAST = 32  # pixels of the image that are shown around a box


def by_kind(survey: Survey) -> dict[str, list[tuple[str, Suspect]]]:
    """Suspects of each kind with their splits; only the kinds that occur, in the order of `KINDS`."""
    found = defaultdict[str, list[tuple[str, Suspect]]](list)
    for split, suspects in survey.suspects.items():
        for suspect in suspects:
            found[suspect.kind].append((split, suspect))
    return {kind: found[kind] for kind in KINDS if kind in found}


def draw_suspects(survey: Survey) -> Iterator[tuple[str, Picture]]:
    """Some of each kind, with the kind."""
    for kind, suspects in by_kind(survey).items():
        for place in spread(range(len(suspects)), _PICTURES):
            split, suspect = suspects[place]
            names = ' and '.join(suspect.names)
            caption = f'{split}: {relative(suspect.image, survey.data.root)}{f" · {names}" if names else ""}'
            yield kind, Picture(_draw(survey, split, suspect), caption)


def suspicious_section(survey: Survey, pictures: dict[str, list[Picture]]) -> Section:
    """The section.

    Args:
        survey: The data set.
        pictures: Those of each kind.
    """
    kinds = [
        dict(
            title=KINDS[kind][0],
            meaning=KINDS[kind][1],
            number=len(suspects),
            splits=', '.join(
                f'{split} {sum(other == split for other, _ in suspects):,}'
                for split in survey.splits
                if any(other == split for other, _ in suspects)
            ),
            items=[picture.item for picture in pictures.get(kind, [])],
        )
        for kind, suspects in by_kind(survey).items()
    ]
    return Section('suspicious', 'Suspicious labels', render('browse_suspicious.html', kinds=kinds))


def _draw(survey: Survey, split: str, suspect: Suspect) -> Pixels:
    content = survey.splits[split]
    if isinstance(content, LabelMaps):
        return draw_labels(survey, split, content.paths.index(suspect.image), _SIDE)
    image = read_image(Path(suspect.image))
    if image is None:
        return blank(_SIDE)
    boxes = np.array(suspect.boxes)
    around = [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]
    if suspect.kind in ('dropped', 'clipped', 'covering'):  # the whole image and what lies beyond it
        height, width = image.shape[:2]
        around = [min(0, around[0]), min(0, around[1]), max(width, around[2]), max(height, around[3])]
        around = [
            max(around[0], -width),
            max(around[1], -height),
            min(around[2], 2 * width),
            min(around[3], 2 * height),
        ]
        margin = 0.04
    else:
        margin = max(1.0, _LEAST / max(around[2] - around[0], around[3] - around[1], 1))
    cut, place = cut_out(image, around, _SIDE, margin)
    scale = (place[2] - place[0]) / max(around[2] - around[0], 1e-9) if around[2] > around[0] else 0
    if not scale:
        scale = _SIDE / (2 * max(around[3] - around[1], 8) * (0.5 + margin))
    shift = place[:2] - np.array(around[:2]) * scale
    moved = boxes * scale + np.tile(shift, 2)
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)  # so that a box without area is seen
    classes = survey.data.classes
    labels = np.array([classes.index(name) if name in classes else -1 for name in suspect.names])
    return draw_objects(cut, moved, None, labels, None, classes)
