"""What it costs that backbones hand out contiguous maps, whatever format they compute in."""

from functools import partial

import torch
from mmdet.models import FPN
from mmengine.registry import MODELS

from .measure import Step, compare

SIDE = 512  # pixels
BACKBONES = {'VAN-B2': dict(type='VAN', arch='b2'), 'Dual-ViT-S': dict(type='DualViT', arch='small')}


def make_step(cfg: dict, side: int, contiguous: bool) -> Step:
    """A training step of a backbone and an FPN at `side` x `side` pixels, with the maps as computed or contiguous."""
    torch.manual_seed(0)
    backbone = MODELS.build(cfg).train()
    neck = FPN(list(backbone.out_channels), 256, num_outs=5)
    x = torch.randn(1, 3, side, side)

    def step():
        maps = backbone(x) if contiguous else backbone.pyramid(x.contiguous(memory_format=torch.channels_last))
        sum(level.mean() for level in neck(tuple(maps))).backward()

    return step


def run(rounds: int = 3) -> None:
    """Print the table of docs/memory.md."""
    print('| backbone and FPN | contiguous maps | as computed |')
    print('|---|---|---|')
    for name, cfg in BACKBONES.items():
        samples = compare({kind: partial(make_step, cfg, SIDE, kind) for kind in (True, False)}, rounds)
        print(f'| {name} | {samples[True]} | {samples[False]} |', flush=True)
