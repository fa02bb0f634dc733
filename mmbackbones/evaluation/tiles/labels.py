"""Class scores of an image, summed over its views piece by piece.

The scores of 150 classes for every pixel of an image of 4000 x 3000 pixels take 7 GB. So an image is cut into pieces
along the borders of all of its tiles. Scores of a piece are kept only while tiles that cover it are still to come.
"""

from itertools import pairwise, product

import torch
from torch import Tensor

from .windows import Window


class LabelSum:
    """Averages the scores of the whole image and of its tiles, and takes the best class of each pixel.

    Args:
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        windows: Its tiles; added in the order of :func:`place_windows`, few pieces are unfinished at a time.
        whole: Scores of the whole image before softmax, ``(C, h, w)`` at any size; with a single class, probabilities.
        threshold: From which probability on a pixel is of a single class.
        align_corners: How the segmentor resizes scores.
    """

    def __init__(
        self,
        width: int,
        height: int,
        windows: list[Window],
        whole: Tensor,
        threshold: float = 0.5,
        align_corners: bool = False,
    ) -> None:
        self.labels = torch.zeros((height, width), dtype=torch.int64)
        self.whole = whole.float()
        self.threshold = threshold
        self.align_corners = align_corners
        self.columns = sorted({x for window in windows for x in (window.left, window.right)})
        self.rows = sorted({y for window in windows for y in (window.top, window.bottom)})
        self.to_come: dict[Window, int] = {}
        for window in windows:
            for piece in self._pieces(window):
                self.to_come[piece] = self.to_come.get(piece, 0) + 1
        self.covered = dict(self.to_come)
        self.sums: dict[Window, Tensor] = {}

    def add(self, window: Window, scores: Tensor) -> None:
        """Add the scores of a tile, ``(C, h, w)`` in its own size."""
        scores = _probabilities(scores)
        for piece in self._pieces(window):
            part = scores[
                :,
                piece.top - window.top : piece.bottom - window.top,
                piece.left - window.left : piece.right - window.left,
            ]
            if piece in self.sums:
                self.sums[piece] += part
            else:
                self.sums[piece] = part.clone()  # without the rest of the tile
            self.to_come[piece] -= 1
            if not self.to_come[piece]:
                self._finish(piece)

    def _pieces(self, window: Window) -> list[Window]:
        columns = [x for x in self.columns if window.left <= x <= window.right]
        rows = [y for y in self.rows if window.top <= y <= window.bottom]
        return [
            Window(left, top, right, bottom)
            for (top, bottom), (left, right) in product(pairwise(rows), pairwise(columns))
        ]

    def _finish(self, piece: Window) -> None:
        total = self.sums.pop(piece)
        total += _probabilities(self._of_whole(piece).to(total.device))
        views = self.covered[piece] + 1
        labels = total.argmax(0) if len(total) > 1 else total[0] > self.threshold * views
        self.labels[piece.top : piece.bottom, piece.left : piece.right] = labels.cpu()

    def _of_whole(self, piece: Window) -> Tensor:
        """The scores of the whole image at the size of the original image, for a piece of it."""
        height, width = self.labels.shape
        left, right, x = self._between(piece.left, piece.right, width, self.whole.shape[2])
        upper, lower, y = self._between(piece.top, piece.bottom, height, self.whole.shape[1])
        start, stop = int(left[0]), int(right[-1]) + 1
        part = self.whole[:, :, start:stop]
        rows = torch.lerp(part[:, upper], part[:, lower], y[:, None])
        return torch.lerp(rows[:, :, left - start], rows[:, :, right - start], x)

    def _between(self, start: int, stop: int, length: int, given: int) -> tuple[Tensor, Tensor, Tensor]:
        """For each of some pixels of a side: the two scores that it lies between, and its place between them."""
        pixels = torch.arange(start, stop, dtype=torch.float64)
        if self.align_corners:
            places = pixels * (given - 1) / max(length - 1, 1)
        else:
            places = ((pixels + 0.5) * given / length - 0.5).clamp(0, given - 1)
        before = places.long().clamp(max=given - 1)
        device = self.whole.device
        after = (before + 1).clamp(max=given - 1)
        return before.to(device), after.to(device), (places - before).to(device, self.whole.dtype)


def _probabilities(scores: Tensor) -> Tensor:
    """Probabilities of classes; of a single class they are given as such."""
    return scores.float().softmax(0) if len(scores) > 1 else scores.float()
