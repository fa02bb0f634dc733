"""Boxes that were written as two corners where a format wants another form."""

from collections.abc import Iterable
from typing import Any

from ...errors import UserError
from ...utils.text import short

_FEWEST = 5  # boxes that tell
_SHARE = 4  # one in so many boxes reaches beyond its image
_OVERSHOOT = 1  # pixels that a box may reach beyond its image by rounding


def refuse_corners(data: dict[str, Any], name: str) -> None:
    """Raise UserError if COCO boxes often reach beyond their images, while all of them make sense as two corners.

    Args:
        data: Content of a COCO file that has been checked; the size of each image is known.
        name: How messages call the file.
    """
    sizes = {image['id']: (image['width'], image['height']) for image in data['images']}
    boxes = ((item['bbox'], *sizes[item['image_id']]) for item in data['annotations'])
    if count := count_beyond(
        (x < w <= width + _OVERSHOOT and y < h <= height + _OVERSHOOT, _reach(x, w, width) or _reach(y, h, height))
        for (x, y, w, h), width, height in boxes
    ):
        raise UserError(
            f'{name}: as x, y, width and height, {count} of the {len(data["annotations"])} boxes reach beyond their '
            f'images, but as two corners all fit, such as {short(data["annotations"][0]["bbox"])}: write them as x, y, '
            'width and height'
        )


def count_beyond(boxes: Iterable[tuple[bool, bool]]) -> int:
    """How many boxes reach beyond their images, if that means that all of them are two corners; otherwise 0.

    Args:
        boxes: Of each, whether its numbers make sense as two corners, and whether it reaches beyond its image as it is
            written.
    """
    total = beyond = 0
    for fits, reaches in boxes:
        if not fits:
            return 0
        total, beyond = total + 1, beyond + reaches
    return beyond if total >= _FEWEST and _SHARE * beyond >= total else 0


def _reach(start: float, length: float, side: int) -> bool:
    return start + length > side + _OVERSHOOT
