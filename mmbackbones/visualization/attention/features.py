"""Feature maps as pictures."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def mean_activation(features: Array) -> Array:
    """The mean absolute value over channels: (C, H, W) -> (H, W)."""
    return np.abs(features).mean(0)


def principal_components(features: Array, rows: int, columns: int) -> Array:
    """The first three principal components of the features as red, green and blue, each from 0 to 1.

    What has one color has similar features. The components are those of the upper left `rows` x `columns` tokens, the
    image without padding, and so is the range of each color, but for the outermost hundredths.

    Shape:
        (C, H, W) -> (H, W, 3).
    """
    channels, height, width = features.shape
    tokens = features.reshape(channels, -1).T.astype(np.float64)
    inside = features[:, :rows, :columns].reshape(channels, -1).T.astype(np.float64)
    mean = inside.mean(0)
    _, axes = np.linalg.eigh((inside - mean).T @ (inside - mean))
    axes = axes[:, ::-1][:, :3]
    # An axis may point either way: the way of its largest entry, so that equal features give equal colors.
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), range(axes.shape[1])])
    least, most = np.percentile((inside - mean) @ axes, (1, 99), axis=0)
    colors = np.full((height * width, 3), 0.5, np.float32)
    span = np.where(most - least > 1e-12, most - least, np.inf)
    colors[:, : axes.shape[1]] = np.clip(((tokens - mean) @ axes - least) / span, 0, 1)
    return colors.reshape(height, width, 3)
