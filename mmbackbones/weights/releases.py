"""Every checkpoint that the backbones' authors released, each under a short name.

``init_cfg=dict(type='Pretrained', checkpoint='van-b2')`` takes these names, and so does whatever else takes a file.
What is not known is left out: no address, hash or accuracy here is a guess.
"""

import re
from dataclasses import dataclass

_IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # as PVT's and Dual-ViT's code normalise, too
_HALF = (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)


@dataclass(frozen=True)
class Release:
    """A released checkpoint.

    Attributes:
        name: Its short name.
        family: Registry type of the backbone.
        arch: The backbone's ``arch``.
        data: What it was trained on.
        file: Its name in the cache.
        page: Where it is published.
        url: Where it is downloaded from; None: the authors publish it for download by hand only.
        licence: None: the authors give none.
        normalisation: Mean and standard deviation of the images it was trained on, RGB, 0 to 255.
        top1: Published top-1 accuracy on ImageNet-1K in per cent; None: none is published for this file.
        size: Height and width, in pixels, that `top1` was measured at.
    """

    name: str
    family: str
    arch: str
    data: str
    file: str
    page: str
    url: str | None = None
    licence: str | None = None
    normalisation: tuple[tuple[float, ...], tuple[float, ...]] = _IMAGENET
    top1: float | None = None
    size: int = 224

    def __str__(self) -> str:
        return self.name

    @property
    def sha256(self) -> str | None:
        """The first characters of the file's SHA-256, if they are published."""
        return published_sha256(self.file)


def published_sha256(file: str) -> str | None:
    """The first characters of a file's SHA-256, where its name carries them as OpenMMLab's and PyTorch's do."""
    match = re.search(r'-([a-f0-9]{8,64})\.', file)
    return match[1] if match and not re.fullmatch(r'20\d\d[01]\d[0-3]\d', match[1]) else None  # that would be a date


def _van(size: str, file: str, data: str = 'ImageNet-1K', **kwargs) -> Release:
    kwargs.setdefault('page', 'https://cloud.tsinghua.edu.cn/d/0100f0cea37d41ba8d08/')
    name = f'van-{size}-22k' if data == 'ImageNet-22K' else f'van-{size}'
    return Release(name, 'VAN', size, data, file, licence='Apache-2.0 (for commercial use, ask the authors)', **kwargs)


def _van_original(size: str, word: str, file: str, top1: float) -> Release:
    page = f'https://huggingface.co/Visual-Attention-Network/VAN-{word}-original'
    return _van(size, file, page=page, url=f'{page}/resolve/main/{file}', top1=top1)


def _van_mmpretrain(size: str, word: str, sha256: str, top1: float) -> Release:
    """mmpretrain's conversion of the authors' file; accuracy and normalisation are those of its own evaluation."""
    file = f'van-{word}_8xb128_in1k_20220501-{sha256}.pth'
    return Release(
        f'van-{size}-mmpretrain',
        'VAN',
        size,
        'ImageNet-1K',
        file,
        normalisation=_HALF,
        top1=top1,
        page='https://github.com/open-mmlab/mmpretrain/tree/main/configs/van',
        url=f'https://download.openmmlab.com/mmclassification/v0/van/{file}',
        licence='Apache-2.0 (for commercial use, ask the authors)',
    )


def _transcnn(word: str, top1: float) -> Release:
    file = f'TransCNN-{word}.pth'
    return Release(
        f'transcnn-{word[0].lower()}',
        'TransCNN',
        word.lower(),
        'ImageNet-1K',
        file,
        top1=top1,
        size=256,
        page='https://github.com/yun-liu/TransCNN',
        url=f'https://github.com/yun-liu/TransCNN/releases/download/v1.0/{file}',
    )


def _hatnet(word: str, top1: float) -> Release:
    file = f'HAT-Net_{word}.pth'
    return Release(
        f'hatnet-{word[0].lower()}',
        'HATNet',
        word.lower(),
        'ImageNet-1K',
        file,
        top1=top1,
        page='https://github.com/yun-liu/HAT-Net',
        url=f'https://github.com/yun-liu/HAT-Net/releases/download/v2.0/{file}',
    )


def _dual_vit(word: str, top1: float, share: str = '14eufLJprx3Ug1cOPVc2H_g') -> Release:
    return Release(
        f'dualvit-{word[0]}',
        'DualViT',
        word,
        'ImageNet-1K',
        f'dualvit_{word[0]}.pth',
        top1=top1,
        page=f'https://pan.baidu.com/s/{share} (access code nets)',
        licence='Apache-2.0',
    )


RELEASES: dict[str, Release] = {
    release.name: release
    for release in (
        _van_original('b0', 'Tiny', 'van_tiny_754.pth.tar', 75.4),
        _van_original('b1', 'Small', 'van_small_811.pth.tar', 81.1),
        _van_original('b2', 'Base', 'van_base_828.pth.tar', 82.8),
        _van_original('b3', 'Large', 'van_large_839.pth.tar', 83.9),
        _van('b4', 'van_b4.pth', top1=84.2),
        # The paper's Table 8 has 85.7, 86.3 and 86.9 after fine-tuning on ImageNet-1K; these files may predate it.
        _van('b4', 'van_b4_22k.pth', 'ImageNet-22K'),
        _van('b5', 'van_b5_22k.pth', 'ImageNet-22K'),
        _van('b6', 'van_b6_22k.pth', 'ImageNet-22K'),
        _van_mmpretrain('b0', 'tiny', '385941af', 75.41),
        _van_mmpretrain('b1', 'small', '17bc91aa', 81.01),
        _van_mmpretrain('b2', 'base', '6a4cc31b', 82.80),
        _van_mmpretrain('b3', 'large', 'f212ba21', 83.86),
        _transcnn('Tiny', 80.4),
        _transcnn('Small', 83.1),
        _transcnn('Medium', 83.8),
        _transcnn('Large', 84.2),
        _hatnet('Tiny', 79.8),
        _hatnet('Small', 82.6),
        _hatnet('Medium', 84.0),
        _hatnet('Large', 84.2),
        _dual_vit('small', 84.1),
        _dual_vit('base', 85.2),
        _dual_vit('large', 85.7, share='1UGI4vVj-Oivv7yR0K2bEXg'),
    )
}
