"""Transform that cuts an image into tiles, each of which goes through the rest of a pipeline."""

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform, Compose
from mmengine.registry import TRANSFORMS
from torch import Tensor

from .windows import Window, place_windows

_OF_IMAGE_ONLY = ('img', 'instances')  # the others are small, and true of a tile, too


class TiledImage:
    """An image as a network takes it, and its tiles, each made when it is asked for.

    All tiles of a large image at once, resized as an image would be, would take gigabytes.

    Attributes:
        inputs: The whole image as the pipeline packs it, uint8 ``(3, H, W)``.
        windows: Where its tiles lie, in pixels of the original image; none if a tile would be the whole image.
        size: Width and height of the original image.
    """

    def __init__(self, inputs: Tensor, image: np.ndarray, facts: dict[str, Any], windows: list[Window], steps: Compose):
        self.inputs = inputs
        self.windows = windows
        self.size = image.shape[1], image.shape[0]
        # A tensor passes from a worker of the data loader through shared memory.
        self._image = torch.from_numpy(np.ascontiguousarray(image)) if windows else None
        self._facts = facts
        self._steps = steps

    def tile(self, index: int) -> dict[str, Any]:
        """What the pipeline makes of a tile: ``inputs`` and ``data_samples``."""
        if self._image is None:
            raise IndexError('the image has no tiles')
        window = self.windows[index]
        image = self._image[window.top : window.bottom, window.left : window.right].numpy().copy()
        size = (window.height, window.width)
        return self._steps(dict(self._facts, img=image, img_shape=size, ori_shape=size))


@TRANSFORMS.register_module()
class CutTiles(BaseTransform):
    """Cuts an image into tiles and takes the image, and later each tile, through the rest of the pipeline.

    The last transform of a pipeline, whose batches :class:`~mmbackbones.evaluation.tiles.TiledModel` takes.

    Args:
        tile: Width and height of a tile, in pixels of the original image.
        overlap: Share of a tile that its neighbor on each side covers, too, at least.
        transforms: The rest of the pipeline. Annotations are loaded for the image only.
    """

    def __init__(self, tile: tuple[int, int], overlap: float, transforms: list[dict]) -> None:
        self.tile = tile
        self.overlap = overlap
        self.of_image = Compose(transforms)
        self.of_tile = Compose([step for step in transforms if not loads_annotations(step)])

    def transform(self, results: dict) -> dict:
        """Pack an image: as ``inputs``, a :class:`TiledImage`, and its ``data_samples``."""
        image = results['img']
        height, width = image.shape[:2]
        facts = deepcopy({key: value for key, value in results.items() if key not in _OF_IMAGE_ONLY})
        packed = self.of_image(results)
        windows = place_windows(width, height, self.tile, self.overlap)
        return dict(packed, inputs=TiledImage(packed['inputs'], image, facts, windows, self.of_tile))


def loads_annotations(step: dict) -> bool:
    """Whether a step of a pipeline loads annotations."""
    return str(step.get('type')).rpartition('.')[2].endswith('LoadAnnotations')
