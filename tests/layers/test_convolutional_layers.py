"""The convolutional layers of TransCNN and HAT-Net."""

import pytest
import torch
import torch.nn.functional as F

from mmbackbones.layers import InvertedResidualBottleneck, TwoBranchDownsampling


def test_inverted_residual_with_a_norm_after_each_convolution():
    layer = InvertedResidualBottleneck(4, expansion=3, kernel_size=5)
    norms = [name for name, module in layer.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms == ['expand_norm', 'dw_norm', 'project_norm']
    assert layer.dw_conv.weight.shape == (12, 1, 5, 5)
    x = torch.randn(2, 4, 7, 9)
    hidden = F.silu(layer.dw_norm(layer.dw_conv(F.silu(layer.expand_norm(layer.expand(x))))))
    torch.testing.assert_close(layer(x), layer.project_norm(layer.project(hidden)))


def test_inverted_residual_with_norms_at_both_ends():
    layer = InvertedResidualBottleneck(4, norms='ends', norm_cfg=dict(type='GN', num_groups=1))
    norms = [name for name, module in layer.named_modules() if isinstance(module, torch.nn.GroupNorm)]
    assert norms == ['norm', 'project_norm']
    x = torch.randn(2, 4, 7, 9)
    hidden = F.silu(layer.dw_conv(F.silu(layer.expand(layer.norm(x)))))
    torch.testing.assert_close(layer(x), layer.project_norm(layer.project(hidden)))


def test_inverted_residual_with_unknown_norms_is_refused():
    with pytest.raises(ValueError, match="must be 'each' or 'ends', got 'none'"):
        InvertedResidualBottleneck(4, norms='none')


@pytest.mark.parametrize(('size', 'half'), [((8, 8), (4, 4)), ((7, 9), (4, 5)), ((1, 2), (1, 1))])
def test_two_branch_downsampling_of_any_size(size, half):
    layer = TwoBranchDownsampling(4, 6).eval()
    x = torch.randn(1, 4, *size)
    out = layer(x)
    assert out.shape == (1, 6, *half)
    # The pooled branch keeps the last row and column: the largest of the pixels that the window has.
    pooled = torch.stack([x[..., y : y + 2, :].amax(2) for y in range(0, size[0], 2)], 2)
    pooled = torch.stack([pooled[..., z : z + 2].amax(3) for z in range(0, size[1], 2)], 3)
    torch.testing.assert_close(out, F.silu(layer.conv_norm(layer.conv(x)) + layer.pool_norm(layer.pool_conv(pooled))))
