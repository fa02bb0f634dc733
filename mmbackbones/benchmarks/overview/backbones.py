"""The backbones of the targets, and how the time of a pixel grows with the image."""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from mmengine.registry import MODELS

from ...analysis.counting import multiply_adds
from ..authors_form import authors_form
from ..measure import Step
from ..table import AUTHORS, COMPILED
from .group import TASKS, Group, Setting

# Name, config, and height and width of the image: such that the authors' code takes it, and that unfolded windows fit.
NETWORKS: tuple[tuple[str, dict, int], ...] = (
    ('VAN-B2', dict(type='VAN', arch='b2'), 512),
    ('TransCNN-S', dict(type='TransCNN', arch='small'), 512),
    ('HAT-Net-S', dict(type='HATNet', arch='small'), 448),
    ('Dual-ViT-S', dict(type='DualViT', arch='small'), 512),
    ('SASA ResNet-26', dict(type='SASAResNet', depth=26), 256),
)
# Networks whose multiply-adds are linear in the number of pixels, or nearly so.
LINEAR: tuple[tuple[str, dict], ...] = (
    ('VAN-B2', dict(type='VAN', arch='b2')),
    ('HAT-Net-S', dict(type='HATNet', arch='small')),
    ('Dual-ViT-S (8, 8)', dict(type='DualViT', arch='small', semantic_grid=(8, 8))),
    ('SASA ResNet-26', dict(type='SASAResNet', depth=26)),
)
SIDES = (512, 1024)


def backbone_step(cfg: dict, side: int, task: str, form: str, precision: str, device: str) -> Step:
    """One image through a backbone: its inference form, or forward and backward in training mode.

    Args:
        cfg: Config of the backbone.
        side: Height and width of the image, in pixels.
        task: ``inference`` or ``training``.
        form: One of the forms of :mod:`~mmbackbones.benchmarks.overview.group`.
        precision: ``float32``, or ``bfloat16`` by autocast.
        device: Where it runs.
    """
    torch.manual_seed(0)
    network = MODELS.build(cfg).to(device).train(task == 'training')
    image = torch.randn(1, 3, side, side, device=device)
    if form == AUTHORS:
        network = authors_form(network).to(device)
    elif task == 'inference':
        network.fuse()
    if form == COMPILED:
        network.compile(dynamic=True)
    autocast = partial(torch.autocast, device, torch.bfloat16, enabled=precision == 'bfloat16')

    def infer() -> None:
        with torch.no_grad(), autocast():
            network(image)

    def train() -> None:
        with autocast():
            maps = network(image)
        sum(out.float().mean() for out in maps).backward()
        network.zero_grad()

    return infer if task == 'inference' else train


def count(cfg: dict, side: int, task: str) -> int:
    """Multiply-adds of one image; the backward pass of a product is two products of its size."""
    with torch.device('meta'):
        network = MODELS.build(cfg).eval()
    return multiply_adds(network, (1, 3, side, side)) * (3 if task == 'training' else 1)


def backbone_groups(setting: Setting, networks: Sequence[tuple[str, dict, int]] = NETWORKS) -> Iterator[Group]:
    """Each backbone in all forms."""
    for name, cfg, side in networks:
        for task in TASKS:
            make = partial(backbone_step, cfg, side, task)
            columns = dict(network='backbone', backbone=name, height=side, width=side, task=task, batch=1)
            yield Group(columns, setting.forms(make, compiled=True, commands=True), count(cfg, side, task))


def pixel_groups(
    setting: Setting, networks: Sequence[tuple[str, dict]] = LINEAR, sides: Sequence[int] = SIDES
) -> Iterator[list[Group]]:
    """Backbones on a smaller and on a larger image, in float32; the two take turns."""
    alone = Setting(setting.device)
    for name, cfg in networks:
        for task in TASKS:
            yield [
                Group(
                    dict(network='growing image', backbone=name, height=side, width=side, task=task, batch=1),
                    alone.forms(partial(backbone_step, cfg, side, task)),
                    count(cfg, side, task),
                )
                for side in sides
            ]
