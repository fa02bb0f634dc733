"""The section on classes: how often each occurs, and examples."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...datasets.survey.label_maps import LabelMaps, read_classes
from ...datasets.survey.objects import Objects
from ...datasets.survey.survey import Survey
from ...visualization.class_colors import class_color
from ...visualization.drawing import Pixels
from ..pictures import read_image
from ..rendering import Section, render
from ..tables import Cell, Column, Table
from .drawn import cut_out, named, spread
from .sheets import Picture

MOST_CLASSES = 60  # with examples
_EXAMPLES = 7
_SIDE = 120
_FRAME = 2
_TINT = 0.5
_GAP = 4


def classes_section(survey: Survey, examples: dict[str, Picture]) -> Section:
    """The section.

    Args:
        survey: The data set.
        examples: Class -> a strip of examples.
    """
    body = render(
        'browse_classes.html',
        table=classes_table(survey),
        boxes=survey.has_boxes,
        one_split=[f'{name} (only in {split})' for name, split in survey.one_split_classes.items()],
        unused=named(survey.unused_classes),
        unused_number=len(survey.unused_classes),
        examples=[picture.item for picture in examples.values()],
        left_out=max(0, len(survey.data.classes) - MOST_CLASSES),
    )
    return Section('classes', 'Classes', body)


def classes_table(survey: Survey) -> Table:
    """How often each class occurs in each split, the most frequent first."""
    what = 'objects' if survey.has_boxes else 'pixels'
    totals = {split: sum(count.objects for count in counts) or 1 for split, counts in survey.counts.items()}
    columns = [Column('class'), Column('images', 'count', 'images of all splits with the class')]
    for split in survey.counts:
        if survey.has_boxes:
            columns.append(Column(split, 'count', f'objects of the class in {split}'))
        columns.append(Column(f'of {split}', 'share', f'share of the {what} of {split}'))
    if survey.has_boxes:
        columns.append(Column('usual side', 'number', 'root of the median area of its boxes in train, in pixels'))
    sides = _usual_sides(survey)
    rows: list[list[Cell]] = []
    for index, name in enumerate(survey.data.classes):
        row: list[Cell] = [name, sum(counts[index].images for counts in survey.counts.values())]
        for split, counts in survey.counts.items():
            objects = counts[index].objects
            row += [*([objects] if survey.has_boxes else []), objects / totals[split]]
        rows.append([*row, *([sides[index]] if survey.has_boxes else [])])
    return Table(columns, sorted(rows, key=lambda row: -float(row[2] or 0)), sorted_by=2, descending=True)


def draw_examples(survey: Survey) -> Iterator[tuple[str, Picture]]:
    """A strip of examples of each of the first classes that occur, with the name of the class."""
    split = 'train' if 'train' in survey.splits else next(iter(survey.splits))
    content = survey.splits[split]
    order = sorted(range(len(survey.data.classes)), key=lambda index: -survey.counts[split][index].objects)
    for index in sorted(order[:MOST_CLASSES]):
        name = survey.data.classes[index]
        cuts = _regions(survey, content, index) if isinstance(content, LabelMaps) else _objects(content, index)
        if cuts:
            yield name, Picture(_strip(cuts), name)


def _objects(objects: Objects, label: int) -> list[Pixels]:
    """Examples of a class of objects, of different sizes, from different images as far as possible."""
    indices = np.flatnonzero((objects.label == label) & objects.used)
    firsts = indices[np.unique(objects.image[indices], return_index=True)[1]]
    chosen = firsts if len(firsts) >= _EXAMPLES else indices
    by_size = chosen[np.argsort(objects.areas[chosen], kind='stable')]
    of_path = defaultdict(list)
    for index in spread(by_size, _EXAMPLES)[::-1]:
        of_path[objects.paths[objects.image[index]]].append(index)
    cuts = []
    for path, members in of_path.items():
        image = read_image(Path(path))
        if image is None:
            continue
        for index in members:
            cut, box = cut_out(image, objects.boxes[index], _SIDE)
            cuts.append(_framed(cut, box, class_color(label)))
    return cuts


def _regions(survey: Survey, maps: LabelMaps, label: int) -> list[Pixels]:
    """Examples of a class of pixels, alone in its color, where it has many."""
    having = [(counts[label], place) for place, counts in enumerate(maps.pixels) if label in counts]
    most = [place for _, place in sorted(having, reverse=True)[: max(_EXAMPLES, len(having) // 2)]]
    cuts = []
    for place in spread(most, _EXAMPLES):
        image = read_image(Path(maps.paths[place]))
        if image is None:
            continue
        inside = read_classes(maps.maps[place], survey.data.table) == label  # type: ignore[union-attr]
        ys, xs = np.nonzero(inside)
        box = (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        cut, _ = cut_out(image, box, _SIDE, margin=0.1)
        shown, _ = cut_out(np.repeat(inside[..., None] * np.uint8(255), 3, axis=2), box, _SIDE, margin=0.1, beyond=0)
        tint = shown[..., :1] / 255 * _TINT
        cuts.append((cut * (1 - tint) + np.array(class_color(label)) * tint).astype(np.uint8))
    return cuts


def _framed(cut: Pixels, box: np.ndarray, color: tuple[int, int, int]) -> Pixels:
    """A cut with the outline of a box."""
    left, top, right, bottom = np.clip(np.rint(box), 0, len(cut)).astype(int).tolist()
    inner = cut[top:bottom, left:right].copy()
    outer = (slice(max(top - _FRAME, 0), bottom + _FRAME), slice(max(left - _FRAME, 0), right + _FRAME))
    framed = cut.copy()
    framed[outer] = color
    framed[top:bottom, left:right] = inner
    return framed


def _strip(cuts: list[Pixels]) -> Pixels:
    strip = np.full((_SIDE, _EXAMPLES * (_SIDE + _GAP) - _GAP, 3), 255, np.uint8)
    for place, cut in enumerate(cuts[:_EXAMPLES]):
        strip[:, place * (_SIDE + _GAP) : place * (_SIDE + _GAP) + _SIDE] = cut
    return strip


def _usual_sides(survey: Survey) -> list[float | None]:
    objects = survey.splits.get('train')
    if not isinstance(objects, Objects):
        return [None] * len(survey.data.classes)
    areas = objects.areas
    found: list[float | None] = []
    for label in range(len(survey.data.classes)):
        chosen = areas[(objects.label == label) & objects.used]
        found.append(round(float(np.sqrt(np.median(chosen))), 1) if len(chosen) else None)
    return found
