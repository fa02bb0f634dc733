"""The feed-forward network of a transformer block."""

from torch import nn


def feed_forward(channels: int, ratio: int, activation: type[nn.Module]) -> nn.Sequential:
    """A feed-forward network of tokens: linear, activation, linear.

    Args:
        channels: Number of channels C.
        ratio: Hidden channels are C times this.
        activation: Class of the activation, built without arguments.

    Shape:
        (N, L, C) -> (N, L, C).
    """
    return nn.Sequential(nn.Linear(channels, ratio * channels), activation(), nn.Linear(ratio * channels, channels))
