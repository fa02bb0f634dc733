"""How time and memory of H-MHSA and of full attention grow with the image."""

from functools import partial

import torch
from mmengine.registry import MODELS

from ..analysis.explicit_attention import explicit_attention
from .measure import Step, compare

CHANNELS = 64  # the first stage of TransCNN, at a quarter of the image's size
FORMS = {
    'H-MHSA': dict(type='HierarchicalSelfAttention2d', grid_size=8, pool_ratio=8),
    'H-MHSA, cascade': dict(type='CascadedSelfAttention2d', grid_sizes=(8, 4)),
    'full attention': dict(type='MultiHeadSelfAttention2d'),
}
# A side of 768 pixels would need two matrices of 36,864 x 36,864 weights, 11 GB, and as much for the backward pass.
MATERIALISED_UP_TO = 512


def make_step(cfg: dict, side: int, materialised: bool = False) -> Step:
    """A training step of the layer on the map that a stem makes of an image of `side` x `side` pixels."""
    torch.manual_seed(0)
    layer = MODELS.build(dict(cfg, in_channels=CHANNELS, head_dim=CHANNELS))
    x = torch.randn(1, CHANNELS, side // 4, side // 4).contiguous(memory_format=torch.channels_last).requires_grad_()

    def step():
        layer(x).mean().backward()

    return explicit_attention()(step) if materialised else step


def run(sides: tuple[int, ...] = (256, 384, 512, 768, 1024)) -> None:
    """Print the table of docs/hierarchical_attention.md."""
    names = [*FORMS, 'full attention, materialised']
    print('| image | ' + ' | '.join(names) + ' |')
    print('|---' * (len(names) + 1) + '|')
    for side in sides:
        forms = {name: partial(make_step, cfg, side) for name, cfg in FORMS.items()}
        if side <= MATERIALISED_UP_TO:
            forms[names[-1]] = partial(make_step, FORMS['full attention'], side, materialised=True)
        samples = compare(forms, rounds=3)
        print(f'| {side} x {side} | ' + ' | '.join(str(samples.get(name, '-')) for name in names) + ' |', flush=True)
