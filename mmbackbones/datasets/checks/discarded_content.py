"""What training does not read of an image: bits, channels, frames, color profiles."""

from collections.abc import Sequence

from ...errors import UserError
from .images import ImageInfo


def describe_discarded_content(names: Sequence[str], found: Sequence[ImageInfo], source: str) -> list[str]:
    """What training does not get of the images `names`, a line for each kind of loss.

    Args:
        names: of the image files.
        found: what :func:`read_images` says of each.
        source: what names the files.

    Raises:
        UserError: every image would become a single value.
    """
    deep = [
        (info.seen_levels, info.stored_levels, name)
        for name, info in zip(names, found, strict=True)
        if info.stored_levels
    ]
    notes = []
    if deep:
        seen, stored, name = min(deep)
        lost = f'{name} has {stored} different values, of which {seen} remain{"s" if seen == 1 else ""}'
        if len(deep) == len(found) and all(seen < 2 <= stored for seen, stored, _ in deep):
            raise UserError(
                f'{source}: training reads the upper 8 bits of a channel, in which these images hold '
                f'nothing: {lost}; store them anew with 8 bits, their values stretched to 0 to 255.'
            )
        notes.append(
            f'{source}: images of more than 8 bits a channel, of which training reads the upper 8: {len(deep)}; {lost}'
        )
    for what, chosen in {
        'have a channel besides the colors, or transparency, which training does not read': [
            info.hidden_channel for info in found
        ],
        'have several pages or frames, of which training reads the first': [info.more_frames for info in found],
        'are in CMYK colors, which training converts to RGB without their profile': [info.cmyk for info in found],
    }.items():
        if count := sum(chosen):
            notes.append(f'{source}: images that {what}: {count}, such as {names[chosen.index(1)]}')
    return notes
