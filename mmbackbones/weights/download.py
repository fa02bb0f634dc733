"""Download of checkpoints, once, into a cache; what did not arrive whole is never kept."""

import hashlib
import os
import re
import shutil
import string
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from torch.hub import get_dir

from ..errors import UserError, printable
from ..utils.atomic_write import atomic_write, remove_partials
from ..utils.files import sha256_of
from ..utils.messages import tell
from ..utils.progress import progress_bar
from .release import published_sha256
from .releases import RELEASES
from .safe_load import is_web_page, read_checkpoint

_TIMEOUT = 30  # seconds without a byte
# A server must send at least so many bytes in so many seconds: one that trickles would otherwise take days.
_WINDOW = 60
_MIN_BYTES_PER_WINDOW = 60 << 10
_CHUNK = 1 << 20  # bytes
_MAX_BYTES = 32 << 30  # the largest detectors with the state of their optimizer have a fourth of it
_UNQUOTED = string.punctuation  # characters of a URL that stay as they are, among them the % of what is quoted already


def cache_dir() -> Path:
    """The folder of downloads, and of releases that were downloaded manually: PyTorch's own cache."""
    return Path(get_dir()) / 'checkpoints'


def cached(url: str) -> Path:
    """Path in the cache of a URL's file, whether it exists yet or not.

    The name is a hash of the whole URL and the last part of its path, because files of many sites are called
    ``epoch_12.pth`` or ``best.pth``. Releases keep their own names, so that they can be put there manually, and so do
    files that carry a published hash in their name, which identifies them wherever they are from.
    """
    for release in RELEASES.values():
        if release.url == url:
            return cache_dir() / release.file
    given = os.path.basename(unquote(urlsplit(url).path).rstrip('/'))
    name = re.sub(r'[^\w.+-]', '_', given[-100:], flags=re.ASCII)  # safe for any file system and terminal
    if published_sha256(name) and name == given:
        return cache_dir() / name
    return cache_dir() / f'{hashlib.sha256(url.encode()).hexdigest()[:12]}-{name}'


def download(url: str) -> Path:
    """Download `url` into the cache, unless it is there, and return its path.

    A file appears under its name only once it is complete, matches the hash in its name (``-0123abcd.pth``) if there is
    one, and can be read as a checkpoint. So several processes may do this at once, and a broken download is never
    mistaken for a checkpoint.

    Raises:
        UserError: The URL cannot be reached, or does not deliver the checkpoint that it should; nothing is kept then.
    """
    try:
        path = cached(url)
    except ValueError as error:
        raise UserError(f'{url} is not a valid URL ({error})') from error
    if path.is_file():
        _check_hash(path)
        return path
    tell(f'downloading {url} to {path}')
    instead = f'download it elsewhere and put it at {path}'
    try:
        remove_partials(path.parent)
        with atomic_write(path) as partial:
            digest, kind = _receive(url, partial)
            if is_web_page(partial):
                raise UserError(f'{url} returned a web page instead of a checkpoint: {instead}')
            expected = published_sha256(path.name)
            if expected and not digest.startswith(expected):
                raise UserError(
                    f'{url} does not match its published hash (its SHA-256 begins with {digest[: len(expected)]}, not '
                    f'{expected}): try again, or {instead}'
                )
            _open(partial, url, kind, instead)
    except (OSError, HTTPException, ValueError) as error:
        why = printable(' '.join(str(getattr(error, 'reason', error)).split()))  # it may quote the server
        raise UserError(f'{url} cannot be downloaded ({why}): {instead}') from error
    return path


def _check_hash(path: Path) -> None:
    expected = published_sha256(path.name)
    if not expected:
        return
    digest = sha256_of(path)
    if not digest.startswith(expected):
        raise UserError(
            f'{path} does not match the hash in its name (its SHA-256 begins with {digest[: len(expected)]}, not '
            f'{expected}): delete it, and it will be downloaded again'
        )


def _open(partial: Path, url: str, kind: str, instead: str) -> None:
    try:
        read_checkpoint(partial, 'cpu')
    except UserError as error:
        if kind == 'text/html':
            raise UserError(f'{url} returned a web page instead of a checkpoint: {instead}') from error
        why = str(error).replace(str(partial), 'the download')
        raise UserError(
            f'{url} returned no complete checkpoint ({printable(kind)}, {partial.stat().st_size} bytes): '
            f'{why}; try again, or {instead}'
        ) from error


def _receive(url: str, path: Path) -> tuple[str, str]:
    """Write `url` to `path`, with a progress bar on a terminal, and return its SHA-256 and media type.

    Raises:
        OSError: The network or the disk failed, or the server was too slow.
    """
    transfer = _Transfer(url, path)
    bar = progress_bar(
        TextColumn('{task.description}', markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with bar, transfer.running():
        task = bar.add_task(os.path.basename(path), total=None)
        began, before = monotonic(), 0
        while not transfer.done.wait(0.2):
            bar.update(task, completed=transfer.received, total=transfer.length)
            if monotonic() - began > _WINDOW:
                if transfer.received - before < _MIN_BYTES_PER_WINDOW:
                    raise OSError(f'the server sent {transfer.received - before} bytes in {_WINDOW} seconds')
                began, before = monotonic(), transfer.received
    if transfer.error:
        raise transfer.error
    return transfer.digest.hexdigest(), transfer.kind


class _Redirects(HTTPRedirectHandler):
    """Follows a server to other addresses of the web, at most ten times, but not away from encryption."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        scheme = urlsplit(newurl).scheme.lower()
        if scheme != 'https' and (scheme != 'http' or req.type == 'https'):
            raise OSError(f'it leads from {req.type} to {scheme or "nowhere"}, which is not followed')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = build_opener(_Redirects)


class _Transfer:
    """A download in a thread of its own, so that a server that trickles cannot block its caller."""

    def __init__(self, url: str, path: Path) -> None:
        self.url, self.path = url, path
        self.received, self.kind = 0, ''
        self.length: int | None = None
        self.error: Exception | None = None
        self.digest, self.done, self.given_up = hashlib.sha256(), Event(), False

    @contextmanager
    def running(self) -> Iterator[None]:
        Thread(target=self._run, daemon=True).start()
        try:
            yield
        finally:
            self.given_up = True

    def _run(self) -> None:
        try:
            self._fetch()
        except Exception as error:
            self.error = error
        self.done.set()

    def _fetch(self) -> None:
        parts = urlsplit(self.url)  # possibly copied from a browser, with spaces and non-ASCII letters
        address = parts._replace(path=quote(parts.path, _UNQUOTED), query=quote(parts.query, _UNQUOTED)).geturl()
        request = Request(address, headers={'User-Agent': 'mmbackbones'})
        with _OPENER.open(request, timeout=_TIMEOUT) as response, open(self.path, 'r+b') as file:
            length = response.headers.get('Content-Length')
            self.length, self.kind = int(length) if length else None, response.headers.get_content_type()
            self._check_size(self.length or 0)
            while not self.given_up and (chunk := response.read1(_CHUNK)):
                file.write(chunk)
                self.digest.update(chunk)
                self.received += len(chunk)
                self._check_size(self.received)
        if self.length is not None and self.received != self.length:  # read1 reports no error here
            raise OSError(f'the connection broke after {self.received} of {self.length} bytes')

    def _check_size(self, size: int) -> None:
        free = shutil.disk_usage(self.path.parent).free + self.received
        if not 0 <= size <= min(_MAX_BYTES, free):
            raise OSError(
                f'the server wants to send {size:,} bytes, and at most {min(_MAX_BYTES, free):,} are taken or fit'
            )
