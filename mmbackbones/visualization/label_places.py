"""Places for labels in a picture, beside the objects that they name and off each other."""

import numpy as np
import numpy.typing as npt

Place = tuple[int, int]
_MOST = 0.4  # of the picture is hidden by labels
_INSIDE = 2.0  # cost of a label inside the object that it names
_TOO_MUCH = 1.0  # parts of other objects that a label may hide, all of one object counting 1
_TOO_MUCH_OF_ITS_OWN = 0.5  # part of the object that it names
_TASTE = 0.002  # by which each place is worse than the one before it


class LabelPlaces:
    """Chooses a place for one label after the other; those of equal objects are equal.

    Args:
        boxes: Left, top, right and bottom of every object, lines around them included, of shape ``(N, 4)``.
        width: Width of the picture.
        height: Height of the picture.
    """

    def __init__(self, boxes: npt.NDArray[np.integer], width: int, height: int) -> None:
        self.width, self.height = width, height
        self.boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        self.labels = np.empty((0, 4), np.float32)
        self.left = int(width * height * _MOST)  # pixels that labels may still hide

    def beside(self, index: int, width: int, height: int) -> Place | None:
        """Choose a place for the label of an object: outside of it where there is room, else inside it.

        Args:
            index: Index of the object.
            width: Width of its label.
            height: Height of its label.

        Returns:
            Left and top of the label, or None if it would lie over other labels or hide too much.
        """
        left, top, right, bottom = self.boxes[index]
        middle, center = (left + right - width) / 2, (top + bottom - height) / 2
        places = [
            *((x, top - height) for x in (left, right - width, middle)),
            *((x, bottom) for x in (left, right - width, middle)),
            *((right, y) for y in (top, bottom - height, center)),
            *((left - width, y) for y in (top, bottom - height, center)),
            *((x, y) for y in (top, bottom - height) for x in (left, right - width)),
        ]
        return self._take(places, width, height, index)

    def at_border(self, width: int, height: int, margin: int) -> Place | None:
        """Choose a place at the left or right border where the fewest objects are hidden, corners first."""
        right, bottom = self.width - width - margin, self.height - height - margin
        heights = [bottom, margin, *np.linspace(margin, bottom, 9)[1:-1]]
        return self._take([(x, y) for y in heights for x in (margin, right)], width, height)

    def around(self, x: float, y: float, width: int, height: int) -> Place | None:
        """Take the place around a point if it is free."""
        return self._take([(x - width / 2, y - height / 2)], width, height)

    def _take(self, places: list[tuple[float, float]], width: int, height: int, own: int | None = None) -> Place | None:
        if width > self.width or height > self.height or width * height > self.left:
            return None
        corners = np.array(places, np.float32).round()
        np.clip(corners, 0, (self.width - width, self.height - height), out=corners)
        rectangles = np.concatenate([corners, corners + np.array([width, height], np.float32)], axis=1)
        cost = np.arange(len(places)) * _TASTE
        cost[_hide(rectangles, self.labels) > 0] = np.inf
        if np.isinf(cost).all():
            return None
        hidden = _hide(rectangles, self.boxes)
        if own is not None:
            of_its_own = _hide(rectangles, self.boxes[own : own + 1])
            hidden -= of_its_own
            cost[(of_its_own > _TOO_MUCH_OF_ITS_OWN) | (hidden > _TOO_MUCH)] = np.inf
            cost += np.where(of_its_own > 0, _INSIDE + of_its_own, 0)
        cost += hidden
        best = int(cost.argmin())
        if not np.isfinite(cost[best]):
            return None
        self.labels = np.concatenate([self.labels, rectangles[best : best + 1]])
        self.left -= width * height
        return int(corners[best, 0]), int(corners[best, 1])


def _hide(rectangles: npt.NDArray[np.float32], boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How many boxes each rectangle hides, parts of boxes counted as parts."""
    least, most = rectangles[:, :2].min(axis=0), rectangles[:, 2:].max(axis=0)
    left, top, right, bottom = boxes.T
    near = (left < most[0]) & (top < most[1]) & (right > least[0]) & (bottom > least[1])
    left, top, right, bottom = boxes[near].T
    width = np.minimum(rectangles[:, 2:3], right) - np.maximum(rectangles[:, 0:1], left)
    height = np.minimum(rectangles[:, 3:4], bottom) - np.maximum(rectangles[:, 1:2], top)
    shares = np.maximum(width, 0) * np.maximum(height, 0) / ((right - left) * (bottom - top))
    return shares.sum(axis=1, dtype=np.float32)
