"""Label maps of photographs that training turns by their EXIF orientation, which it does not do with label maps.

Labeling tools show photographs turned, but scripts often work on the stored pixels. Where a quarter turn changes the
size of an image, the size of its label map shows on which of them it was drawn. Otherwise the contents have to show it:
pixels of one label are more alike in color than pixels of several, even if outlines are off by many pixels.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import cv2
import numpy as np

from ...errors import UserError
from .images import TURNS, Pixels
from .label_maps import MAX_LABEL, Labels, Pair, read_labels

MAX_SIDE = 256  # pixels; images are reduced to it
CHANCE_SHARE = 0.01  # share of an image's variance that regions explain by chance
MIN_MEAN_FIT = 0.65  # fit that the images must reach together for a verdict on all
MIN_SINGLE_FIT = 0.9  # fit that a single image must reach for a verdict against the others


def check_orientation(pairs: Sequence[Pair]) -> list[str]:
    """Check that the label maps of turned images fit the turned images.

    Returns:
        A note on the turned images, if there are any.

    Raises:
        UserError: Label maps fit the stored pixels, or nothing shows which of the two they fit.
    """
    turned = [pair for pair in pairs if pair.orientation != 1]
    if not turned:
        return []
    ambiguous = [pair for pair in turned if pair.orientation < 5 or pair.label.size[0] == pair.label.size[1]]
    with ThreadPoolExecutor() as pool:
        fits = zip(pool.map(_fit, ambiguous), ambiguous, strict=True)
        judged = [(fit, pair) for fit, pair in fits if fit is not None]
    mean = np.mean([fit for fit, _ in judged]) if judged else 1.0
    limit = 1 - (MIN_MEAN_FIT if mean <= 1 - MIN_MEAN_FIT else MIN_SINGLE_FIT)
    if wrong := [pair for fit, pair in judged if fit <= limit]:
        pair = wrong[0]
        raise UserError(
            f'{pair.label_path} fits the stored pixels of its image {pair.image}, but training turns the image by its '
            f'EXIF orientation ({pair.orientation}), as it is with {len(wrong)} of {len(turned)} turned images; remove '
            'the orientation from these images (exiftool -Orientation= FILE), or turn their label maps'
        )
    if mean < MIN_MEAN_FIT and len(ambiguous) == len(turned):
        _, pair = min(judged, key=lambda item: item[0])
        raise UserError(
            f'training turns {pair.image} by its EXIF orientation ({pair.orientation}), but neither its size nor its '
            f'contents show whether {pair.label_path} was drawn on the turned image or on the stored pixels, as it is '
            f'with {len(judged)} of {len(turned)} turned images; if it was drawn on the turned image, as most labeling '
            'tools show it, store the images turned (magick mogrify -auto-orient FILE), otherwise remove their '
            'orientation (exiftool -Orientation= FILE)'
        )
    return [
        f'images that training turns by their EXIF orientation: {len(turned)}; their label maps fit the turned images'
    ]


def _fit(pair: Pair) -> float | None:
    """How much better a label map fits the turned image than the stored pixels.

    The labels explain a part of the image's variance when laid over the turned image, and another part when they are
    turned as if they were of the stored pixels. Compared is what each explains beyond the other.

    Returns:
        1 if the labels fit the turned image, 0 if they fit the stored pixels, 0.5 if nothing speaks for either. None
        if turning does not change the label map.
    """
    width, height = (ceil(side / max(1, max(pair.label.size) / MAX_SIDE)) for side in pair.label.size)
    stored = read_labels(pair.label_path, pair.label.by_color)
    _, numbers = np.unique(stored, return_inverse=True)  # colors are too large for OpenCV
    numbers = np.minimum(numbers, MAX_LABEL).astype(np.uint16).reshape(stored.shape)
    labels = cv2.resize(numbers, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.int64)
    turned = np.ascontiguousarray(TURNS[pair.orientation](labels))
    if (labels == turned).all():
        return None
    image: Pixels = np.asarray(cv2.imdecode(np.fromfile(pair.image, np.uint8), cv2.IMREAD_COLOR))
    colors = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(float)
    either = labels * (MAX_LABEL + 1) + turned
    here, there, both = (_unexplained(colors, groups) for groups in (labels, turned, either))
    chance = CHANCE_SHARE * _unexplained(colors, np.zeros_like(labels))
    here, there = there - both + chance, here - both + chance
    return 0.5 if here + there == 0 else float(here / (here + there))


def _unexplained(colors: Pixels, groups: Labels) -> float:
    """Sum of squared differences between colors ``(N, 3)`` and the mean color of the group that each pixel is in."""
    _, groups, count = np.unique(groups.ravel(), return_inverse=True, return_counts=True)
    explained = sum((np.bincount(groups, channel) ** 2 / count).sum() for channel in colors.T)
    return float((colors**2).sum() - explained)
