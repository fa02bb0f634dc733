"""The server of the page: its port, its files, and its end."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EACCES, EADDRINUSE
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn

from ...errors import UserError

_MOST_CONNECTIONS = 200  # at once; each page that is open holds one or two
_PATIENCE = 1  # seconds that open pages have when the server ends
_UNWANTED = 'Cancel %s running task(s), timeout graceful shutdown exceeded'


def open_port(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        host: A name or an address of this machine.
        port: The port; 0 for any that is free.

    Raises:
        UserError: The port is in use, or this machine has no such address.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except (OSError, UnicodeError) as error:
        code = getattr(error, 'errno', None)
        if code == EADDRINUSE:
            raise UserError(
                f'port {port} is in use: name another one with --port, or any free one with --port 0'
            ) from error
        if code == EACCES:
            raise UserError(f'port {port} may not be used: name one from 1024 on with --port') from error
        raise UserError(f'--host {host!r} is no name or address of this machine: give 127.0.0.1, say') from error


def is_local(host: str) -> bool:
    """Whether only this machine itself reaches a host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


def url_of(listening: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listening.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f'http://[{host}]:{port}' if ':' in host else f'http://{host}:{port}'


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only this user reads, which Gradio keeps its files in, and which is removed at the end."""
    before = {name: os.environ.get(name) for name in ('GRADIO_TEMP_DIR', 'GRADIO_ANALYTICS_ENABLED')}
    with TemporaryDirectory(prefix='mmbackbones-app-', ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        os.environ |= {'GRADIO_TEMP_DIR': str(folder), 'GRADIO_ANALYTICS_ENABLED': 'False'}
        try:
            yield folder
        finally:
            for variable, value in before.items():
                os.environ.pop(variable)
                if value is not None:
                    os.environ[variable] = value


class Server(uvicorn.Server):
    """A server that ends at Ctrl-C and SIGTERM, with all that is open.

    Args:
        app: The ASGI application.
        at_end: Called when it ends.
    """

    def __init__(self, app: Any, at_end: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan='on',
                ws='none',
                proxy_headers=False,
                server_header=False,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_graceful_shutdown=_PATIENCE,
            )
        )
        self._at_end = at_end
        self._interrupted = False

    def serve_on(self, listening: socket.socket) -> None:
        """Serve until a signal.

        Raises:
            KeyboardInterrupt: It was Ctrl-C.
        """
        log = logging.getLogger('uvicorn.error')
        log.addFilter(_is_wanted)
        try:
            self.run([listening])
        finally:
            log.removeFilter(_is_wanted)
        if self._interrupted:
            raise KeyboardInterrupt

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._interrupted = self._interrupted or sig == signal.SIGINT
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:  # uvicorn's would end the process, and leave the folder behind
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._at_end()
        await super().shutdown(sockets)


def _is_wanted(record: logging.LogRecord) -> bool:
    return record.msg != _UNWANTED
