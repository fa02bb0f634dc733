"""Local attention against plain loops (stored numbers), and the fast implementations against the slow one.

`test_local_attention.npz` holds `<case>.<input>` in float32 and `<case>.<border>.<y or grad_...>` in float64, from
loops over pixels, heads and neighbors, with the gradients of `sum(y * dy)`.
"""

import math
import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmbackbones.ops import local_attention
from mmbackbones.ops.local_attention import BORDERS, IMPLEMENTATIONS, tiles
from mmbackbones.ops.local_attention.blocked import blocked
from mmbackbones.ops.local_attention.reference import reference
from mmbackbones.ops.local_attention.tiled import tiled

ARRAYS = {name: torch.from_numpy(array) for name, array in np.load(Path(__file__).with_suffix('.npz')).items()}
INPUTS = ('q', 'k', 'v', 'rel_row', 'rel_col')
FAST = [name for name in IMPLEMENTATIONS if name != 'reference']

every_impl = pytest.mark.parametrize('impl', IMPLEMENTATIONS)
fast_impls = pytest.mark.parametrize('impl', FAST)
both_borders = pytest.mark.parametrize('border', BORDERS)


def maps(*shape, count=3, dtype=torch.float64):
    return [torch.randn(*shape, dtype=dtype, requires_grad=True) for _ in range(count)]


def embeddings(*shape, dtype=torch.float64):
    return maps(*shape, count=2, dtype=dtype)


def with_gradients(impl, inputs, dy, **options):
    """The result, then the gradients of all inputs, as one list."""
    y = local_attention(*inputs, impl=impl, **options)
    return [y, *torch.autograd.grad(y, [x for x in inputs if x is not None], dy)]


@every_impl
@pytest.mark.parametrize(('dtype', 'loss'), [(torch.float64, 1), (torch.float32, 1e7)], ids=['float64', 'float32'])
@pytest.mark.parametrize(
    ('case', 'border', 'size', 'tolerance'),
    [
        ('small_image', 'zeros', 7, 1e-12),
        ('small_image', 'mask', 7, 1e-12),
        ('one_pixel', 'zeros', 3, 1e-12),
        ('one_pixel', 'mask', 3, 1e-12),
        ('per_head', 'zeros', 5, 1e-12),
        ('large_logits', 'mask', 5, 1e-11),
    ],
)
def test_loops(case, border, size, tolerance, dtype, loss, impl):
    inputs = [ARRAYS[f'{case}.{name}'].to(dtype).requires_grad_() for name in INPUTS]
    results = with_gradients(impl, inputs, ARRAYS[f'{case}.dy'].to(dtype), kernel_size=size, border=border)
    expected = [ARRAYS[f'{case}.{border}.{name}'] for name in ('y', *(f'grad_{name}' for name in INPUTS))]
    # A pixel that sees only itself has no gradient but that of v; so all gradients share a scale.
    scales = [expected[0].abs().max()] + [max(x.abs().max() for x in expected[1:])] * len(INPUTS)
    for got, want, scale in zip(results, expected, scales, strict=True):
        torch.testing.assert_close(got.double(), want, rtol=0, atol=tolerance * loss * scale.item())


@fast_impls
@pytest.mark.parametrize('seed', range(20))
def test_random_shapes(seed, impl, monkeypatch):
    """Random sizes, windows, borders, embeddings, tiles and memory layouts."""
    draw = random.Random(seed)
    torch.manual_seed(seed)
    monkeypatch.setattr(tiles, 'PIXELS', draw.choice([1, 30, 100, 12288]))
    batch, heads, half, height, width = (draw.randint(1, most) for most in (3, 3, 4, 19, 19))
    size, channels = draw.choice([1, 3, 5, 7]), draw.choice([2 * half, 3])
    q, k = maps(batch, heads, 2 * half, height, width, count=2)
    (v,) = maps(batch, heads, channels, height, width, count=1)
    if draw.random() < 0.5:  # as the maps of channels-last projections are
        q, k, v = (
            x.detach().permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2).requires_grad_() for x in (q, k, v)
        )
    shape = draw.choice([None, (half, size), (heads, half, size)])
    inputs = [q, k, v, *(embeddings(*shape) if shape else (None, None))]
    options = dict(kernel_size=size, border=draw.choice(BORDERS))
    dy = torch.randn(v.shape, dtype=v.dtype)
    torch.testing.assert_close(
        with_gradients(impl, inputs, dy, **options),
        with_gradients('reference', inputs, dy, **options),
        rtol=1e-9,
        atol=1e-11,
    )


@every_impl
@both_borders
def test_finite_differences(border, impl):
    torch.manual_seed(0)
    inputs = [*maps(1, 2, 2, 3, 4), *embeddings(1, 3)]
    assert torch.autograd.gradcheck(lambda *x: local_attention(*x, kernel_size=3, border=border, impl=impl), inputs)


@every_impl
@pytest.mark.parametrize('without', range(5))
def test_inputs_without_gradient(without, impl):
    torch.manual_seed(0)
    inputs = [*maps(1, 2, 4, 6, 5), *embeddings(2, 3)]
    dy = torch.randn(1, 2, 4, 6, 5, dtype=torch.float64)
    _, *expected = with_gradients(impl, inputs, dy, kernel_size=3)
    inputs[without].requires_grad_(False)
    local_attention(*inputs, kernel_size=3, impl=impl).backward(dy)
    del expected[without]
    torch.testing.assert_close([x.grad for x in inputs if x.requires_grad], expected)
    assert inputs[without].grad is None


@every_impl
@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.bfloat16, 3e-2), (torch.float16, 4e-3)])
def test_half_precision(dtype, tolerance, impl):
    """Only the inputs are rounded, not the computation: as close to float32 as the type of the result allows."""
    torch.manual_seed(0)
    inputs = [*maps(1, 2, 4, 9, 10, dtype=dtype), *embeddings(2, 5, dtype=torch.float32)]
    dy = torch.randn(1, 2, 4, 9, 10, dtype=dtype)
    results = with_gradients(impl, inputs, dy, kernel_size=5)
    inputs = [x.detach().float().requires_grad_() for x in inputs]
    expected = with_gradients('reference', inputs, dy.float(), kernel_size=5)
    assert [x.dtype for x in results] == [dtype] * 4 + [torch.float32] * 2
    for got, want in zip(results, expected, strict=True):
        torch.testing.assert_close(got.float(), want, rtol=tolerance, atol=tolerance * want.abs().max().item())


@every_impl
def test_autocast_changes_nothing(impl):
    torch.manual_seed(0)
    inputs = [*maps(1, 2, 4, 9, 10, dtype=torch.float32), *embeddings(2, 5, dtype=torch.float32)]
    expected = local_attention(*inputs, kernel_size=5, impl=impl)
    with torch.autocast('cpu', torch.bfloat16):
        y = local_attention(*inputs, kernel_size=5, impl=impl)
    assert torch.equal(y, expected)
    gradients = [torch.autograd.grad(x.square().sum(), inputs) for x in (y, expected)]
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))


@fast_impls
def test_second_derivatives_are_refused(impl):
    def derive_twice():
        q, k, v = maps(1, 1, 2, 3, 3)
        (grad,) = torch.autograd.grad(local_attention(q, k, v, impl=impl).sum(), q, create_graph=True)
        grad.sum().backward()

    with pytest.raises(RuntimeError, match='derivative'):
        derive_twice()


@fast_impls
def test_memory_for_the_backward_pass(impl):
    """Inputs, output and one number per pixel and head; plain autograd keeps 25 copies."""
    kept = {}
    q, k, v = maps(1, 2, 4, 20, 20)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.setdefault(x.data_ptr(), x), lambda x: x):
        local_attention(q, k, v, *embeddings(2, 5), kernel_size=5, impl=impl)
    assert sum(x.numel() for x in kept.values()) < 5 * q.numel()


def test_default_on_cpus():
    torch.manual_seed(0)
    q, k, v = maps(1, 2, 4, 5, 6)
    assert torch.equal(local_attention(q, k, v), local_attention(q, k, v, impl='tiled'))


ROWS = torch.randn(2, 7)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(kernel_size=4), 'kernel_size must be odd and positive, got 4'),
        (dict(kernel_size=-1), 'kernel_size must be odd and positive, got -1'),
        (dict(border='reflect'), "border must be one of .*'zeros', 'mask'.*, got 'reflect'"),
        (dict(impl='fast'), "impl must be one of .*'auto', 'reference', .*, got 'fast'"),
        (dict(rel_row=ROWS), 'rel_row and rel_col belong together'),
        (dict(rel_col=ROWS), 'rel_row and rel_col belong together'),
        (
            dict(rel_row=ROWS, rel_col=torch.randn(2, 5)),
            r'rel_col must have shape \(2, 7\) or \(3, 2, 7\), got \(2, 5\)',
        ),
        (dict(rel_row=torch.randn(2, 2, 7), rel_col=ROWS), r'rel_row must have shape .*, got \(2, 2, 7\)'),
        (dict(q=torch.randn(1, 3, 4, 6)), r'q and k must both be .* \(1, 3, 4, 6\) and \(1, 3, 4, 6, 5\)'),
        (dict(k=torch.randn(1, 3, 4, 6, 4)), r'q and k must both be .* \(1, 3, 4, 6, 5\) and \(1, 3, 4, 6, 4\)'),
        (dict(v=torch.randn(1, 2, 4, 6, 5)), r'v must have the batch, heads, height and width of q'),
        (dict(v=torch.randn(1, 3, 4, 6, 5).half()), 'q, k and v must share a floating-point type'),
    ],
)
def test_bad_arguments(change, message):
    q, k, v = maps(1, 3, 4, 6, 5, dtype=torch.float32)
    with pytest.raises(ValueError, match=message):
        local_attention(**{**dict(q=q, k=k, v=v), **change})


def test_odd_number_of_channels():
    q, k, v = maps(1, 2, 3, 4, 4)
    assert local_attention(q, k, v).shape == q.shape
    with pytest.raises(ValueError, match='even number of channels, got 3'):
        local_attention(q, k, v, *embeddings(1, 7))


def test_empty_map():
    q, k, v = maps(1, 2, 4, 0, 5)
    with pytest.raises(ValueError, match='only the batch may be empty'):
        local_attention(q, k, v)


@every_impl
def test_empty_batch(impl):
    """For a mask head without regions: an empty map and zero gradients, as from a convolution."""
    inputs = [*maps(0, 2, 4, 5, 6), *embeddings(2, 7)]
    y, *grads = with_gradients(impl, inputs, torch.empty(0, 2, 4, 5, 6, dtype=torch.float64))
    assert y.shape == (0, 2, 4, 5, 6)
    assert [grad.shape for grad in grads] == [x.shape for x in inputs]
    assert not any(grad.any() for grad in grads)


class FlashAttention(torch.autograd.Function):
    """As fused GPU kernels compute: in float32, in powers of 2, weights recomputed from the logarithm of their sum."""

    @staticmethod
    def power(logits, subtracted):
        log2e = torch.tensor(math.log2(math.e))  # float32; the product is not rounded before the sum
        return (logits.double() * log2e - (subtracted * log2e).double()).float().exp2()

    @classmethod
    def forward(cls, ctx, q, k, v):
        logits = q.float() @ k.float().mT
        largest = logits.amax(-1, keepdim=True)
        log_sum = largest + cls.power(logits, largest).sum(-1, keepdim=True).log()
        ctx.save_for_backward(q, k, v, log_sum)
        return (cls.power(logits, log_sum) @ v.float()).to(q.dtype)

    @classmethod
    def backward(cls, ctx, dy):
        q, k, v, log_sum = (x.float() for x in ctx.saved_tensors)
        weights, d_weights = cls.power(q @ k.mT, log_sum), dy.float() @ v.mT
        d_logits = weights * (d_weights - (weights * d_weights).sum(-1, keepdim=True))
        return tuple(x.to(dy.dtype) for x in (d_logits @ k, d_logits.mT @ q, weights.mT @ dy.float()))


@both_borders
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
def test_blocks_have_finite_gradients_in_fused_kernels(dtype, border, monkeypatch):
    """The last blocks are padded with pixels that see nothing at all if the border is masked."""
    torch.manual_seed(0)
    inputs = [*maps(2, 2, 8, 9, 10, dtype=dtype), *embeddings(2, 4, 7, dtype=torch.float32)]
    dy = torch.randn(2, 2, 8, 9, 10, dtype=dtype)
    monkeypatch.setattr(F, 'scaled_dot_product_attention', lambda q, k, v, **options: FlashAttention.apply(q, k, v))
    results = with_gradients('blocked', inputs, dy, border=border)
    inputs = [x.detach().float().requires_grad_() for x in inputs]
    expected = with_gradients('reference', inputs, dy.float(), border=border)
    tolerance = 1e-4 if dtype is torch.float32 else 4e-2
    for got, want in zip(results, expected, strict=True):
        torch.testing.assert_close(got.float(), want, rtol=tolerance, atol=tolerance * want.abs().max().item())


@both_borders
@pytest.mark.parametrize('fast', [tiled, blocked])
@pytest.mark.parametrize('relative', [False, True])
def test_fast_functions_equal_the_reference(fast, border, relative):
    inputs = [*maps(2, 2, 4, 9, 11), *(embeddings(2, 2, 5) if relative else (None, None))]
    torch.testing.assert_close(fast(*inputs, 5, border), reference(*inputs, 5, border))


@both_borders
@pytest.mark.parametrize('channels', [3, 8, 50])
def test_blocks_with_values_as_narrow_as_they_are(channels, border, monkeypatch):
    """The form for float32 on GPUs; the padding that other kernels need is at most 7 channels there."""
    monkeypatch.setattr(sys.modules[blocked.__module__], 'takes_narrow_values', lambda x: True)
    widths = []
    attention = F.scaled_dot_product_attention
    monkeypatch.setattr(
        F,
        'scaled_dot_product_attention',
        lambda q, k, v, **options: widths.append(v.shape[-1]) or attention(q, k, v, **options),
    )
    inputs = [*maps(1, 2, 4, 9, 11, count=2), *maps(1, 2, channels, 9, 11, count=1), *embeddings(2, 2, 5)]
    dy = torch.randn(1, 2, channels, 9, 11, dtype=torch.float64)
    expected = with_gradients('reference', inputs, dy, kernel_size=5, border=border)
    torch.testing.assert_close(with_gradients('blocked', inputs, dy, kernel_size=5, border=border), expected)
    assert set(widths) == {channels + -channels % 8}


def test_blocks_give_maps_in_channels_last_memory():
    """GPUs compute in that format; heads side by side are its channels."""
    for height, width in ((8, 16), (9, 11)):
        y = blocked(*maps(2, 3, 4, height, width), None, None, 5, 'zeros')
        assert y.flatten(1, 2).stride(1) == 1
