"""Label maps of photographs that training turns by their EXIF orientation, which it does not do with label maps.

Labelling tools show photographs turned, but scripts often work on the pixels as they are stored. Where a quarter turn
changes the size of an image, the size of its label map tells which it was. Elsewhere it must be told from the contents:
what has one label is more alike in color than what has several, also where outlines are off by many pixels.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import cv2
import numpy as np

from ...errors import UserError
from .images import TURNS
from .label_maps import MAX_LABEL, Pair, read_labels

MAX_SIDE = 256  # pixels that pictures are reduced to
CHANCE_SHARE = 0.01  # of what varies in a picture, any regions explain as much
MIN_MEAN_FIT = 0.65  # what all images together must come to
MIN_SINGLE_FIT = 0.9  # what a single one must, against all others


def check_orientation(pairs: Sequence[Pair]) -> list[str]:
    """A note on the turned images among `pairs`, if there are any.

    Raises:
        UserError: label maps fit the pixels as they are stored, or may do so as well as not.
    """
    turned = [pair for pair in pairs if pair.orientation != 1]
    if not turned:
        return []
    open_to_doubt = [pair for pair in turned if pair.orientation < 5 or pair.label.size[0] == pair.label.size[1]]
    with ThreadPoolExecutor() as pool:
        judged = list(zip(pool.map(_fit, open_to_doubt), open_to_doubt, strict=True))
    judged = [(fit, pair) for fit, pair in judged if fit is not None]
    together = np.mean([fit for fit, _ in judged]) if judged else 1.0
    limit = 1 - (MIN_MEAN_FIT if together <= 1 - MIN_MEAN_FIT else MIN_SINGLE_FIT)
    if wrong := [pair for fit, pair in judged if fit <= limit]:
        pair = wrong[0]
        raise UserError(
            f'{pair.label_path} fits its image {pair.image} as its pixels are stored, but training turns the image by '
            f'its EXIF orientation ({pair.orientation}); {len(wrong)} of {len(turned)} turned images are such. Remove '
            'the orientation from these images (exiftool -Orientation= FILE), or turn their label maps.'
        )
    if together < MIN_MEAN_FIT and len(open_to_doubt) == len(turned):
        _, pair = min(judged, key=lambda item: item[0])
        raise UserError(
            f'Training turns {pair.image} by its EXIF orientation ({pair.orientation}), and neither its size nor its '
            f'contents tell whether {pair.label_path} is of the turned picture or of the pixels as they are stored; so '
            f'it is with {len(judged)} of {len(turned)} turned images. If it is of the turned picture, as most '
            'labelling tools show it, store the images turned (magick mogrify -auto-orient FILE), else remove their '
            'orientation (exiftool -Orientation= FILE).'
        )
    return [f'images that training turns by their EXIF orientation: {len(turned)}; their label maps fit what it sees']


def _fit(pair: Pair) -> float | None:
    """Whether the labels fit the turned picture (1), or would if they were of the stored pixels (0): of what the colors
    under each label tell of the picture, beyond what they tell in the other position, the share that speaks for here.

    0.5 says nothing. None if the turn makes no difference to the label map.
    """
    width, height = (ceil(side / max(1, max(pair.label.size) / MAX_SIDE)) for side in pair.label.size)
    labels = cv2.resize(read_labels(pair.label_path), (width, height), interpolation=cv2.INTER_NEAREST).astype(np.int64)
    turned = np.ascontiguousarray(TURNS[pair.orientation](labels))
    if (labels == turned).all():
        return None
    picture = cv2.imdecode(np.fromfile(pair.image, np.uint8), cv2.IMREAD_COLOR)
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(float)
    either = labels * (MAX_LABEL + 1) + turned
    here, there, both = (_left(picture, groups) for groups in (labels, turned, either))
    chance = CHANCE_SHARE * _left(picture, np.zeros_like(labels))
    here, there = there - both + chance, here - both + chance
    return 0.5 if here + there == 0 else float(here / (here + there))


def _left(picture: np.ndarray, groups: np.ndarray) -> float:
    """What the mean color of each group of pixels leaves unexplained of a picture [pixels, channels]."""
    _, groups, count = np.unique(groups.ravel(), return_inverse=True, return_counts=True)
    explained = sum((np.bincount(groups, channel) ** 2 / count).sum() for channel in picture.T)
    return float((picture**2).sum() - explained)
