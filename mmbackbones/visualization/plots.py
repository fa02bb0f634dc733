"""Pictures of a run: its curve, and predictions beside the truth."""

import json
from pathlib import Path

import cv2
import matplotlib
import numpy as np

matplotlib.use('Agg')
import matplotlib.pyplot as plt

from ..errors import printable


def plot_curve(work_dir: Path, metric: str, path: Path) -> None:
    """Draw the loss of the newest run in `work_dir`, and `metric` after each epoch, into the PNG `path`.

    Args:
        work_dir: Where MMEngine's local visualizer left ``*/vis_data/scalars.json``.
        metric: For example ``coco/bbox_mAP_50``.
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


def image_grid(images: list[Path], path: Path, columns: int = 3, height: int = 256) -> None:
    """Put `images` (each the truth on its left and the predictions on its right) into one PNG.

    Args:
        images: Files of equal proportions.
        path: The PNG to write.
        columns: Images a row.
        height: Of each image in the grid, in pixels.
    """
    tiles = []
    for file in images:
        image = cv2.imread(str(file))
        width = round(image.shape[1] * height / image.shape[0])
        tile = cv2.copyMakeBorder(
            cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA),
            28,
            8,
            8,
            8,
            cv2.BORDER_CONSTANT,
            value=(255, 255, 255),
        )
        for text, x in (('truth', 8), ('prediction', 8 + width // 2)):
            cv2.putText(tile, text, (x, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
        tiles.append(tile)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles) - columns + 1, columns)]
    cv2.imwrite(str(path), np.vstack(rows))
