"""Image classification with the released checkpoints: the backbones with the authors' classifiers on top."""

import torch
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..backbones.dualvit import Attention, DualViT, SemanticStem, block_norm, ffn
from ..errors import UserError
from ..ops import is_exporting
from ..weights import load_pretrained
from .identify import identify_checkpoint


class PoolingHead(nn.Module):
    """The classifier of VAN, TransCNN and HAT-Net: global average pooling of the last map, and a linear layer.

    Shapes: a tuple that ends with (N, C, H, W) -> (N, num_classes).
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, maps: tuple[Tensor, ...]) -> Tensor:
        return self.fc(maps[-1].mean((2, 3)))


class ClassAttentionHead(nn.Module):
    """The classifier of Dual-ViT: a class-attention block, then class logits plus half of the largest dense ones.

    The class token begins as the mean of all others. Dense logits, which token labelling trained, are the pixels' own.

    Shapes: what :class:`DualViTTokens` returns -> (N, num_classes).
    """

    def __init__(self, channels: int, num_heads: int, num_classes: int) -> None:
        super().__init__()
        self.norm1 = block_norm(channels)
        self.attn = Attention(channels, num_heads)
        self.norm2 = block_norm(channels)
        self.mlp = ffn(channels, 2, nn.GELU)
        self.fc = nn.Linear(channels, num_classes)
        self.aux_fc = nn.Linear(channels, num_classes)

    def forward(self, outs: tuple[Tensor, Tensor, nn.Module]) -> Tensor:
        x, z, norm = outs
        tokens = torch.cat((x, z), 1)
        token = tokens.mean(1, keepdim=True)
        normed = self.norm1(torch.cat((token, tokens), 1))
        token = token + self.attn(normed[:, :1], normed)
        token = token + self.mlp(self.norm2(token))
        return self.fc(norm(token[:, 0])) + 0.5 * self.aux_fc(norm(x)).amax(1)


class ClassifiersSemanticStem(SemanticStem):
    """As the authors' classification code has it: queries are taken as they are for any grid of 64 cells, even 4x16."""

    def queries(self, grid: tuple[int, int]) -> Tensor:
        if not is_exporting():
            return self.query[None] if grid[0] * grid[1] == len(self.query) else super().queries(grid)
        # Recorded for any size, the same choice is one of values.
        resized, last = super().queries(grid), len(self.query) - 1
        cell = torch.arange(resized.shape[1], device=resized.device)
        return torch.where(cell.amax() == last, self.query[cell.clamp(max=last)], resized)


class DualViTTokens(DualViT):
    """Dual-ViT with what only its classifier reads: the last block's semantic tokens, past the FFN that pyramids omit.

    Shapes: (N, 3, H, W) -> pixels (N, HW / 1024, C) and semantic tokens (N, M, C), both before the last norm, and that
        norm: class attention comes first.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        dims = self.arch['embed_dims']
        self.stem.semantics = ClassifiersSemanticStem(dims[0], self.semantic_grid)
        self.stages[-1].blocks[-1].semantic_mlp = ffn(dims[-1], 2, nn.GELU)

    def is_ignored_key(self, key: str) -> bool:
        """Whether `key` (ours) is left out here: never, the classifier reads all of the network."""
        return False

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, nn.Module]:
        self.check_input(x)
        x, z = self.stem(x.contiguous(memory_format=self.memory_format(x.device)))
        *stages, last = self.stages
        for stage in stages:
            x, z = stage(x, z)
        x, z = last.patch_embed(x), last.semantic_embed(z)
        for block in last.blocks:
            x, z = block(x, z)
        return x.flatten(1, 2), z, last.norm


class ImageClassifier(BaseModule):
    """A backbone and its authors' classifier. See :func:`classifier` for one with released weights.

    Args:
        backbone: Config of a backbone of this package.
        num_classes: Number of classes.
        init_cfg: ``dict(type='Pretrained', checkpoint=NAME)``: file, URL or short name of a released classifier.

    Shapes: (N, 3, H, W), normalised as the weights expect it -> logits (N, num_classes).
    """

    def __init__(self, backbone: dict, num_classes: int = 1000, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        kind, kwargs = backbone['type'], {key: value for key, value in backbone.items() if key != 'type'}
        if kind == 'DualViT':
            self.backbone = DualViTTokens(**kwargs)
            arch = self.backbone.arch
            self.head = ClassAttentionHead(arch['embed_dims'][-1], arch['num_heads'][-1], num_classes)
        else:
            self.backbone = MODELS.get(kind)(**kwargs, out_indices=(3,))
            self.head = PoolingHead(self.backbone.out_channels[0], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))

    def rename_key(self, key: str) -> str | None:
        """The key of ours for a key of a released file, or of our own; None for what has no effect."""
        key = self.backbone.rename_key(key.removeprefix('backbone.'))
        return key if key is None or key.startswith('head.') else f'backbone.{key}'

    def is_ignored_key(self, key: str) -> bool:
        """Whether `key` (ours) is left out here: never, the classifier reads all of the network."""
        return False

    def init_weights(self) -> None:
        """Load `init_cfg`'s checkpoint strictly, backbone and head."""
        if self.init_cfg:
            load_pretrained(self, self.init_cfg['checkpoint'])
        self.is_init = True


def classifier(checkpoint: str) -> ImageClassifier:
    """An image classifier with released weights, ready to classify.

    Args:
        checkpoint: Short name, file or URL of a released checkpoint, with its classifier.

    Returns:
        The network, in eval mode, on the CPU. What it wants its images normalised with is in
        ``RELEASES[checkpoint].mean`` and ``.std`` (:data:`mmbackbones.weights.RELEASES`).

    Raises:
        UserError: The file can't be had, is in no known layout or holds no classifier.
    """
    found = identify_checkpoint(checkpoint)
    if found.whole_model or not found.num_classes:
        raise UserError(f'{checkpoint} holds {found}, and no image classifier')
    model = ImageClassifier(found.config, found.num_classes, init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
    model.init_weights()
    return model.eval()
