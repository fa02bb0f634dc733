"""The classification head of Dual-ViT, "Dual Vision Transformer", https://arxiv.org/abs/2207.04976."""

import torch
from torch import Tensor, nn

from ..layers import TokenAttention, feed_forward


class ClassAttentionHead(nn.Module):
    """A class-attention block; the class logits plus half of the largest dense logits.

    The class token starts as the mean of all other tokens. The dense logits, which the authors trained by token
    labeling, are computed from each pixel.

    Args:
        channels: Number of channels C.
        num_heads: Number of attention heads; C must be a multiple of it.
        num_classes: Number of classes.

    Shape:
        pixels (N, L, C) and semantic tokens (N, M, C), both before the network's last norm, which is the third input:
        it follows the class attention. -> logits (N, num_classes).
    """

    def __init__(self, channels: int, num_heads: int, num_classes: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = TokenAttention(channels, num_heads)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = feed_forward(channels, 2, nn.GELU)
        self.fc = nn.Linear(channels, num_classes)
        self.aux_fc = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor, z: Tensor, norm: nn.Module) -> Tensor:
        tokens = torch.cat((x, z), 1)
        token = tokens.mean(1, keepdim=True)
        normed = self.norm1(torch.cat((token, tokens), 1))
        token = token + self.attn(normed[:, :1], normed)
        token = token + self.mlp(self.norm2(token))
        return self.fc(norm(token[:, 0])) + 0.5 * self.aux_fc(norm(x)).amax(1)
