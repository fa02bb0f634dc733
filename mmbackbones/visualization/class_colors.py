"""Colors of classes: the same for a class in every picture, and told apart by color-blind people, too."""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

# Okabe and Ito, "Color Universal Design", 2008, without black; the ones that stand out most come first.
_FIRST = ('d55e00', '56b4e9', 'f0e442', '009e73', 'cc79a7', '0072b2', 'e69f00')
_LIGHTNESS = (40, 90)  # of colors that are seen on dark and on bright photographs; 100 is white
_CHROMA = 25  # the least; less is gray
_STEPS = 17  # of each of red, green and blue among which further colors are chosen
# Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009: what
# people without one kind of cones see, in linear red, green and blue.
_NO_LONG_CONES = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
_NO_MIDDLE_CONES = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))

Color = tuple[int, int, int]


def class_color(index: int) -> Color:
    """Color of a class as red, green and blue, each 0 to 255.

    It follows from the index alone, not from the number of classes. Each further color is the one that is farthest from
    all before it, for normal vision and for those without red or green cones alike. After some 3,000 they repeat.

    Args:
        index: Index of the class; any integer.
    """
    red, green, blue = class_colors(abs(index) + 1)[abs(index)]
    return int(red), int(green), int(blue)


def class_colors(number: int) -> npt.NDArray[np.uint8]:
    """Colors of the first classes, see :func:`class_color`.

    Shape:
        Returns ``(number, 3)``.
    """
    table = _table(max(64, 1 << (min(number, len(_candidates())) - 1).bit_length()))
    return table[np.arange(number) % len(table)]


@cache
def _candidates() -> npt.NDArray[np.uint8]:
    """The colors that further colors are chosen among, as ``(N, 3)``."""
    steps = np.linspace(0, 255, _STEPS).round().astype(np.uint8)
    colors = np.stack(np.meshgrid(steps, steps, steps, indexing='ij'), axis=-1).reshape(-1, 3)
    lightness, *chroma = _to_lab(colors / 255).T
    seen = (lightness >= _LIGHTNESS[0]) & (lightness <= _LIGHTNESS[1]) & (np.hypot(*chroma) >= _CHROMA)
    return colors[seen]


@cache
def _table(number: int) -> npt.NDArray[np.uint8]:
    first = np.array([list(bytes.fromhex(color)) for color in _FIRST], np.uint8)
    colors = np.concatenate([first, _candidates()])
    number = min(number, len(colors))
    seen = _as_seen(colors)
    chosen = list(range(len(first)))
    distance = np.min([_distance(seen, index) for index in chosen], axis=0)
    while len(chosen) < number:
        chosen.append(int(distance.argmax()))
        np.minimum(distance, _distance(seen, chosen[-1]), out=distance)
        distance[chosen[-1]] = -1  # never again, not even where all are as near
    return colors[chosen]


def _distance(seen: npt.NDArray[np.float32], index: int) -> npt.NDArray[np.float32]:
    """Distance of one color to each, in the vision that tells them apart worst."""
    return np.linalg.norm(seen - seen[:, index : index + 1], axis=-1).min(axis=0)


def _as_seen(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Colors in CIELAB as seen with each kind of vision, as ``(3, N, 3)``."""
    linear = np.where(colors <= 10, colors / 255 / 12.92, ((colors / 255 + 0.055) / 1.055) ** 2.4)
    visions = [linear @ np.array(matrix).T for matrix in (np.eye(3), _NO_LONG_CONES, _NO_MIDDLE_CONES)]
    encoded = [np.clip(vision, 0, 1) for vision in visions]
    encoded = [np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055) for x in encoded]
    return np.stack([_to_lab(vision) for vision in encoded])


def _to_lab(colors: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    return cv2.cvtColor(colors.astype(np.float32)[None], cv2.COLOR_RGB2LAB)[0]
