"""What CVAT writes into COCO files that COCO means otherwise."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...checks.masks import MAX_COORDINATE
from ..base import Annotations
from ..objects import box_of_polygon, describe_rotated, parse_degrees, rotated_rectangle


def undo_quirks(found: Annotations, name: str) -> Annotations:
    """Read masks that CVAT marks as crowds as single objects, and rotated boxes as the upright ones around them.

    Args:
        found: Content of a COCO file.
        name: What notes call the file.
    """
    return _around_rotated_boxes(_as_single_objects(found, name), name)


def _as_single_objects(found: Annotations, name: str) -> Annotations:
    """Undo that CVAT marks whatever is drawn with its brush as a crowd, which nothing is learned from.

    CVAT's annotations are told by their attributes; without these, a file in which everything is a crowd must be meant
    otherwise.
    """
    annotations = found.data['annotations']
    brushed = [number for number, item in enumerate(annotations) if _is_brushed(item)]
    if len(brushed) < len(annotations):
        brushed = [number for number in brushed if 'occluded' in _attributes(annotations[number])]
    changes = {number: {'iscrowd': 0} for number in brushed}
    note = (
        f'{name}: masks that are marked as crowds, as CVAT does with whatever is drawn with its brush: {len(brushed)} '
        f'of {len(annotations)}; they are read as single objects'
    )
    return _change(found, changes, note)


def _around_rotated_boxes(found: Annotations, name: str) -> Annotations:
    """Undo that CVAT writes a rotated box as it is before its rotation, which is one of its attributes."""
    annotations = found.data['annotations']
    changes = {}
    for number, item in enumerate(annotations):
        attributes = _attributes(item)
        degrees = parse_degrees(attributes.get('rotation')) if 'occluded' in attributes else 0
        if degrees and not item.get('segmentation') and _is_box(item.get('bbox')):
            x, y, width, height = item['bbox']
            bbox = [*box_of_polygon(rotated_rectangle(x, y, width, height, degrees))]
            changes[number] = {'bbox': bbox, 'area': bbox[2] * bbox[3]}
    return _change(found, changes, describe_rotated(name, len(changes)))


def _change(found: Annotations, changes: Mapping[int, dict[str, Any]], note: str) -> Annotations:
    """Other values for some annotations, by their number, in memory only."""
    if not changes:
        return found
    annotations = list(found.data['annotations'])
    for number, change in changes.items():
        annotations[number] = annotations[number] | change
    return replace(found, data=found.data | {'annotations': annotations}, file=None, notes=(*found.notes, note))


def _is_brushed(annotation: dict[str, Any]) -> bool:
    return annotation.get('iscrowd') == 1 and isinstance(annotation.get('segmentation'), dict)


def _is_box(box: Any) -> bool:
    """Whether this is a box in COCO's form; others are refused when annotations are checked."""
    numbers = isinstance(box, list) and all(type(value) in (int, float) for value in box)
    return numbers and len(box) == 4 and all(abs(value) < MAX_COORDINATE for value in box)


def _attributes(annotation: dict[str, Any]) -> dict[str, Any]:
    attributes = annotation.get('attributes')
    return attributes if isinstance(attributes, dict) else {}
