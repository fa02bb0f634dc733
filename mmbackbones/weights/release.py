"""A released checkpoint, described."""

import re
from dataclasses import dataclass

IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # RGB, 0 to 255


@dataclass(frozen=True)
class Release:
    """A checkpoint that the authors of a backbone, or of a conversion, released.

    Attributes:
        name: Its short name.
        family: Registry type of the backbone.
        arch: The backbone's ``arch``.
        data: The data set it was trained on.
        file: Its name in the cache.
        page: The web page where it is published.
        url: Its direct download; None: it must be downloaded manually from `page`.
        license: The license of the weights; None: the authors state none.
        mean: Mean of the images it was trained on, RGB, 0 to 255.
        std: Standard deviation of these images, likewise.
        top1: Published top-1 accuracy on ImageNet-1K in percent; None: none is published for this file.
        size: Height and width, in pixels, that `top1` was measured at.
    """

    name: str
    family: str
    arch: str
    data: str
    file: str
    page: str
    url: str | None = None
    license: str | None = None
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    top1: float | None = None
    size: int = 224

    def __str__(self) -> str:
        return self.name

    @property
    def sha256(self) -> str | None:
        """The first characters of the file's SHA-256, if they are published."""
        return published_sha256(self.file)


def published_sha256(file: str) -> str | None:
    """The first characters of a file's SHA-256, if its name carries them as OpenMMLab's and PyTorch's names do."""
    match = re.search(r'-([a-f0-9]{8,64})\.', file)
    return match[1] if match and not re.fullmatch(r'20\d\d[01]\d[0-3]\d', match[1]) else None  # that would be a date
