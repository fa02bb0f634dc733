"""Whole detectors and segmentors, from an image to boxes, masks or labels, and in training."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from mmengine.optim import OptimWrapper

from ...analysis.complexity import measure_complexity
from ..authors_form import authors_form
from ..gpu.networks import build, samples
from ..measure import Step
from .group import AUTHORS, TASKS, Group, Setting

# Config, and height and width of the image.
MODELS = (
    ('retinanet_van_s', (800, 1333)),
    ('mask_rcnn_van_s', (800, 1333)),
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


def model_step(name: str, size: tuple[int, int], task: str, form: str, precision: str, device: str) -> Step:
    """One image: from the tensor to the results at its size, or a step of training with AdamW."""
    model = build_model(name, form).to(device).train(task == 'training')
    truth = [sample.to(device) for sample in samples(model, 1, *size)]
    image = torch.randn(1, 3, *size, device=device)
    if task == 'inference':
        if form != AUTHORS:
            model.backbone.fuse()
        return partial(_predict, model, image, truth, precision)
    wrapper = OptimWrapper(torch.optim.AdamW([param for param in model.parameters() if param.requires_grad], lr=1e-5))
    return partial(_train, model, image, truth, wrapper, precision)


def _predict(model: Any, image: torch.Tensor, truth: list, precision: str) -> None:
    with torch.no_grad():
        model.predict(image, truth)


def _train(model: Any, image: torch.Tensor, truth: list, wrapper: OptimWrapper, precision: str) -> None:
    with wrapper.optim_context(model):
        loss, _ = model.parse_losses(model.loss(image, truth))
    wrapper.update_params(loss)


def model_groups(setting: Setting, models: Sequence[tuple[str, tuple[int, int]]] = MODELS) -> Iterator[Group]:
    """Each model in all forms."""
    for name, (height, width) in models:
        for task in TASKS:
            columns = dict(network=name, backbone='VAN-B1', height=height, width=width, task=task, batch=1)
            make = partial(model_step, name, (height, width), task)
            # How many regions a two-stage detector looks at differs from prediction to training.
            count = 0 if name.startswith('mask') else measure_complexity(name, (height, width)).multiply_adds
            yield Group(columns, setting.forms(make), count * (3 if task == 'training' else 1))
