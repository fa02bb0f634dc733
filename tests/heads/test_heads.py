"""The classification heads by their formulas."""

import torch
from torch import nn

from mmbackbones.heads import ClassAttentionHead, PoolingHead


def test_pooling_head():
    torch.manual_seed(0)
    head, x = PoolingHead(4, num_classes=3), torch.randn(2, 4, 5, 6)
    expected = torch.stack([head.fc.weight @ image.flatten(1).mean(1) + head.fc.bias for image in x])
    torch.testing.assert_close(head(x), expected)


def test_class_attention_head():
    """One image, one head, token by token."""
    torch.manual_seed(0)
    head, norm = ClassAttentionHead(4, num_heads=1, num_classes=3).double(), nn.LayerNorm(4).double()
    for module in (*head.modules(), norm):
        if isinstance(module, nn.LayerNorm):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    pixels, semantic = torch.randn(6, 4).double(), torch.randn(2, 4).double()
    tokens = [*pixels, *semantic]
    token = sum(tokens) / 8
    context = [head.norm1(other) for other in (token, *tokens)]
    keys, values = zip(*(head.attn.kv(other).chunk(2) for other in context), strict=True)
    query = head.attn.q(context[0])
    weights = torch.stack([query @ key / 2 for key in keys]).softmax(0)
    token = token + head.attn.proj(sum(weight * value for weight, value in zip(weights, values, strict=True)))
    token = token + head.mlp(head.norm2(token))
    dense = torch.stack([head.aux_fc(norm(pixel)) for pixel in pixels]).amax(0)
    expected = head.fc(norm(token)) + dense / 2
    torch.testing.assert_close(head(pixels[None], semantic[None], norm), expected[None])
