"""What a model found in one image."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UserError
from ..utils.text import counted

if TYPE_CHECKING:
    from supervision import Detections

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """What a model found in one image, or in one frame of a video.

    Objects are sorted by falling score. A segmentor finds none: it gives `segmentation`.

    Attributes:
        source: The file as it was given, or as it was found in the folder that was given; ``'0'`` and the like for a
            camera; None for an array.
        frame: Number of the frame in a video or from a camera, from 0; None for an image.
        boxes: float32 (n, 4): left, top, right and bottom of each object, in pixels of the original image.
        scores: float32 (n,), from 0 to 1.
        labels: int64 (n,), indices into `classes`.
        masks: bool (n, H, W), pixels of each object; None for models that predict boxes only.
        segmentation: int64 (H, W), index of the class of each pixel; None for detectors.
        classes: Names of all classes that the model knows.
        category_ids: The number of each class in the data that the model was trained on.
        read_image: Gives `image`; for a file it reads that, so that not all images of a folder stay in memory.
    """

    source: str | None
    frame: int | None
    boxes: Array
    scores: Array
    labels: Array
    masks: Array | None
    segmentation: Array | None
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    read_image: Callable[[], Array]

    @property
    def image(self) -> Array:
        """The image, uint8 (H, W, 3) in RGB, turned and converted as the model saw it, at its original size.

        A file is read each time.

        Raises:
            UserError: The file is no longer there.
        """
        return self.read_image()

    @property
    def class_names(self) -> Array:
        """Name of each object, str (n,); for a segmentor those of all classes, for ``class_names[segmentation]``."""
        names = np.array(self.classes, dtype=object)
        return names if self.segmentation is not None else names[self.labels]

    def draw(self, path: str | os.PathLike[str] | None = None) -> Array:
        """Draw what was found over the image.

        Args:
            path: File to write the drawing to; its suffix says in which format, such as ``.jpg`` or ``.png``. What is
                larger than the format allows, 65,500 pixels on a side for JPEG, is made smaller.

        Returns:
            The drawing, uint8 (H, W, 3) in RGB.

        Raises:
            UserError: The file cannot be written, or its format is not known.
        """
        from ..visualization.drawing import draw_objects, draw_segmentation

        if self.segmentation is not None:
            drawn = draw_segmentation(self.image, self.segmentation, self.classes)
        else:
            drawn = draw_objects(self.image, self.boxes, self.scores, self.labels, self.masks, self.classes)
        if path is not None:
            _write(drawn, Path(path))
        return drawn

    def to_coco(self, image_id: int | None = None) -> list[dict[str, Any]]:
        """What was found, as annotations of the COCO format.

        Args:
            image_id: Number of the image, for the annotations' ``image_id``.
        """
        from ..evaluation.coco_form import coco_annotations

        return coco_annotations(self, image_id)

    def to_supervision(self) -> 'Detections':
        """What was found, as :class:`supervision.Detections`: for a segmentor, all pixels of a class as one object."""
        from supervision import Detections, mask_to_xyxy

        if self.segmentation is None:
            return Detections(
                xyxy=self.boxes,
                mask=self.masks,
                confidence=self.scores,
                class_id=self.labels,
                data=dict(class_name=self.class_names.astype(str)),
            )
        labels = np.unique(self.segmentation)
        masks = self.segmentation == labels[:, None, None]
        names = self.class_names[labels].astype(str)
        return Detections(
            xyxy=mask_to_xyxy(masks).astype(np.float32), mask=masks, class_id=labels, data=dict(class_name=names)
        )

    def __repr__(self) -> str:
        where = self.source if self.source is not None else 'an array'
        where += '' if self.frame is None else f', frame {self.frame}'
        if self.segmentation is not None:
            return (
                f'<Prediction for {where}: segmentation of {self.segmentation.shape[1]}x{self.segmentation.shape[0]}>'
            )
        return f'<Prediction for {where}: {counted(len(self.boxes), "object")}>'


def _write(picture: Array, path: Path) -> None:
    from ..visualization.picture_file import write_picture

    try:
        write_picture(picture, path)
    except ValueError as error:
        raise UserError(f'cannot write a picture to {path}: give a name that ends in .jpg, .png or .webp') from error
    except OSError as error:
        raise UserError(f'cannot write a picture to {path}: {error.strerror or error}') from error
