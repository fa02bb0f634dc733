"""The verb ``app``: a page in the browser on which a trained model is tried."""

import os
import re
import sys
from contextlib import ExitStack
from importlib import metadata
from typing import Any

import torch

from ...errors import UserError
from ...utils.config_files import ConfigLike
from ..load import load

_OLDEST_GRADIO = (6, 24)
_INSTALL = 'pip install "mmbackbones[app]"'


def app(
    checkpoint: str | os.PathLike[str],
    host: str = '127.0.0.1',
    port: int = 7860,
    *,
    config: ConfigLike | None = None,
    device: str | torch.device | None = None,
) -> None:
    """Serve a page on which a trained model is tried: drop an image, see what is found, and what is attended to.

    The page is there until Ctrl-C. It needs no network, and its files are removed at the end.

    Example:
        >>> import mmbackbones as mmb
        >>> mmb.app('work_dirs/retinanet_van_t/epoch_12.pth')
        The page is at http://127.0.0.1:7860 until Ctrl-C

    Args:
        checkpoint: File or URL of a trained model, or a file that :func:`~mmbackbones.apis.export` wrote.
        host: Name or address of this machine that the page is served at. At any but a local one, everyone who reaches
            it may use the page.
        port: Port of the page; 0 for any that is free.
        config: Path or name of a config, or a config; None for the one that the checkpoint carries.
        device: ``cuda:0``, ``cpu``, ``mps`` or the like; None for the best there is.

    Raises:
        UserError: Gradio is not installed, the port or the host cannot be used, or the checkpoint.
        KeyboardInterrupt: Ctrl-C.
    """
    _check_address(host, port)
    _check_gradio()
    from .server import Server, is_local, open_port, private_folder, url_of

    with ExitStack() as opened:
        listening = opened.enter_context(open_port(host, port))  # first, since loading a model takes longer
        model = load(checkpoint, device=device, config=config)
        folder = opened.enter_context(private_folder())
        from .page import Page  # which imports Gradio
        from .serving import application

        page = Page(model, folder)
        opened.callback(page.close)
        served, stop = application(page, folder, host, is_local(host))
        if not is_local(host):
            print(f'warning: everyone who reaches {host} can use the page: it asks for no password', file=sys.stderr)
        print(f'The page is at {url_of(listening)} until Ctrl-C', flush=True)
        Server(served, stop).serve_on(listening)


def _check_address(host: Any, port: Any) -> None:
    if not isinstance(host, str) or not host:
        raise UserError(f'host must be a name or an address of this machine, got {host!r}')
    if type(port) is not int or not 0 <= port <= 65535:
        raise UserError(f'port must be a whole number from 0 to 65535, got {port!r}')


def _check_gradio() -> None:
    """Raise UserError unless Gradio is there, in a version that this page was made for."""
    try:
        found = metadata.version('gradio')
    except metadata.PackageNotFoundError:
        raise UserError(f'the page needs gradio: {_INSTALL}') from None
    if tuple(map(int, re.findall(r'[0-9]+', found)[:2])) < _OLDEST_GRADIO:
        oldest = '.'.join(map(str, _OLDEST_GRADIO))
        raise UserError(f'the page needs gradio {oldest} or newer, and {found} is installed: {_INSTALL}')
