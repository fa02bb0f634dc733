"""The detectors and segmentors that are measured, and their steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

import torch
from mmcv.cnn.bricks.scale import LayerScale
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmdet.utils import register_all_modules as register_mmdet
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmseg.structures import SegDataSample
from mmseg.utils import register_all_modules as register_mmseg
from torch import Tensor, nn

from ...engine.bfloat16_training import Bfloat16OptimWrapper
from ...engine.compilation import compile_backbone
from ...utils.config_files import read_config
from ..measure import Step

# Ours by the last part of their configs' names, the others by config and channels.
OURS = ('van_s', 'van_b', 'transcnn_s', 'hatnet_s', 'dualvit_s', 'sasa_r26')
OTHERS: dict[str, tuple[dict, tuple[int, ...]]] = {
    'resnet50': (dict(type='ResNet', depth=50), (256, 512, 1024, 2048)),
    'swin_t': (
        dict(
            type='SwinTransformer',
            embed_dims=96,
            depths=(2, 2, 6, 2),
            num_heads=(3, 6, 12, 24),
            window_size=7,
            drop_path_rate=0.2,
        ),
        (96, 192, 384, 768),
    ),
    'convnext_t': (dict(type='convnext_tiny'), (96, 192, 384, 768)),  # timm's
}
BACKBONES = (*OURS, *(name for name in OTHERS if name != 'convnext_t' or find_spec('timm')))


class TimmFeatures(nn.Module):
    """The maps of a network of timm, from random weights."""

    def __init__(self, name: str, out_indices: tuple[int, ...]) -> None:
        super().__init__()
        timm = import_module('timm')  # optional
        self.body = timm.create_model(name, features_only=True, out_indices=out_indices)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.body(x))


def build(detector: str, backbone: str) -> Any:
    """A detector or segmentor as its config describes it, from random weights.

    Args:
        detector: ``retinanet``, ``mask_rcnn`` or ``upernet``.
        backbone: A name of :data:`BACKBONES`; those that are not ours stand in the place of VAN-B1.
    """
    register_mmdet(init_default_scope=False)
    register_mmseg(init_default_scope=False)
    cfg = read_config(f'{detector}_{"van_s" if backbone in OTHERS else backbone}')
    init_default_scope(cfg.default_scope)
    model, replacement = cfg.model, None
    out_indices = tuple(model.backbone.get('out_indices', (0, 1, 2, 3)))
    if backbone in OTHERS:
        other, channels = OTHERS[backbone]
        chosen = [channels[i] for i in out_indices]
        if other['type'] == 'convnext_tiny':
            replacement, other = TimmFeatures(other['type'], out_indices), dict(type='ResNet', depth=18)
        model.backbone = dict(other, out_indices=out_indices)
        if 'neck' in model:
            model.neck.in_channels = chosen
        else:
            model.decode_head.in_channels, model.auxiliary_head.in_channels = chosen, chosen[2]
    model.backbone.init_cfg = None
    network = MODELS.build(model)
    if replacement is not None:
        network.backbone = replacement
    return network


def samples(model: Any, count: int, height: int, width: int, objects: int = 20) -> list:
    """Ground truth of `count` images: some objects, or a label for each pixel."""
    generator = torch.Generator().manual_seed(0)
    meta = dict(
        img_shape=(height, width),
        ori_shape=(height, width),
        pad_shape=(height, width),
        batch_input_shape=(height, width),
        scale_factor=(1.0, 1.0),
    )
    made: list = []
    for _ in range(count):
        if hasattr(model, 'decode_head'):
            label = torch.randint(model.decode_head.num_classes, (1, height, width), generator=generator)
            made.append(SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=label)))
            continue
        extent = torch.tensor([width, height])
        low = torch.rand(objects, 2, generator=generator) * extent * 0.8
        high = low + (0.02 + 0.18 * torch.rand(objects, 2, generator=generator)) * extent
        masks = torch.zeros(objects, height, width, dtype=torch.uint8)
        for mask, (x1, y1), (x2, y2) in zip(masks, low.long().tolist(), high.long().tolist(), strict=True):
            mask[y1 : y2 + 1, x1 : x2 + 1] = 1
        made.append(
            DetDataSample(
                metainfo=meta,
                gt_instances=InstanceData(
                    bboxes=torch.cat((low, high), 1),
                    labels=torch.randint(80, (objects,), generator=generator),
                    masks=BitmapMasks(masks.numpy(), height, width),
                ),
            )
        )
    return made


def prediction(model: Any, device: str, batch: int, height: int, width: int, precision: str) -> Step:
    """A prediction, from images on the device to results: boxes after non-maximum suppression, or label maps."""
    model.eval()
    images = torch.randn(batch, 3, height, width, device=device)
    truth = [sample.to(device) for sample in samples(model, batch, height, width)]

    def step() -> None:
        with torch.no_grad(), torch.autocast(device, getattr(torch, precision), enabled=precision != 'float32'):
            model.predict(images, truth)

    return step


def training_step(model: Any, device: str, batch: int, height: int, width: int, precision: str) -> Step:
    """A training step as our runs take it: forward, losses, backward, AdamW; in float16 as ``--amp`` has it on GPUs."""
    model.train()
    images = torch.randn(batch, 3, height, width, device=device)
    truth = [sample.to(device) for sample in samples(model, batch, height, width)]
    optimizer = torch.optim.AdamW([param for param in model.parameters() if param.requires_grad], lr=1e-5)
    wrapper: OptimWrapper = _WRAPPERS[precision](optimizer=optimizer)

    def step() -> None:
        with wrapper.optim_context(model):
            loss, _ = model.parse_losses(model.loss(images, truth))
        wrapper.update_params(loss)

    return step


_WRAPPERS: dict[str, Callable[..., OptimWrapper]] = {
    'float32': OptimWrapper,
    'float16': partial(AmpOptimWrapper, loss_scale='dynamic'),
    'bfloat16': Bfloat16OptimWrapper,
}
STEPS: dict[str, Callable[..., Step]] = {'inference': prediction, 'training': training_step}


@contextmanager
def computing(backbone: Any, layout: str) -> Iterator[str]:
    """Inside, a backbone of ours computes in a memory format; yields the name of the layout.

    Args:
        backbone: Any, for `default`; else one of ours.
        layout: ``default``, the backbone's own choice; ``other``, the memory format that it does not choose; or
            ``as computed``: its own choice, and maps that are handed out without a copy into the contiguous format.
    """
    if layout == 'default':
        yield layout
        return
    own = backbone.memory_format(next(backbone.parameters()).device)
    if layout == 'as computed':
        backbone.forward = lambda x: tuple(backbone.pyramid(x.contiguous(memory_format=own)))
    else:
        other = torch.contiguous_format if own == torch.channels_last else torch.channels_last
        layout = 'channels-last' if other == torch.channels_last else 'contiguous'
        backbone.memory_format = lambda device: other
    try:
        yield layout
    finally:
        for name in ('forward', 'memory_format'):
            vars(backbone).pop(name, None)


@contextmanager
def compiled(model: Any) -> Iterator[None]:
    """Inside, the backbone of a detector or segmentor is compiled as ``train --compile`` does it, for any size."""
    torch.compiler.reset()
    compile_backbone(model)
    try:
        yield
    finally:
        for module in model.backbone.modules():
            module._compiled_call_impl = None


@contextmanager
def layer_scale_in_half_precision() -> Iterator[None]:
    """Inside, mmcv's layer scale leaves maps in the type that they have; its float32 weight makes them float32 else."""

    def forward(self: LayerScale, x: Tensor) -> Tensor:
        weight = self.weight.to(x.dtype)
        return x * (weight if self.data_format == 'channels_last' else weight.view(-1, *(1,) * (x.dim() - 2)))

    with patch.object(LayerScale, 'forward', forward):
        yield
