"""Counts of multiply-adds and of memory for the backward pass, without any arithmetic."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from .explicit_attention import use_explicit_local_attention


def multiply_adds(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Multiply-adds of ``model(input of that shape)``, one multiply-add counting as 1.

    Convolutions, linear layers and both products of every attention count; local attention by its definition (q . k
    and q . r for each of the k x k neighbors). Biases, norms, activations, softmax, pooling, interpolation and
    elementwise products do not.

    Args:
        model: The network, which is used up: it loses its weights and is left frozen on the meta device.
        shape: Shape of the input.
    """
    model.to('meta').requires_grad_(False)
    use_explicit_local_attention(model)
    # PyTorch's counter does not know every fused attention; the unfused one is made of products that it counts.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.zeros(shape, device='meta'))
    return int(counter.get_total_flops()) // 2


def saved_bytes(model: nn.Module, image: Tensor) -> int:
    """Bytes that ``model(image)`` saves for the backward pass: each storage once, parameters and buffers excluded."""
    own = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}
    saved: dict[int, torch.UntypedStorage] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            saved[storage._cdata] = storage  # kept alive, or its address would be used again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model(image)
    return sum(storage.nbytes() for storage in saved.values())


def count_saved_bytes(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> int:
    """:func:`saved_bytes` of a network for a float32 batch on a CPU, without using memory or time.

    PyTorch's fake tensors have a shape and a device, and choose the same kernels as real ones.

    Args:
        build: Builds the network.
        shape: Shape of the batch.
    """
    with torch.device('meta'):
        model = build()
    with FakeTensorMode(allow_non_fake_inputs=True):
        return saved_bytes(model.to_empty(device='cpu'), torch.zeros(shape))
