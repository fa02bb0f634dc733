"""Fixtures: an empty cache per test, and a web server on this machine."""

from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from time import sleep

import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of downloads, empty."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    return tmp_path / 'hub' / 'checkpoints'


@pytest.fixture
def serve(monkeypatch):
    """Serves bytes: ``serve(name, content)`` returns the URL.

    `length` is what the server claims to send, False for no claim; `trickle` names the part, ``header`` or ``body``,
    that comes a byte every 20 ms, or ``nothing`` at all. ``serve.redirect(name, target)`` sends to another address.
    """
    files, redirects, requests = {}, {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            if self.path in redirects:
                self.send_response(302)
                self.send_header('Location', redirects[self.path])
                self.end_headers()
                return None
            if self.path not in files:
                return self.send_error(404)
            content, length, kind, trickle = files[self.path]
            with suppress(OSError):  # the client may be gone
                self.send_response(200)
                self.send_header('Content-Type', kind)
                if length is not False:
                    self.send_header('Content-Length', str(len(content) if length is None else length))
                if trickle == 'nothing':
                    stalled.wait(20)
                    return None
                if trickle == 'header':
                    self.flush_headers()
                    self.drip(b'X-Slow: ' + bytes(500))
                self.end_headers()
                self.drip(content) if trickle == 'body' else self.wfile.write(content)

        def drip(self, content):
            for byte in content:
                self.wfile.write(bytes([byte]))
                sleep(0.02)

        def log_message(self, *_):
            pass

    stalled = Event()
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    Thread(target=server.serve_forever, kwargs=dict(poll_interval=0.01), daemon=True).start()

    def redirect(name: str, target: str) -> str:
        redirects[f'/{name}'] = target
        return f'http://127.0.0.1:{server.server_port}/{name}'

    def serve_file(
        name: str,
        content: bytes | None,
        length: int | str | None = None,
        kind: str = 'application/octet-stream',
        trickle: str = '',
    ) -> str:
        if content is not None:
            files[f'/{name}'] = content, length, kind, trickle
        return f'http://127.0.0.1:{server.server_port}/{name}'

    serve_file.requests, serve_file.redirect = requests, redirect
    yield serve_file
    stalled.set()
    server.shutdown()
    server.server_close()
