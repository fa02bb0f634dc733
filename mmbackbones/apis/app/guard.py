"""What the server answers at all: the requests of its own page, and nothing that a hostile page or program may ask.

Gradio's server has some fifty routes, for chats, proxies, monitoring, other programs and so on, and serves files by
their paths. This page needs a dozen of them.
"""

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .messages import Application, Receive, Send, answer, limited, read_body, replay, with_headers
from .uploads import MAX_BYTES, is_inside

LOCAL_HOSTS = ('127.0.0.1', '::1', 'localhost')
_FILE = '/gradio_api/file='
_EVENT = '/gradio_api/queue/join'
_UPLOAD = '/gradio_api/upload'
_READ = re.compile(
    r'/|/config/?|/theme\.css|/manifest\.json|/favicon\.ico|/(assets|static)/[\w./-]+|'
    r'/gradio_api/(heartbeat/\w+|queue/data|upload_progress|startup-events|info)'
)
_LIMITS = {_UPLOAD: MAX_BYTES + 4096, _EVENT: 1 << 16, '/gradio_api/cancel': 4096, '/gradio_api/reset': 4096}  # bytes
_PICTURES = ('.bmp', '.gif', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')
_IGNORED = (b'x-', b'forwarded', b'range')  # headers
_DEEPEST = 100  # brackets in an event; Gradio would end in too deep a recursion
_WAITING = 10 * 60  # seconds after which a file that was sent, but not shown, is removed
_MOST_WAITING = 8 * MAX_BYTES  # of all such files
# Gradio's page has scripts and styles in its HTML. Nothing comes from, or goes to, any other server.
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' blob: data:; font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    'content-security-policy': _PAGE_POLICY,
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
}
_FILE_HEADERS = {'content-security-policy': "default-src 'none'; sandbox", 'cache-control': 'private, no-store'}


class Guard:
    """An ASGI application around Gradio's that lets only the requests of the page itself through.

    - The host must be this machine by its own names, or an address, so that no other site's name can be made to lead
      here (DNS rebinding).
    - What a browser sends for a page of another site is refused (cross-site request forgery).
    - Only the routes of the page are there, and only pictures in the folder are served.
    - Events are those of the page, and name only files in the folder.
    - Bodies have a largest size, and so have all files that wait to be shown.

    Args:
        app: Gradio's application.
        folder: Folder of all files that are sent and served, without links in its path.
        hosts: Names and addresses that the server has.
        any_address: Whether it is asked from other machines, by whatever address this machine has.
        is_event: Whether the page has an event, as JSON.
        in_use: Gives the files that are shown.
    """

    def __init__(
        self,
        app: Application,
        folder: Path,
        hosts: Iterable[str],
        any_address: bool,
        is_event: Callable[[Any], bool],
        in_use: Callable[[], set[Path]],
    ) -> None:
        self._app = app
        self._folder = folder
        self._hosts = {host.lower() for host in hosts}
        self._any_address = any_address
        self._is_page_event = is_event
        self._in_use = in_use

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope['type'] == 'lifespan':
            await self._app(scope, receive, send)
            return
        if scope['type'] != 'http':  # a web socket
            return
        headers = {name.decode('latin-1').lower(): value.decode('latin-1') for name, value in scope['headers']}
        refused = self._refusal(scope['method'], scope['path'], headers)
        if refused:
            await answer(send, *refused)
            return
        # A page behind another server is nothing that this one is for, and files are sent whole.
        kept = [(name, value) for name, value in scope['headers'] if not name.lower().startswith(_IGNORED)]
        scope = {**scope, 'headers': kept}
        send = with_headers(send, _HEADERS | (_FILE_HEADERS if scope['path'].startswith(_FILE) else {}))
        limit = _LIMITS.get(scope['path'], 0) if scope['method'] == 'POST' else 0
        if scope['path'] == _EVENT:
            body = await read_body(receive, limit)
            if body is None or not self._is_event(body):
                await answer(send, 400, 'this page has no such event')
                return
            receive = replay(body, receive)
        elif scope['path'] == _UPLOAD and not self._has_room():
            await answer(send, 503, 'too many files are waiting: try again later')
            return
        await limited(self._app, scope, receive, send, limit)

    def _refusal(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Status and reason, if a request is not of the page."""
        host = headers.get('host', '')
        if not self._is_own(host):
            return 421, 'this server has another name: use the address that it printed'
        origin = headers.get('origin')
        opened = path == '/' and method == 'GET' and headers.get('sec-fetch-dest') == 'document'
        cross = headers.get('sec-fetch-site', 'none') not in ('same-origin', 'none') and not opened
        if cross or origin not in (None, f'http://{host}'):
            return 403, 'pages of other sites cannot use this one'
        if method in ('GET', 'HEAD'):
            if path.startswith(_FILE):
                name = path.removeprefix(_FILE)
                found = name.lower().endswith(_PICTURES) and is_inside(name, self._folder)
            else:
                found = bool(_READ.fullmatch(path)) and '..' not in path
        else:
            found = method == 'POST' and path in _LIMITS
        return None if found else (404, 'there is nothing here')

    def _is_own(self, host: str) -> bool:
        try:
            name = urlsplit(f'//{host}').hostname or ''
        except ValueError:
            return False
        if name in self._hosts:
            return True
        if not self._any_address:
            return False
        try:
            ip_address(name)
        except ValueError:
            return name in (socket.gethostname().lower(), socket.getfqdn().lower())
        return True

    def _is_event(self, body: bytes) -> bool:
        """Whether a body is an event of the page whose files are in the folder."""
        if body.count(b'[') + body.count(b'{') > _DEEPEST:
            return False
        try:
            event = json.loads(body)
        except ValueError:
            return False
        if not self._is_page_event(event):
            return False
        session = event.get('session_hash')
        if not isinstance(session, str) or not re.fullmatch(r'\w{1,64}', session):
            return False
        return all(is_inside(path, self._folder) for path in _paths_in(event))

    def _has_room(self) -> bool:
        """Remove what nobody has looked at for long, and say whether another file may be sent."""
        shown, waiting = self._in_use(), 0
        for folder, _, names in os.walk(self._folder):
            for file in (Path(folder, name) for name in names):
                try:
                    state = file.stat()
                    if file in shown:
                        continue
                    if time.time() - state.st_mtime > _WAITING:
                        file.unlink()
                    else:
                        waiting += state.st_size
                except OSError:  # it was removed in the meantime
                    continue
        return waiting <= _MOST_WAITING


def _paths_in(value: Any) -> Iterable[Any]:
    """All that is called ``path`` in a JSON value."""
    if isinstance(value, dict):
        if 'path' in value:
            yield value['path']
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _paths_in(inner)
