"""Whole detectors and segmentors, from an image to boxes, masks or labels, and in training."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from mmengine.optim import OptimWrapper

from ...analysis.complexity import measure_complexity
from ...engine.bfloat16_training import Bfloat16OptimWrapper
from ...engine.float32_heads import float32_heads
from ...engine.inference_form import fuse_in_place
from ..authors_form import authors_form
from ..gpu.networks import build, samples
from ..measure import Step
from ..table import AUTHORS
from .group import TASKS, Group, Setting

# Config, and height and width of the image.
MODELS = (
    ('retinanet_van_s', (480, 640)),
    ('mask_rcnn_van_s', (480, 640)),
    ('upernet_van_s', (512, 512)),
)


def build_model(name: str, form: str) -> Any:
    """The model of a config with random weights, the same ones in each form; Mask R-CNN finds objects all the same."""
    torch.manual_seed(0)
    detector, _, backbone = name.partition('_van')
    model = build(detector, f'van{backbone}')
    if detector == 'mask_rcnn':
        model.roi_head.test_cfg.score_thr = 0.0
    if form == AUTHORS:
        model.backbone = authors_form(model.backbone)
    return model


def model_step(name: str, size: tuple[int, int], batch: int, task: str, form: str, precision: str, device: str) -> Step:
    """From images to the results at their size, or a step of training with AdamW."""
    model = build_model(name, form).to(device).train(task == 'training')
    truth = [sample.to(device) for sample in samples(model, batch, *size)]
    images = torch.randn(batch, 3, *size, device=device)
    if task == 'inference':
        if form != AUTHORS:
            fuse_in_place(model)
        return partial(_predict, model, images, truth, precision == 'bfloat16')
    optimizer = torch.optim.AdamW([param for param in model.parameters() if param.requires_grad], lr=1e-5)
    wrapper = (Bfloat16OptimWrapper if precision == 'bfloat16' else OptimWrapper)(optimizer=optimizer)
    return partial(_train, model, images, truth, wrapper)


def _predict(model: Any, images: torch.Tensor, truth: list, half: bool) -> None:
    autocast = torch.autocast(images.device.type, torch.bfloat16, enabled=half)
    with torch.no_grad(), autocast, float32_heads(model) if half else nullcontext():
        model.predict(images, truth)


def _train(model: Any, images: torch.Tensor, truth: list, wrapper: OptimWrapper) -> None:
    with wrapper.optim_context(model):
        loss, _ = model.parse_losses(model.loss(images, truth))
    wrapper.update_params(loss)


def model_groups(setting: Setting, models: Sequence[tuple[str, tuple[int, int]]] = MODELS) -> Iterator[Group]:
    """Each model in all forms."""
    for name, (height, width) in models:
        for task in TASKS:
            # UperNet's pooled maps are single pixels, whose batch norm cannot be trained on one image.
            batch = 2 if name.startswith('upernet') and task == 'training' else 1
            columns = dict(network=name, backbone='VAN-B1', height=height, width=width, task=task, batch=batch)
            make = partial(model_step, name, (height, width), batch, task)
            # How many regions a two-stage detector looks at differs from prediction to training.
            count = 0 if name.startswith('mask') else measure_complexity(name, (height, width)).multiply_adds
            yield Group(columns, setting.forms(make), count * batch * (3 if task == 'training' else 1))
