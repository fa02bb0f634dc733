"""Plots of a training run, and grids of images, for the demo."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np

matplotlib.use('Agg')
import matplotlib.pyplot as plt

from ..errors import printable

_TITLES = ('ground truth', 'prediction')  # of the left and right half of each image
_TITLE_HEIGHT = 28  # pixels above each image in a grid
_BORDER = 8  # pixels on the other sides
_WHITE = (255, 255, 255)


def plot_curve(work_dir: Path, metric: str, path: Path) -> None:
    """Plot the training loss of the newest run, and a metric after each validation, into a PNG file.

    Args:
        work_dir: Folder in which MMEngine's local visualizer has written ``*/vis_data/scalars.json``.
        metric: Key of the metric, such as ``coco/bbox_mAP_50``.
        path: The PNG file to write.
    """
    newest = max(work_dir.glob('*/vis_data/scalars.json'), key=lambda file: file.stat().st_mtime)
    records = [json.loads(line) for line in newest.read_text().splitlines()]
    losses = [(record['iter'], record['loss']) for record in records if 'loss' in record]
    scores = [record[metric] for record in records if metric in record]

    with plt.rc_context({'text.parse_math': False}):  # a dollar sign in a class name is a dollar sign
        figure = _plot(losses, scores, printable(metric.removeprefix('coco/')))
        figure.savefig(path, dpi=120)
    plt.close(figure)


def _plot(losses: list[tuple[int, float]], scores: list[float], name: str) -> plt.Figure:
    figure, left = plt.subplots(figsize=(7, 4), layout='constrained')
    left.plot(*zip(*losses, strict=True), color='tab:blue')
    left.set(xlabel='iteration', ylabel='training loss', ylim=(0, None))
    left.yaxis.label.set_color('tab:blue')
    right = left.twinx()
    ends = np.linspace(0, losses[-1][0], len(scores) + 1)[1:]
    right.plot(ends, scores, 'o-', color='tab:orange')
    right.set(ylabel=name, ylim=(0, 1))
    right.yaxis.label.set_color('tab:orange')
    return figure


def image_grid(images: Sequence[Path], path: Path, columns: int = 3, height: int = 256) -> None:
    """Put images, each with the ground truth on its left and the prediction on its right, into one PNG file.

    Args:
        images: Image files of equal proportions, at least one.
        path: The PNG file to write.
        columns: Number of images per row. The last row may have fewer, and is filled up with white.
        height: Height of each image in the grid, in pixels.

    Raises:
        ValueError: There are no images.
    """
    if not images:
        raise ValueError('a grid needs at least one image')
    tiles = [_tile(image, height) for image in images]
    columns = min(columns, len(tiles))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    path.write_bytes(cv2.imencode('.png', np.vstack(rows))[1].tobytes())


def _tile(path: Path, height: int) -> np.ndarray:
    image = np.asarray(cv2.imread(str(path)))
    width = round(image.shape[1] * height / image.shape[0])
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    tile = cv2.copyMakeBorder(resized, _TITLE_HEIGHT, _BORDER, _BORDER, _BORDER, cv2.BORDER_CONSTANT, value=_WHITE)
    for title, x in zip(_TITLES, (_BORDER, _BORDER + width // 2), strict=True):
        cv2.putText(tile, title, (x, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
    return tile
