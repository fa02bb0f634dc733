"""Fetching a checkpoint from the web, once."""

import hashlib
import os
import re
import string
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

from mmengine.logging import print_log
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from torch.hub import get_dir

from ..errors import UserError, printable
from ..utils.atomic_write import atomic_write, remove_partials
from ..utils.progress import progress_bar
from .reading import is_web_page, read_checkpoint
from .releases import RELEASES, published_sha256

_TIMEOUT = 30  # seconds without a byte
_WINDOW = 60  # seconds in which a server has to send ...
_LEAST = 60 << 10  # ... so many bytes; one that trickles would otherwise be waited for for days
_CHUNK = 1 << 20  # bytes
_AS_IT_IS = string.punctuation  # in an address, percent signs of what is quoted already among them


def cache_dir() -> Path:
    """Where downloads are kept, and files that were fetched by hand are looked for: PyTorch's own cache."""
    return Path(get_dir()) / 'checkpoints'


def cached(url: str) -> Path:
    """Where the file of a URL is kept, whether it is there yet or not.

    The name ends as the URL's path does and begins with a hash of the whole URL, as ``epoch_12.pth`` and ``best.pth``
    are everybody's names. Releases keep their own names, under which they can be put there by hand; and so does what
    has its published hash in its name, which says what is in it wherever it is from.
    """
    for release in RELEASES.values():
        if release.url == url:
            return cache_dir() / release.file
    given = os.path.basename(unquote(urlsplit(url).path).rstrip('/'))
    name = re.sub(r'[^\w.+-]', '_', given[-100:], flags=re.ASCII)  # that every file system takes, and every terminal
    if published_sha256(name) and name == given:
        return cache_dir() / name
    return cache_dir() / f'{hashlib.sha256(url.encode()).hexdigest()[:12]}-{name}'


def download(url: str) -> Path:
    """Fetch `url` once into the cache and return the path there.

    A file appears under its name only when all of it has arrived, it has the hash that its name may carry
    (``-0123abcd.pth``), and it has been opened as a checkpoint. So several processes may do this at once, and a broken
    download is never taken for a file.

    Raises:
        UserError: The network is closed, or what arrived is not what was published; nothing is kept then.
    """
    try:
        path = cached(url)
    except ValueError as error:
        raise UserError(f'{url} is no address ({error})') from error
    if path.is_file():
        _check_hash(path)
        return path
    print_log(f'downloading {url} to {path}', logger='current')
    instead = f'fetch it elsewhere and put it at {path}'
    try:
        remove_partials(path.parent)
        with atomic_write(path) as partial:
            digest, kind = _receive(url, partial)
            if is_web_page(partial):
                raise UserError(f'{url} delivered a web page in place of a checkpoint: {instead}')
            expected = published_sha256(path.name)
            if expected and not digest.startswith(expected):
                raise UserError(
                    f'{url} did not arrive as published (its SHA-256 begins with {digest[: len(expected)]}, '
                    f'not {expected}): try again, or {instead}'
                )
            _open(partial, url, kind, instead)
    except (OSError, HTTPException, ValueError) as error:
        why = printable(' '.join(str(getattr(error, 'reason', error)).split()))  # the server's own words among it
        raise UserError(f'{url} cannot be fetched ({why}): {instead}') from error
    return path


def _check_hash(path: Path) -> None:
    expected = published_sha256(path.name)
    if not expected:
        return
    sha256 = hashlib.sha256()
    with open(path, 'rb') as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
    digest = sha256.hexdigest()
    if not digest.startswith(expected):
        raise UserError(
            f'{path} is not what its name says (its SHA-256 begins with {digest[: len(expected)]}, not '
            f'{expected}): remove it, and it will be fetched again'
        )


def _open(partial: Path, url: str, kind: str, instead: str) -> None:
    try:
        read_checkpoint(partial, 'cpu')
    except UserError as error:
        if kind == 'text/html':
            raise UserError(f'{url} delivered a web page in place of a checkpoint: {instead}') from error
        why = str(error).replace(str(partial), 'what arrived')
        raise UserError(
            f'{url} delivered no whole checkpoint ({printable(kind)}, {partial.stat().st_size} bytes): '
            f'{why}; try again, or {instead}'
        ) from error


def _receive(url: str, path: Path) -> tuple[str, str]:
    """Write what `url` delivers to `path`, with a progress bar, and return its SHA-256 and media type.

    Raises:
        OSError: The network or the disk failed, or too little came in too long a time.
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
                if transfer.received - before < _LEAST:
                    raise OSError(f'the server sent {transfer.received - before} bytes in {_WINDOW} seconds')
                began, before = monotonic(), transfer.received
    if transfer.error:
        raise transfer.error
    return transfer.digest.hexdigest(), transfer.kind


class _Transfer:
    """A download in a thread of its own: a server that sends a byte now and then cannot hold up who waits for it."""

    def __init__(self, url: str, path: Path) -> None:
        self.url, self.path = url, path
        self.received, self.length, self.kind, self.error = 0, None, '', None
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
        parts = urlsplit(self.url)  # as copied from a browser, with spaces and letters that are not ASCII
        address = parts._replace(path=quote(parts.path, _AS_IT_IS), query=quote(parts.query, _AS_IT_IS)).geturl()
        request = Request(address, headers={'User-Agent': 'mmbackbones'})
        with urlopen(request, timeout=_TIMEOUT) as response, open(self.path, 'r+b') as file:
            length = response.headers.get('Content-Length')
            self.length, self.kind = length and int(length), response.headers.get_content_type()
            while not self.given_up and (chunk := response.read1(_CHUNK)):
                file.write(chunk)
                self.digest.update(chunk)
                self.received += len(chunk)
        if self.length is not None and self.received != self.length:  # such a read ends without an error
            raise OSError(f'the connection broke off after {self.received} of {self.length} bytes')
