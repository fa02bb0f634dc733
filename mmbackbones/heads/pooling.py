"""The classification head of convolutional networks: pooling and a linear layer."""

from torch import Tensor, nn


class PoolingHead(nn.Module):
    """Global average pooling of the last feature map, then a linear layer: VAN, TransCNN, HAT-Net, ResNets.

    Args:
        channels: Number of channels C of the feature map.
        num_classes: Number of classes.

    Shape:
        (N, C, H, W) -> logits (N, num_classes).
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.mean((2, 3)))
