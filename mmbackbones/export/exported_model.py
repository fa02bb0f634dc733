"""Exported files as models of MMDetection and MMSegmentation: the same images in, the same results out.

Their images go through the pipeline and the data preprocessor of the trained model, the file computes what the network
does, and what follows is the libraries' own code again, or does as theirs.
"""

from collections.abc import Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import scale_boxes
from mmengine.config import Config, ConfigDict
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.structures import InstanceData
from mmseg.models.segmentors import BaseSegmentor, EncoderDecoder
from torch import Tensor

from ..engine.checkpoint_config import carried_config
from ..engine.config import read_model_config
from ..engine.dataset_config import is_segmentor
from ..errors import UserError
from ..utils.config_files import ConfigLike
from .metadata import FEATURES
from .paste_masks import paste_masks
from .sessions import Session, open_session, read_metadata

NO_AMP = '--amp is for checkpoints: {} computes in single precision, as it was exported'


class ExportedFile(BaseModel):
    """What both kinds of models share: the open file, which stays on the device that it was opened on.

    Args:
        file: The exported file. It is opened when it is first used.
        device: Where to run it; None for the best there is.
    """

    file: str
    opened_on: str | None
    output_names: tuple[str, ...]  # that a file has at least

    @cached_property
    def session(self) -> Session:
        """The open file.

        Raises:
            UserError: It cannot be opened, or takes or gives something else than such a model.
        """
        session = open_session(self.file, torch.device(self.opened_on) if self.opened_on else None)
        inputs = list(session.inputs.values())
        if len(inputs) != 1 or len(inputs[0]) != 4 or not session.outputs.keys() >= set(self.output_names):
            raise UserError(
                f'{self.file} does not hold what its metadata says: such a file takes one batch of images and gives '
                f'{", ".join(self.output_names)}; export the model again with `mmbackbones export`'
            )
        return session

    @property
    def device(self) -> torch.device:
        """Where the file computes; images are prepared on the CPU."""
        return self.session.device

    def _set_device(self, device: Any) -> None:
        """Do nothing: MMEngine moves models to the device that it likes best."""

    def _apply(self, *args: Any, **kwargs: Any) -> 'ExportedFile':
        """Do nothing: there are no weights here to move or to convert."""
        return self

    def compute(self, images: Tensor, fill: float) -> dict[str, Tensor]:
        """Run the file.

        Args:
            images: Normalized images (N, 3, H, W).
            fill: What pads images to the size of a file that takes one size only.

        Raises:
            UserError: They are larger than that size.
        """
        height, width = images.shape[-2:]
        batches = [images]
        if size := self.session.static_size:
            if height > size[0] or width > size[1]:
                raise UserError(
                    f'{self.file} takes images of {size[1]}x{size[0]} pixels, to which smaller ones are padded, but '
                    f'this one is {width}x{height} after resizing: use --img-scale, or export without --static'
                )
            batches = list(F.pad(images, (0, size[1] - width, 0, size[0] - height), value=fill).split(1))
        found = [self.session.run(batch.numpy()) for batch in batches]
        return {name: torch.cat([torch.from_numpy(part[name]) for part in found]) for name in found[0]}


@MODELS.register_module()
class ExportedDetector(ExportedFile):
    """A detector in an exported file.

    Each image gets the result that it gets alone: only images of one size are computed together.

    Args:
        file: The exported file.
        data_preprocessor: That of the trained model.
        num_classes: How many classes it knows; None if it does not say.
        mask_thr_binary: Probability from which on a pixel is part of an object.
        device: Where to run the file; None for the best there is.
    """

    output_names = ('boxes', 'scores', 'labels')

    def __init__(
        self,
        file: str,
        data_preprocessor: dict,
        num_classes: int | None = None,
        mask_thr_binary: float = 0.5,
        device: str | None = None,
    ) -> None:
        super().__init__(data_preprocessor)
        self.file, self.opened_on = file, device
        self.num_classes, self.mask_thr_binary = num_classes, mask_thr_binary

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Not there: see :meth:`test_step`."""
        raise NotImplementedError('call test_step')

    def test_step(self, data: dict) -> list[DetDataSample]:
        """Detect objects, in pixels of the original images."""
        inputs, samples = data['inputs'], data['data_samples']
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(inputs):
            groups.setdefault(tuple(image.shape), []).append(index)
        for (_, height, width), indices in groups.items():
            group = dict(inputs=[inputs[i] for i in indices], data_samples=[samples[i] for i in indices])
            images = self.data_preprocessor(group)['inputs'][..., :height, :width]  # the file pads by itself
            found = self.compute(images, getattr(self.data_preprocessor, 'pad_value', 0))
            for place, i in enumerate(indices):
                arrays = {name: values[place] for name, values in found.items()}
                samples[i].pred_instances = self._result(arrays, samples[i].metainfo)
        return list(samples)

    val_step = test_step

    def _result(self, found: dict[str, Tensor], meta: dict) -> InstanceData:
        used = found['labels'] >= 0
        if self.num_classes and (found['labels'] >= self.num_classes).any():
            label = int(found['labels'].max())
            raise UserError(f'{self.file} finds the label {label}, but names {self.num_classes} classes only')
        boxes = found['boxes'][used]
        if self.session.static_size:
            height, width = meta['img_shape'][:2]
            boxes = torch.minimum(boxes, boxes.new_tensor((width, height, width, height)))
        objects = InstanceData(scores=found['scores'][used], labels=found['labels'][used])
        if 'masks' in found:  # MMDetection scales boxes in two ways, which differ in the last digit
            objects.bboxes = boxes / boxes.new_tensor(meta['scale_factor']).repeat(2)
            masks, size = found['masks'][used], meta['ori_shape'][:2]
            objects.masks = paste_masks(masks, objects.bboxes, size, self.mask_thr_binary)
        else:
            objects.bboxes = scale_boxes(boxes, [1 / factor for factor in meta['scale_factor']])
        return objects


@MODELS.register_module()
class ExportedSegmentor(ExportedFile, EncoderDecoder):
    """A segmentor in an exported file: whole images or sliding windows, resizing and all else are MMSegmentation's.

    Args:
        file: The exported file.
        data_preprocessor: That of the trained model.
        out_channels: Number of label scores of a pixel.
        test_cfg: As of the trained model.
        align_corners: The same, of its head.
        threshold: The same, for one output of two classes.
        device: Where to run the file; None for the best there is.
    """

    output_names = ('logits',)

    def __init__(
        self,
        file: str,
        data_preprocessor: dict,
        out_channels: int,
        test_cfg: dict | None = None,
        align_corners: bool = False,
        threshold: float | None = None,
        device: str | None = None,
    ) -> None:
        BaseSegmentor.__init__(self, data_preprocessor)
        self.file, self.opened_on = file, device
        self.test_cfg = ConfigDict(test_cfg or dict(mode='whole'))
        self.out_channels, self.align_corners = out_channels, align_corners
        self.decode_head = SimpleNamespace(threshold=0.3 if threshold is None else threshold)  # as in MMSegmentation

    def encode_decode(self, inputs: Tensor, batch_img_metas: Sequence[dict]) -> Tensor:
        """Label scores of each pixel, from the file."""
        height, width = inputs.shape[2:]
        fill = getattr(self.data_preprocessor, 'pad_val', 0)
        logits = self.compute(inputs, fill)['logits']
        if logits.shape[1] != self.out_channels:
            raise UserError(f'{self.file} gives {logits.shape[1]} label scores, but names {self.out_channels}')
        return logits[..., :height, :width]


def open_exported(
    file: str, config: ConfigLike | None, device: str | None = None, loader: bool = True, data: bool = True
) -> tuple[dict[str, Any], Config]:
    """What an exported file says of its training, and the config of the model that it is.

    Args:
        file: The exported file.
        config: Config in place of the one in the file, which is read as data.
        device: Where to run it; None for the best there is.
        loader: As of :func:`~mmbackbones.engine.checkpoint_config.checkpoint_config`.
        data: The same.

    Returns:
        What a checkpoint would hold beside the weights, and the config.

    Raises:
        UserError: The file cannot be read, holds a backbone alone, or carries a config that cannot be used.
    """
    metadata = read_metadata(file)
    if metadata.task == FEATURES:
        raise UserError(f'{file} holds {metadata.network} alone, a backbone, but no detector or segmentor')
    cfg = carried_config(metadata.content, file, loader, data) if config is None else read_model_config(config)
    if is_segmentor(cfg) != (metadata.task == 'semantic segmentation'):
        other = 'a segmentor' if is_segmentor(cfg) else 'a detector'
        raise UserError(f'{file} is for {metadata.task}, but its config is that of {other}')
    use_exported(cfg, file, len(metadata.classes), device)
    return metadata.content, cfg


def use_exported(cfg: Config, file: str, num_classes: int, device: str | None = None) -> None:
    """Put an exported file in place of the model of a config.

    Args:
        cfg: Config of the trained model; changed in place.
        file: The exported file.
        num_classes: How many classes it knows.
        device: Where to run it; None for the best there is.
    """
    model = cfg.model
    part = dict(file=file, device=device, data_preprocessor=model.get('data_preprocessor') or cfg.data_preprocessor)
    if is_segmentor(cfg):
        head = model.get('decode_head') or {}
        head = head[-1] if isinstance(head, list) else head
        channels = head.get('out_channels') or num_classes  # one for two classes, if a head is made so
        part.update(type='ExportedSegmentor', test_cfg=model.get('test_cfg'), out_channels=channels)
        part.update({key: head[key] for key in ('align_corners', 'threshold') if key in head})
    else:
        settings = (model.get('test_cfg') or {}).get('rcnn') or {}
        part.update(type='ExportedDetector', num_classes=num_classes or None)
        part.update(mask_thr_binary=settings.get('mask_thr_binary', 0.5))
    cfg.model = ConfigDict(part)
    # The config that is written to a work directory needs it wherever it is read again.
    imports = cfg.get('custom_imports') or dict(imports=[], allow_failed_imports=False)
    cfg.custom_imports = dict(imports, imports=[*imports['imports'], 'mmbackbones.export.exported_model'])
