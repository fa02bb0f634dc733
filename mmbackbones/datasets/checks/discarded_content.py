"""What training does not read of images: bits, channels, pages and frames, color profiles."""

from collections.abc import Sequence

from ...errors import UserError
from .images import ImageInfo


def describe_discarded_content(names: Sequence[str], found: Sequence[ImageInfo], source: str) -> list[str]:
    """What training does not read of images, one line per kind of content.

    Args:
        names: Names of the image files.
        found: What :func:`~mmbackbones.datasets.checks.images.read_images` says of each.
        source: What lists the files, for messages.

    Raises:
        UserError: Every image would become a single value.
    """
    return [*_describe_depth(names, found, source), *_describe_rest(names, found, source)]


def _describe_depth(names: Sequence[str], found: Sequence[ImageInfo], source: str) -> list[str]:
    deep = [
        (info.seen_levels, info.stored_levels, name)
        for name, info in zip(names, found, strict=True)
        if info.stored_levels
    ]
    if not deep:
        return []
    seen, stored, name = min(deep)
    example = f'{name} has {stored} different values, of which {seen} remain{"s" if seen == 1 else ""}'
    if len(deep) == len(found) and all(seen < 2 <= stored for seen, stored, _ in deep):
        raise UserError(
            f'{source}: training reads the upper 8 bits of each channel, in which these images hold nothing: '
            f'{example}; store them again with 8 bits, their values stretched to 0 to 255'
        )
    return [
        f'{source}: images of more than 8 bits per channel, of which training reads the upper 8: {len(deep)}; {example}'
    ]


def _describe_rest(names: Sequence[str], found: Sequence[ImageInfo], source: str) -> list[str]:
    kinds = {
        'have a channel besides the colors, or transparency, which training does not read': [
            info.hidden_channel for info in found
        ],
        'have several pages or frames, of which training reads the first': [info.more_frames for info in found],
        'are in CMYK colors, which training converts to RGB without their profile': [info.cmyk for info in found],
    }
    return [
        f'{source}: images that {what}: {count}, such as {names[chosen.index(1)]}'
        for what, chosen in kinds.items()
        if (count := sum(chosen))
    ]
