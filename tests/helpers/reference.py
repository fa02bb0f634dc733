"""Weights and inputs that two implementations can generate identically, without exchanging files.

Every entry of a state dict is drawn from a generator seeded with the CRC-32 of its key, so a few stored output values
are enough to compare a network with its authors' code.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import torch


def draw(key: str, shape: tuple[int, ...], kind: str, gain: float = 1.0) -> torch.Tensor:
    """Draw one entry, in float32 but for counters.

    Args:
        key: Its key in the authors' layout, which seeds the generator.
        shape: Its shape.
        kind: `weight`, `bias`, `norm_weight`, `layer_scale`, `running_mean`, `running_var` or `counter`.
        gain: Factor of a running variance.
    """
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    if kind == 'counter':
        return torch.zeros(shape, dtype=torch.int64)
    if kind == 'running_var':
        value = gain * (0.5 + rng.random(shape))
    else:
        scale, offset = {
            'bias': (0.1, 0.0),
            'running_mean': (0.1, 0.0),
            'norm_weight': (0.1, 1.0),
            'layer_scale': (0.1, 0.5),
            'weight': (1 / np.sqrt(np.prod(shape[1:])), 0.0),
        }[kind]
        value = offset + scale * rng.standard_normal(shape)
    return torch.from_numpy(np.asarray(value, dtype=np.float32))


def image(seed: int, shape: tuple[int, ...]) -> torch.Tensor:
    """A random image batch in float32."""
    return torch.from_numpy(np.random.Generator(np.random.PCG64(seed)).standard_normal(shape).astype(np.float32))


def assert_features_equal(outs: Sequence[torch.Tensor], features: dict, tolerance: float = 5e-7) -> None:
    """Compare maps with stored points ``[n, c, y, x, value]``, relative to the largest value of each map.

    Args:
        outs: The maps.
        features: What is stored of each.
        tolerance: That of float64: the stored values are rounded to float32, so it cannot be less.
    """
    for out, stored in zip(outs, features.values(), strict=True):
        assert list(out.shape) == stored['shape']
        for *index, value in stored['points']:
            assert abs(out[tuple(index)].item() - value) <= tolerance * stored['absmax']


class StateDict(dict):
    """A state dict in the authors' layout, put together layer by layer."""

    def __init__(self, running_var_gain: dict[str, float]) -> None:
        super().__init__()
        self.gains = running_var_gain

    def put(self, key: str, shape: tuple[int, ...], kind: str) -> None:
        self[key] = draw(key, shape, kind, self.gains.get(key, 1.0))

    def conv(self, key: str, out_channels: int, in_channels: int, size: int = 1, bias: bool = True) -> None:
        self.put(f'{key}.weight', (out_channels, in_channels, size, size), 'weight')
        if bias:
            self.put(f'{key}.bias', (out_channels,), 'bias')

    def linear(self, key: str, out_channels: int, in_channels: int) -> None:
        self.put(f'{key}.weight', (out_channels, in_channels), 'weight')
        self.put(f'{key}.bias', (out_channels,), 'bias')

    def norm(self, key: str, channels: int, batch_norm: bool = True) -> None:
        self.put(f'{key}.weight', (channels,), 'norm_weight')
        self.put(f'{key}.bias', (channels,), 'bias')
        if batch_norm:
            self.put(f'{key}.running_mean', (channels,), 'running_mean')
            self.put(f'{key}.running_var', (channels,), 'running_var')
            self.put(f'{key}.num_batches_tracked', (), 'counter')
