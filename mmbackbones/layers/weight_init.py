"""Weight initialization shared by the convolutional networks."""

from math import prod, sqrt

from torch import nn


def init_conv_fan_out(module: nn.Module) -> None:
    """Draw a convolution's weight from N(0, 2 / fan_out), fan_out counted per group, and zero its bias.

    For use with :meth:`torch.nn.Module.apply`; other modules are left alone. :func:`torch.nn.init.kaiming_normal_`
    ignores groups, and would make depthwise weights too small by a factor of the square root of the channels.
    """
    if isinstance(module, nn.Conv2d):
        fan_out = prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, 0.0, sqrt(2.0 / fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)
