"""The rate of the machine's matrix products, which nothing that is made of them exceeds by much."""

from functools import partial

import torch

from ..measure import Step
from ..table import OURS
from ..turns import Form
from .group import Group, Setting

SIDE = 4096  # rows and columns of the matrices


def product_step(side: int, precision: str, device: str) -> Step:
    """A product of two matrices."""
    dtype = getattr(torch, precision)
    left, right, out = (torch.randn(side, side, device=device).to(dtype) for _ in range(3))
    return partial(torch.mm, left, right, out=out)


def matrix_products(setting: Setting, side: int = SIDE) -> Group:
    """Products of large square matrices, in each precision."""
    return Group(
        dict(network='matrix product', height=side, width=side, task='inference'),
        {
            (precision, OURS): Form(partial(product_step, side, precision, setting.device))
            for precision in setting.precisions
        },
        side**3,
    )
