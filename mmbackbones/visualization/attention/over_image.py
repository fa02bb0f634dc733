"""Grids of values, laid over the image."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def lay_over(values: Floats, top: float, left: float, cell: tuple[float, float], seen: tuple[int, int]) -> Floats:
    """Each pixel of the image with the value that it lies in, 0 where there is none.

    Args:
        values: A grid, (rows, columns) or (rows, columns, 3).
        top: Its upper border, in pixels of the image as the network sees it.
        left: Its left border.
        cell: Height and width of one value.
        seen: Height and width of the image.

    Shape:
        Returns (h, w) or (h, w, 3).
    """
    (rows, inside_rows), (columns, inside_columns) = (
        _indices(length, start, side, number)
        for length, start, side, number in zip(seen, (top, left), cell, values.shape, strict=False)
    )
    laid = values[rows][:, columns]
    laid[~inside_rows] = 0
    laid[:, ~inside_columns] = 0
    return laid


def _indices(
    length: int, start: float, side: float, number: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Which of the values along one side each pixel lies in, and whether it lies in any."""
    indices = np.floor((np.arange(length) + 0.5 - start) / side).astype(np.int64)
    return np.clip(indices, 0, number - 1), (indices >= 0) & (indices < number)


def on_the_image(number: int, start: float, end: float, length: int) -> npt.NDArray[np.bool_]:
    """Which of the values along one side lie on the image, at least in part.

    Args:
        number: How many there are.
        start: Border of the first.
        end: Border of the last.
        length: Side of the image.
    """
    borders = np.linspace(start, end, number + 1)
    return (borders[:-1] < length) & (borders[1:] > 0)
