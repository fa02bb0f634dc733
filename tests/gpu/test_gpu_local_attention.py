"""Local attention on a GPU, each form against the reference in float64 on the CPU."""

import pytest
import torch

from mmbackbones.layers import LocalAttention2d
from mmbackbones.ops import local_attention
from mmbackbones.ops.local_attention import BORDERS, FASTEST, IMPLEMENTATIONS

pytestmark = pytest.mark.gpu

# Of the norm: float32 and the two 16-bit types, whose position logits `blocked` rounds once more.
TOLERANCE = {torch.float32: 1e-5, torch.float16: 6e-3, torch.bfloat16: 5e-2}
# Batch, heads, channels of a head, height, width, window: whole blocks, no whole blocks, smaller than the window.
SHAPES = ((2, 2, 8, 16, 24, 7), (1, 3, 4, 21, 37, 5), (2, 1, 16, 3, 5, 7), (1, 2, 64, 25, 42, 7))

every_form = pytest.mark.parametrize('impl', IMPLEMENTATIONS)


def inputs_of(shape, dtype, channels_last=False):
    torch.manual_seed(0)
    batch, heads, channels, height, width, size = shape
    q, k, v = torch.randn(3, batch, heads, channels, height, width)
    maps = [(x * channels**-0.25).to(dtype) for x in (q, k, v)]
    if channels_last:  # what channels-last projections give
        maps = [x.permute(0, 3, 4, 1, 2).contiguous().permute(0, 3, 4, 1, 2) for x in maps]
    embeddings = list(torch.randn(2, heads, channels // 2, size) * channels**-0.25)
    return [*maps, *embeddings], torch.randn(v.shape).to(dtype), dict(kernel_size=size)


def with_gradients(inputs, dy, autocast=None, **options):
    inputs = [x.detach().requires_grad_() for x in inputs]
    with torch.autocast(dy.device.type, autocast, enabled=autocast is not None):
        y = local_attention(*inputs, **options)
    return [y], list(torch.autograd.grad(y, inputs, dy))


@every_form
@pytest.mark.parametrize('channels_last', [False, True], ids=['', 'channels-last'])
@pytest.mark.parametrize('border', BORDERS)
@pytest.mark.parametrize('dtype', TOLERANCE, ids=str)
@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_values_and_gradients(device, impl, shape, dtype, border, channels_last, relative_error):
    inputs, dy, options = inputs_of(shape, dtype, channels_last)
    want = with_gradients([x.double() for x in inputs], dy.double(), impl='reference', border=border, **options)
    got = with_gradients([x.to(device) for x in inputs], dy.to(device), impl=impl, border=border, **options)
    assert [x.dtype for x in got[1]] == [dtype] * 3 + [torch.float32] * 2
    for got_part, want_part in zip(got, want, strict=True):
        assert all(x.isfinite().all() for x in got_part)
        assert relative_error(got_part, want_part) < TOLERANCE[dtype]


@every_form
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16], ids=str)
def test_autocast_changes_nothing(device, impl, dtype):
    inputs, dy, options = inputs_of(SHAPES[1], torch.float32)
    inputs, dy = [x.to(device) for x in inputs], dy.to(device)
    want = with_gradients(inputs, dy, impl=impl, **options)
    got = with_gradients(inputs, dy, dtype, impl=impl, **options)
    torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


@every_form
def test_large_logits(device, impl, relative_error):
    """Logits of some hundreds, in float32: a softmax that is nearly one-hot, and no overflow."""
    inputs, dy, options = inputs_of(SHAPES[1], torch.float32)
    inputs = [inputs[0] * 20, inputs[1] * 20, *inputs[2:]]
    want = with_gradients([x.double() for x in inputs], dy.double(), impl='reference', border='mask', **options)
    got = with_gradients([x.to(device) for x in inputs], dy.to(device), impl=impl, border='mask', **options)
    assert relative_error(got[0], want[0]) < 1e-3  # what rounds is the logit, 6e-8 of some hundreds


def test_more_blocks_than_a_grid_of_cuda_has_rows(device, relative_error):
    """65,536 blocks and more: some kernels number them by the second dimension of a grid, which ends at 65,535."""
    batch, side = (65, 256) if device == 'cuda' else (2, 64)
    inputs, dy, options = inputs_of((batch, 1, 2, side, side, 3), torch.float16)
    forms = [
        with_gradients([x.to(device) for x in inputs], dy.to(device), impl=impl, **options)
        for impl in ('blocked', 'reference')
    ]
    assert relative_error(forms[0][0], forms[1][0]) < TOLERANCE[torch.float16]
    assert relative_error(forms[0][1][:3], forms[1][1][:3]) < TOLERANCE[torch.float16]


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16], ids=str)
def test_layer_under_autocast(device, dtype):
    """The layer's result has the type of its projections, bias or not."""
    layer = LocalAttention2d(8, 16, heads=2, bias=True).to(device)
    with torch.autocast(device, dtype):
        y = layer(torch.randn(2, 8, 13, 18, device=device))
    assert y.dtype == dtype


def test_auto_takes_the_fastest(device):
    inputs, _, options = inputs_of(SHAPES[0], torch.float32)
    inputs = [x.to(device) for x in inputs]
    torch.testing.assert_close(
        local_attention(*inputs, **options),
        local_attention(*inputs, impl=FASTEST[device], **options),
        rtol=1e-6,
        atol=1e-6,
    )
