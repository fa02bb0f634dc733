"""A model that predicts an image as a whole and in tiles, and merges what it finds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseTTAModel
from mmengine.registry import MODELS
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from torch import nn

from . import run_lengths
from .cut import TiledImage
from .detections import View
from .labels import LabelSum
from .objects import merge_objects
from .windows import Window


# MMEngine loads the weights of a BaseTTAModel into its module.
@MODELS.register_module()
class TiledModel(BaseTTAModel):
    """Predicts images as a whole and in tiles, and merges what is found.

    Objects are merged by :func:`~mmbackbones.evaluation.tiles.objects.merge_objects`. There is no limit to their number
    but that of the model, which holds for each tile. Masks are given as COCO's run-length codes. The class scores of
    label maps are averaged, and not given. An image that is no larger than a tile gives what it gives without tiles.

    Args:
        module: A detector or a segmentor, or its config: anything with a ``test_step``.
        batch_size: Number of tiles that go through it at a time.
    """

    def __init__(self, module: nn.Module | dict, batch_size: int = 1) -> None:
        super().__init__(module)
        self.batch_size = batch_size

    def test_step(self, data: dict) -> list:
        """Predict a batch of :class:`~mmbackbones.evaluation.tiles.TiledImage`.

        Args:
            data: ``inputs``, the images, and ``data_samples``.

        Returns:
            The samples, with what was found in pixels of the original images.
        """
        images = data['inputs']
        # Copies, because what is changed in them must not stay if the network fails: then the caller may try again.
        samples = [
            sample.new() if image.windows else sample
            for image, sample in zip(images, data['data_samples'], strict=True)
        ]
        wholes = [_Whole(sample) if image.windows else None for image, sample in zip(images, samples, strict=True)]
        found = self.module.test_step(dict(data, inputs=[image.inputs for image in images], data_samples=samples))
        merged = []
        for image, whole, sample in zip(images, wholes, found, strict=True):
            if whole is not None:
                whole.restore(sample)
                if 'pred_sem_seg' in sample:
                    self._merge_labels(image, sample)
                else:
                    self._merge_objects(image, whole.pixel, sample)
            merged.append(sample)
        return merged

    def merge_preds(self, data_samples_list: list) -> list:
        """Not used: the views of an image are merged as they come, so that they are never there all at once."""
        raise NotImplementedError

    def _tiles(self, image: TiledImage) -> Iterator[tuple[Window, float, BaseDataElement]]:
        """The tiles of an image, one after the other: where it is, the size of its pixels, and what was found in it."""
        for start in range(0, len(image.windows), self.batch_size):
            windows = image.windows[start : start + self.batch_size]
            batch = pseudo_collate([image.tile(start + i) for i in range(len(windows))])
            pixels = [1 / min(_scale(sample)) for sample in batch['data_samples']]
            yield from zip(windows, pixels, self.module.test_step(batch), strict=True)

    def _merge_labels(self, image: TiledImage, sample: BaseDataElement) -> None:
        whole = sample.seg_logits.data
        head = getattr(self.module, 'decode_head', None)
        total = LabelSum(
            *image.size,
            image.windows,
            whole,
            threshold=getattr(head, 'threshold', None) or 0.5,
            align_corners=getattr(self.module, 'align_corners', False),
        )
        del sample.seg_logits, sample.pred_sem_seg
        for window, _, tile in self._tiles(image):
            total.add(window, tile.seg_logits.data)
            del tile
        sample.set_data({'pred_sem_seg': PixelData(data=total.labels[None].to(whole.device))})

    def _merge_objects(self, image: TiledImage, pixel: float, sample: BaseDataElement) -> None:
        device = sample.pred_instances.bboxes.device
        width, height = image.size
        everything = Window(0, 0, width, height)
        found = _Found(width, height)
        found.add(everything, pixel, sample.pred_instances)
        del sample.pred_instances
        for window, tile_pixel, tile in self._tiles(image):
            found.add(window, tile_pixel, tile.pred_instances)
            del tile
        sample.pred_instances = found.merge().to(device)


class _Whole:
    """Lets a network predict an image at the size of its input where that is smaller than the original image.

    Scores of all classes for each pixel of a large image, or its masks, would take gigabytes.
    """

    def __init__(self, sample: BaseDataElement) -> None:
        self.scale = _scale(sample)
        self.pixel = 1 / min(self.scale)
        self.facts: dict[str, Any] = {}
        if min(self.scale) < 1:
            self.facts = {key: sample.get(key) for key in ('ori_shape', 'scale_factor') if key in sample}
            sample.set_metainfo(dict(ori_shape=tuple(sample.img_shape[:2]), scale_factor=(1.0, 1.0)))

    def restore(self, sample: BaseDataElement) -> None:
        """Give a sample its size back, and boxes in pixels of the original image."""
        if not self.facts:
            return
        sample.set_metainfo(self.facts)
        if 'pred_instances' in sample:
            found = sample.pred_instances
            found.bboxes = found.bboxes / found.bboxes.new_tensor(self.scale).repeat(2)


class _Found:
    """What was found in the views of an image."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.views: list[View] = []
        self.parts: list[dict[str, np.ndarray]] = []
        self.masks: list[dict[str, Any]] | None = None

    def add(self, window: Window, pixel: float, found: InstanceData) -> None:
        """Add what was found in a view, in pixels of the view."""
        boxes = found.bboxes.float().cpu().numpy() + np.array(window[:2] * 2, np.float32)
        self.parts.append(
            dict(
                boxes=boxes,
                scores=found.scores.float().cpu().numpy(),
                labels=found.labels.cpu().numpy(),
                view=np.full(len(boxes), len(self.views)),
            )
        )
        self.views.append(View.of(window, self.width, self.height, pixel))
        if 'masks' in found:
            self.masks = self.masks or []
            for mask in found.masks:
                self.masks.append(run_lengths.encode(mask.cpu().numpy(), window, self.width, self.height))

    def merge(self) -> InstanceData:
        """The objects of the image."""
        parts = {key: np.concatenate([part[key] for part in self.parts]) for key in self.parts[0]}
        merged = merge_objects(**parts, views=self.views)
        objects = InstanceData(
            bboxes=torch.from_numpy(merged.boxes),
            scores=torch.from_numpy(merged.scores),
            labels=torch.from_numpy(merged.labels),
        )
        if self.masks is not None:
            objects.masks = [run_lengths.union([self.masks[i] for i in sources]) for sources in merged.sources]
        return objects


def _scale(sample: BaseDataElement) -> tuple[float, float]:
    """Pixels of the network's input per pixel of the image, in width and height."""
    (height, width), (new_height, new_width) = sample.ori_shape[:2], sample.img_shape[:2]
    return new_width / width, new_height / height
