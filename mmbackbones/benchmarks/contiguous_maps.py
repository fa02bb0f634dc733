"""What it costs that backbones return contiguous maps, whatever memory format they compute in."""

from functools import partial

import torch
from mmdet.models import FPN
from mmengine.registry import MODELS

from .measure import Step, compare

BACKBONES = {'VAN-B2': dict(type='VAN', arch='b2'), 'Dual-ViT-S': dict(type='DualViT', arch='small')}


def make_step(cfg: dict, side: int, contiguous: bool) -> Step:
    """A training step of a backbone and an FPN.

    Args:
        cfg: Config of the backbone.
        side: Height and width of the image, in pixels.
        contiguous: Whether the FPN gets contiguous maps, or the maps in the format they were computed in.
    """
    torch.manual_seed(0)
    backbone = MODELS.build(cfg).train()
    neck = FPN(list(backbone.out_channels), 256, num_outs=5)
    x = torch.randn(1, 3, side, side)

    def step() -> None:
        maps = backbone(x) if contiguous else backbone.pyramid(x.contiguous(memory_format=torch.channels_last))
        sum(level.mean() for level in neck(tuple(maps))).backward()

    return step


def run(rounds: int = 3, side: int = 512) -> None:
    """Print the table of docs/memory.md.

    Args:
        rounds: Number of samples per figure.
        side: Height and width of the image, in pixels.
    """
    print('| backbone and FPN | contiguous maps | as computed |')
    print('|---|---|---|')
    for name, cfg in BACKBONES.items():
        measured = compare({kind: partial(make_step, cfg, side, kind) for kind in (True, False)}, rounds)
        print(f'| {name} | {measured[True]} | {measured[False]} |', flush=True)
