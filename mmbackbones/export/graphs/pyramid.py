"""A backbone alone, from the image to its feature maps."""

from torch import Tensor, nn

from ...backbones import PyramidBackbone


class PyramidGraph(nn.Module):
    """The feature maps of a backbone, named by their strides: `p2` has stride 4, `p3` stride 8.

    Args:
        network: The backbone.

    Shape:
        (N, C, H, W), normalized, for any H, W >= 32 -> (N, C', ceil(H / stride), ceil(W / stride)) each.
    """

    def __init__(self, network: PyramidBackbone) -> None:
        super().__init__()
        self.network = network
        self.output_names = tuple(f'p{stride.bit_length() - 1}' for stride in network.strides)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(image))
