"""Requests that the server of the page lets through, and those that it does not."""

import asyncio
import json
import os
import time

import pytest

from mmbackbones.apis.app import guard
from mmbackbones.apis.app.guard import LOCAL_HOSTS, Guard

EVENT = {'fn_index': 0, 'data': [], 'session_hash': 'abc'}


class Answer:
    """What a guard and the application behind it make of a request.

    Attributes:
        status: The status.
        headers: The headers.
        body: The body; that of the application is what it was sent.
        seen: The headers that the application got; None if it was not asked.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b''
        self.seen: dict[str, str] | None = None


@pytest.fixture
def ask(folder):
    """Asks a guard around an application that answers with what it is sent."""

    def ask(path='/', method='GET', body=b'', host='127.0.0.1:7860', anywhere=False, chunk=1 << 20, **headers):
        answer = Answer()

        async def application(scope, receive, send):
            answer.seen = {name.decode(): value.decode() for name, value in scope['headers']}
            received, more = b'', True
            while more:
                message = await receive()
                received, more = received + message['body'], message['more_body']
            await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-type', b'a/b')]})
            await send({'type': 'http.response.body', 'body': received})

        pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b'']
        messages = [{'type': 'http.request', 'body': piece, 'more_body': True} for piece in pieces]
        messages[-1]['more_body'] = False

        async def receive():
            return messages.pop(0)

        async def send(message):
            if message['type'] == 'http.response.start':
                answer.status = message['status']
                answer.headers = {name.decode(): value.decode() for name, value in message['headers']}
            answer.body += message.get('body', b'')

        given = {'host': host, **{name.replace('_', '-'): value for name, value in headers.items()}}
        pairs = [(name.encode(), value.encode()) for name, value in given.items() if value is not None]
        scope = {'type': 'http', 'method': method, 'path': path, 'headers': pairs}

        def is_event(event):
            return isinstance(event, dict) and event['fn_index'] == 0

        guarded = Guard(application, folder, [*LOCAL_HOSTS, 'my-host'], anywhere, is_event, set)
        asyncio.run(guarded(scope, receive, send))
        return answer

    return ask


@pytest.mark.parametrize(
    ('method', 'path'),
    [
        ('GET', '/'),
        ('GET', '/assets/index-DphvyggB.js'),
        ('GET', '/static/js/a.min.js'),
        ('GET', '/theme.css'),
        ('GET', '/gradio_api/heartbeat/abc123'),
        ('GET', '/gradio_api/queue/data'),
        ('POST', '/gradio_api/upload'),
    ],
)
def test_the_page_itself_is_let_through(method, path, ask):
    answer = ask(path, method, b'a')
    assert (answer.status, answer.body) == (200, b'a' if method == 'POST' else b'') or method == 'GET'
    assert "default-src 'self'" in answer.headers['content-security-policy']
    assert 'unsafe-eval' not in answer.headers['content-security-policy']
    assert answer.headers['x-frame-options'] == 'DENY'


@pytest.mark.parametrize(
    ('method', 'path'),
    [
        ('GET', '/docs'),
        ('GET', '/openapi.json'),
        ('GET', '/monitoring/summary'),
        ('GET', '/login'),
        ('GET', '/gradio_api/runs'),
        ('GET', '/gradio_api/proxy=http://169.254.169.254/'),
        ('GET', '/gradio_api/file=http://169.254.169.254/a.png'),
        ('GET', '/gradio_api/vibe-code'),
        ('GET', '/gradio_api/deep_link'),
        ('GET', '/static/../../../etc/passwd'),
        ('GET', '/assets//etc/passwd/../a.js'),
        ('POST', '/'),
        ('POST', '/gradio_api/run/predict'),
        ('POST', '/gradio_api/call/predict'),
        ('POST', '/gradio_api/component_server'),
        ('POST', '/gradio_api/process_recording'),
        ('DELETE', '/gradio_api/upload'),
        ('OPTIONS', '/gradio_api/upload'),
    ],
)
def test_whatever_else_gradio_serves_is_not_there(method, path, ask):
    answer = ask(path, method)
    assert (answer.status, answer.seen) == (404, None)


def test_only_pictures_in_the_folder_are_served(ask, folder, tmp_path):
    (folder / 'x').mkdir()
    for name in ('a.png', 'a.html', 'a.svg', 'x/B.JPG'):
        (folder / name).write_bytes(b'')
    (folder / 'link.png').symlink_to(tmp_path / 'secret.png')

    def status(path):
        return ask(f'/gradio_api/file={path}').status

    assert status(folder / 'a.png') == status(folder / 'x/B.JPG') == 200
    refused = ['a.html', 'a.svg', 'link.png', 'x', 'none.png', '../secret.png', 'x/../../secret.png']
    assert [status(folder / name) for name in refused] == [404] * len(refused)
    assert [status(name) for name in ('/etc/passwd', 'a.png', '', '/', f'{tmp_path}/secret.png\0')] == [404] * 5
    answer = ask(f'/gradio_api/file={folder}/a.png')
    assert answer.headers['content-security-policy'] == "default-src 'none'; sandbox"
    assert 'no-store' in answer.headers['cache-control']


@pytest.mark.parametrize('host', ['localhost:7860', '[::1]:7860', '127.0.0.1', 'LOCALHOST', 'my-host:1'])
def test_this_machine_is_asked_by_its_names(host, ask):
    assert ask(host=host).status == 200


@pytest.mark.parametrize(
    'host',
    ['evil.example', 'evil.example:7860', 'localhost.evil.example', '127.0.0.1.nip.io', '', None, '192.0.2.1', '['],
)
def test_another_name_may_have_been_made_to_lead_here(host, ask):
    answer = ask(host=host)
    assert (answer.status, answer.seen) == (421, None)


def test_other_machines_ask_by_address(ask, monkeypatch):
    monkeypatch.setattr('socket.gethostname', lambda: 'Desk')
    assert ask(host='192.0.2.1:7860', anywhere=True).status == ask(host='desk', anywhere=True).status == 200
    assert ask(host='evil.example', anywhere=True).status == 421


def test_pages_of_other_sites_are_refused(ask):
    upload = dict(path='/gradio_api/upload', method='POST')
    assert ask(**upload, origin='http://127.0.0.1:7860', sec_fetch_site='same-origin').status == 200
    refused = [
        dict(origin='http://evil.example'),
        dict(origin='null'),
        dict(origin='http://127.0.0.1:8000'),
        dict(origin='https://127.0.0.1:7860'),
        dict(sec_fetch_site='cross-site'),
        dict(sec_fetch_site='same-site'),
    ]
    assert [ask(**upload, **headers).status for headers in refused] == [403] * len(refused)
    link = dict(sec_fetch_site='cross-site', sec_fetch_mode='navigate', sec_fetch_dest='document')
    assert ask(**link).status == 200
    assert ask(path='/config', **link).status == ask(**{**link, 'sec_fetch_dest': 'iframe'}).status == 403


def test_headers_of_proxies_are_dropped(ask):
    seen = ask(x_forwarded_host='evil.example', forwarded='host=evil.example', range='bytes=9-', accept='*/*').seen
    assert seen == {'host': '127.0.0.1:7860', 'accept': '*/*'}


@pytest.mark.parametrize('chunk', [1 << 20, 1000])
def test_bodies_have_a_largest_size(chunk, ask, monkeypatch):
    monkeypatch.setitem(guard._LIMITS, '/gradio_api/upload', 5000)
    assert ask('/gradio_api/upload', 'POST', bytes(5000), chunk=chunk).status == 200
    answer = ask('/gradio_api/upload', 'POST', bytes(5001), chunk=chunk)
    assert answer.status == 413
    assert answer.body == b'too much was sent'
    assert ask('/', 'GET', bytes(9)).status == 413


def test_events_are_those_of_the_page(ask, folder):
    (folder / 'a.png').write_bytes(b'')
    file = {'path': str(folder / 'a.png'), 'meta': {'_type': 'gradio.FileData'}}

    def status(event):
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return ask('/gradio_api/queue/join', 'POST', body).status

    assert status(EVENT) == status({**EVENT, 'data': [file]}) == 200
    refused = [
        b'',
        b'{',
        b'[]',
        b'\xff',
        b'[' * 60_000,
        bytes(1 << 17),
        {**EVENT, 'fn_index': 1},
        {**EVENT, 'session_hash': None},
        {**EVENT, 'session_hash': '../a'},
        {**EVENT, 'data': [{**file, 'path': '/etc/passwd'}]},
        {**EVENT, 'data': [[{'value': {**file, 'path': str(folder / '../secret.png')}}]]},
        {**EVENT, 'data': [{**file, 'path': 'http://169.254.169.254/a.png'}]},
        {**EVENT, 'event_data': {**file, 'path': '/etc/passwd'}},
        {**EVENT, 'data': [json.loads('[' * 99 + ']' * 99)]},
    ]
    assert [status(event) for event in refused] == [400] * len(refused)
    body = json.dumps({**EVENT, 'data': [file]}).encode()
    assert ask('/gradio_api/queue/join', 'POST', body, chunk=7).body == body


def test_files_that_wait_have_a_largest_size(ask, folder, monkeypatch):
    monkeypatch.setattr(guard, '_MOST_WAITING', 100)
    (folder / 'old').write_bytes(bytes(99))
    (folder / 'new').write_bytes(bytes(99))
    assert ask('/gradio_api/upload', 'POST').status == 503
    os.utime(folder / 'old', (time.time() - 3600,) * 2)
    assert ask('/gradio_api/upload', 'POST').status == 200
    assert [file.name for file in folder.iterdir()] == ['new']


def test_web_sockets_are_not_answered(folder):
    guarded = Guard(None, folder, LOCAL_HOSTS, False, bool, set)
    asyncio.run(guarded({'type': 'websocket', 'headers': []}, None, None))
