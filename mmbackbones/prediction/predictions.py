"""Predictions of many images, one after the other."""

from collections.abc import Iterator
from typing import Any, NoReturn

from ..utils.text import counted
from .prediction import Prediction


class Predictions(Iterator[Prediction]):
    """Predictions in the order of their images, each computed when it is asked for.

    Attributes:
        failures: Pairs of a file and why there is no prediction for it; filled on the way.
        total: Number of images, as far as it is known beforehand; None for cameras and some videos.
    """

    def __init__(self, found: Iterator[Prediction], failures: list[tuple[str, str]], total: int | None) -> None:
        self._found = found
        self.failures = failures
        self.total = total

    def __next__(self) -> Prediction:
        return next(self._found)

    def __getitem__(self, index: Any) -> NoReturn:
        raise TypeError('predictions are computed one by one, in a loop: `first = next(found)`, `all = list(found)`')

    def __repr__(self) -> str:
        images = 'an unknown number of images' if self.total is None else counted(self.total, 'image')
        return f'<Predictions of {images}, to be computed in a loop>'
