"""Label maps of photographs that training turns by their EXIF orientation, which it does not do with label maps.

Labelling tools show photographs turned, but scripts often work on the pixels as they are stored. Where a quarter turn
changes the size of an image, the size of its label map tells which it was. Elsewhere it must be told from the contents:
labels change where the picture does.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import cv2
import numpy as np

from ..errors import UserError
from .images import TURNS
from .label_maps import read_labels
from .pairs import Pair

SIDE = 256  # pixels that pictures are reduced to: outlines drawn by hand are off by a few
FEWEST = 8  # pixels of outlines; fewer say nothing
CLEAR = 0.7  # what all images together must come to
CERTAIN = 0.9  # what a single one must, against all others
_NEIGHBORS = np.ones((3, 3), np.uint8)


def check_turned(pairs: Sequence[Pair]) -> list[str]:
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
    limit = 1 - (CLEAR if together <= 1 - CLEAR else CERTAIN)
    if wrong := [pair for fit, pair in judged if fit <= limit]:
        pair = wrong[0]
        raise UserError(
            f'{pair.label_path} fits its image {pair.image} as its pixels are stored, but training turns the image by '
            f'its EXIF orientation ({pair.orientation}); {len(wrong)} of {len(turned)} turned images are such. Remove '
            'the orientation from these images (exiftool -Orientation= FILE), or turn their label maps.')
    if together < CLEAR and len(open_to_doubt) == len(turned):
        _, pair = min(judged, key=lambda item: item[0])
        raise UserError(
            f'Training turns {pair.image} by its EXIF orientation ({pair.orientation}), and neither its size nor its '
            f'contents tell whether {pair.label_path} is of the turned picture or of the pixels as they are stored; so '
            f'it is with {len(judged)} of {len(turned)} turned images. If it is of the turned picture, as most '
            'labelling tools show it, store the images turned (magick mogrify -auto-orient FILE), else remove their '
            'orientation (exiftool -Orientation= FILE).')
    return [f'images that training turns by their EXIF orientation: {len(turned)}; their label maps fit what it sees']


def _fit(pair: Pair) -> float | None:
    """Whether the turned picture changes where the labels do (1), or where they would if they were of the stored pixels
    (0): of a pixel here and a pixel there, the probability that the picture changes more here.

    None if the turn makes no difference to the label map.
    """
    width, height = (ceil(side / max(1, max(pair.label.size) / SIDE)) for side in pair.label.size)
    labels = cv2.resize(read_labels(pair.label_path), (width, height), interpolation=cv2.INTER_NEAREST)
    turned = np.ascontiguousarray(TURNS[pair.orientation](labels))
    if (labels == turned).all():
        return None
    picture = cv2.imdecode(np.fromfile(pair.image, np.uint8), cv2.IMREAD_COLOR)
    picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    changes = _changes(picture).max(axis=2)
    here, there = _changes(labels) > 0, _changes(turned) > 0
    here, there = here & ~there, there & ~here
    if min(here.sum(), there.sum()) < FEWEST:
        return 0.5
    here, there = changes[here], np.sort(changes[there])
    return float(np.mean([np.searchsorted(there, here, side).mean() for side in ('left', 'right')]) / len(there))


def _changes(pixels: np.ndarray) -> np.ndarray:
    """How far values lie apart around each pixel."""
    return cv2.morphologyEx(pixels, cv2.MORPH_GRADIENT, _NEIGHBORS)
