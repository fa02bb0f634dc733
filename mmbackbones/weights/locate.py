"""Resolution of a path, URL or short name to a checkpoint file on this machine."""

import os
from pathlib import Path

from ..errors import UserError
from .download import cache_dir, download
from .releases import RELEASES


def locate(checkpoint: str | os.PathLike[str]) -> Path:
    """Path of a checkpoint's file, downloaded first if necessary.

    Args:
        checkpoint: A path, an ``http(s)://`` address or a short name of :data:`~mmbackbones.weights.RELEASES`.

    Raises:
        UserError: There is no such file or release, or it cannot be downloaded.
    """
    checkpoint = os.path.expanduser(os.fspath(checkpoint))
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
                f'{release.name} must be downloaded manually: get it from {release.page} and save it in the folder '
                f'{path.parent} as {path.name}'
            )
        return path
    if os.path.basename(checkpoint) == checkpoint and not os.path.splitext(checkpoint)[1]:
        raise UserError(
            f'{checkpoint!r} is neither a file nor the short name of a released checkpoint; there are '
            f'{", ".join(RELEASES)}'
        )
    if os.path.exists(checkpoint):
        raise UserError(f'checkpoint {checkpoint} is a folder or a device, not a file')
    raise UserError(f'checkpoint {checkpoint} does not exist')
