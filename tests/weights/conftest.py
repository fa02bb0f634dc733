"""A cache of its own for each test, and a web server on this machine."""
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of downloads, empty."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    return tmp_path / 'hub' / 'checkpoints'


@pytest.fixture
def serve(monkeypatch):
    """Serves bytes: ``serve(name, content)`` returns the address; `length` is what the server claims to send."""
    files, requests = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            if self.path not in files:
                return self.send_error(404)
            content, length, kind = files[self.path]
            self.send_response(200)
            self.send_header('Content-Type', kind)
            self.send_header('Content-Length', str(length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    monkeypatch.setenv('no_proxy', '127.0.0.1')
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    Thread(target=server.serve_forever, kwargs=dict(poll_interval=0.01), daemon=True).start()

    def serve_file(name: str, content: bytes | None, length: int | None = None,
                   kind: str = 'application/octet-stream') -> str:
        if content is not None:
            files[f'/{name}'] = content, len(content) if length is None else length, kind
        return f'http://127.0.0.1:{server.server_port}/{name}'

    serve_file.requests = requests
    yield serve_file
    server.shutdown()
    server.server_close()
