"""Multiply-adds and memory, counted without arithmetic."""

from collections.abc import Callable
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from ..ops.local_attention import tiles
from .explicit_attention import explicit_attention
from .written_out import explicit_local_attention


def multiply_adds(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Multiply-adds of ``model(input of that shape)``, each counted as one.

    Counted are convolutions, linear layers and both products of each attention, those of local attention by its
    definition (q . k and q . r for each of the k x k neighbours); biases, norms, activations, softmax, pooling,
    interpolation and elementwise products are not. The model is frozen and moved to the meta device, where its weights
    are gone.
    """
    # The counter knows the fused attention of GPUs only; written out, attention is made of products that it does know.
    with explicit_attention(), explicit_local_attention(), FlopCounterMode(display=False) as counter:
        model.to('meta').requires_grad_(False)(torch.zeros(shape, device='meta'))
    return counter.get_total_flops() // 2


def saved_bytes(model: nn.Module, image: Tensor) -> int:
    """Bytes that ``model(image)`` keeps for the backward pass, each storage once and the model's own not at all."""
    own = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}
    saved = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            saved[storage._cdata] = storage  # alive, or its number would be given away again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model(image)
    return sum(storage.nbytes() for storage in saved.values())


def count_saved_bytes(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> int:
    """:func:`saved_bytes` of a float32 batch of that shape on a CPU, known without memory or arithmetic.

    PyTorch's fake tensors have a shape and a device and choose the same kernels as real ones.
    """
    with torch.device('meta'):
        model = build()
    # Local attention goes over a map tile by tile, and keeps the same for one tile as for a hundred.
    with patch.object(tiles, 'PIXELS', 1 << 62), FakeTensorMode(allow_non_fake_inputs=True):
        return saved_bytes(model.to_empty(device='cpu'), torch.zeros(shape))
