"""From a path, a URL or the short name of a release to a file on this machine."""
import hashlib
import os
import re
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote, urlparse
from urllib.request import Request, urlopen

from mmengine.logging import print_log
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from torch.hub import get_dir

from ..errors import UserError
from ..whole_file import whole_file
from .zoo import RELEASES, published_sha256

_TIMEOUT = 30  # seconds without an answer; without it a download may wait for ever
_CHUNK = 1 << 20  # bytes


def cache_folder() -> Path:
    """Where downloads are kept, and files that were fetched by hand are looked for: PyTorch's own cache."""
    return Path(get_dir()) / 'checkpoints'


def is_web_page(path: str | os.PathLike) -> bool:
    """Whether a file is what a download link delivers when it leads to a page: a login, a virus warning, an error."""
    with open(path, 'rb') as file:
        return bool(re.match(rb'(\xef\xbb\xbf)?\s*<(!doctype|\?xml|html|head|body)\b', file.read(512), re.IGNORECASE))


def locate(checkpoint: str | os.PathLike) -> Path:
    """Path of a checkpoint's file, which is downloaded first if need be.

    Args:
        checkpoint: A path, an ``http(s)://`` address or a short name of :data:`~mmbackbones.weights.RELEASES`.

    Raises:
        UserError: There is no such file or release, or it can't be had from here.
    """
    checkpoint = os.path.expanduser(checkpoint)
    if checkpoint.startswith(('http://', 'https://')):
        return download(checkpoint)
    if os.path.isfile(checkpoint):
        return Path(checkpoint)
    if release := RELEASES.get(checkpoint):
        path = cache_folder() / release.file
        if release.url:
            return download(release.url)
        if not path.is_file():
            raise UserError(f'{release.name} is published for download by hand only: fetch it from {release.page} and '
                            f'put it into the folder {path.parent} as {path.name}')
        return path
    if os.path.basename(checkpoint) == checkpoint and not os.path.splitext(checkpoint)[1]:
        raise UserError(f'{checkpoint!r} is neither a file nor the short name of a released checkpoint; there are '
                        f'{", ".join(RELEASES)}')
    raise UserError(f'checkpoint {checkpoint} does not exist')


def download(url: str) -> Path:
    """Fetch `url` once into the cache and return the path there.

    A file appears under its name only when it is complete, is no web page, and has the hash that its name may carry
    (``-0123abcd.pth``). So several processes may do this at once, and a broken download is never taken for a file.

    Raises:
        UserError: The network is closed, or what arrived is not what was published; nothing is kept then.
    """
    path = cache_folder() / _cache_name(url)
    if path.is_file():
        return path
    print_log(f'downloading {url} to {path}', logger='current')
    instead = f'fetch it elsewhere and put it at {path}'
    try:
        with whole_file(path) as partial:
            digest, kind = _receive(url, partial)
            if kind == 'text/html' or is_web_page(partial):
                raise UserError(f'{url} delivered a web page in place of a checkpoint: {instead}')
            expected = published_sha256(path.name)
            if expected and not digest.startswith(expected):
                raise UserError(f'{url} did not arrive as published (its SHA-256 begins with {digest[:len(expected)]}, '
                                f'not {expected}): try again, or {instead}')
    except (OSError, HTTPException, ValueError) as error:
        raise UserError(f'{url} cannot be fetched ({getattr(error, "reason", error)}): {instead}') from error
    return path


def _cache_name(url: str) -> str:
    *above, name = Path(unquote(urlparse(url).path)).parts[1:] or ('', )
    # Hugging Face has one name for the files of all models; owner and model tell them apart.
    return '-'.join((*above[:2], name)) if name in ('model.safetensors', 'pytorch_model.bin') else name


def _receive(url: str, path: Path) -> tuple[str, str]:
    """Write what `url` delivers to `path`, with a progress bar, and return its SHA-256 and media type."""
    digest, console = hashlib.sha256(), Console(stderr=True)
    bar = Progress(TextColumn('{task.description}'), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
                   TimeRemainingColumn(), console=console, disable=not console.is_terminal)
    request = Request(url, headers={'User-Agent': 'mmbackbones'})
    with urlopen(request, timeout=_TIMEOUT) as response, open(path, 'xb') as file, bar:
        length = response.headers.get('Content-Length')
        task = bar.add_task(os.path.basename(url), total=length and int(length))
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            bar.advance(task, len(chunk))
        if length and file.tell() != int(length):  # a connection that breaks off ends a read without an error
            raise OSError(f'the connection broke off after {file.tell()} of {length} bytes')
        return digest.hexdigest(), response.headers.get_content_type()
