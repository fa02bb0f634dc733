"""From a path, a URL or the short name of a release to a file on this machine."""

import os
from pathlib import Path

from ..errors import UserError
from .download import cache_dir, download
from .releases import RELEASES


def locate(checkpoint: str | os.PathLike) -> Path:
    """Path of a checkpoint's file, which is downloaded first if need be.

    Args:
        checkpoint: A path, an ``http(s)://`` address or a short name of :data:`~mmbackbones.weights.RELEASES`.

    Raises:
        UserError: There is no such file or release, or it can't be had from here.
    """
    checkpoint = os.path.expanduser(checkpoint)
    if checkpoint.lower().startswith(('http://', 'https://')):
        return download(checkpoint)
    if os.path.isfile(checkpoint):
        return Path(checkpoint)
    if release := RELEASES.get(checkpoint):
        path = cache_dir() / release.file
        if release.url:
            return download(release.url)
        if not path.is_file():
            raise UserError(
                f'{release.name} is published for download by hand only: fetch it from {release.page} and '
                f'put it into the folder {path.parent} as {path.name}'
            )
        return path
    if os.path.basename(checkpoint) == checkpoint and not os.path.splitext(checkpoint)[1]:
        raise UserError(
            f'{checkpoint!r} is neither a file nor the short name of a released checkpoint; there are '
            f'{", ".join(RELEASES)}'
        )
    if os.path.exists(checkpoint):
        raise UserError(f'checkpoint {checkpoint} is no file: it is a folder or a device')
    raise UserError(f'checkpoint {checkpoint} does not exist')
