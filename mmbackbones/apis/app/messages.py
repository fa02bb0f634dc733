"""Messages of ASGI, the interface between Python's web servers and applications: bodies and answers."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The body of a request; None if it is larger than the limit, or the client is gone."""
    body = b''
    while True:
        message = await receive()
        if message['type'] != 'http.request':
            return None
        body += message.get('body', b'')
        if len(body) > limit:
            return None
        if not message.get('more_body'):
            return body


def replay(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read before, and then what comes after it."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {'type': 'http.request', 'body': body, 'more_body': False}

    return receive_again


class _TooLarge(Exception):
    pass


async def limited(app: Application, scope: MutableMapping[str, Any], receive: Receive, send: Send, limit: int) -> None:
    """Let an application answer a request whose body has at most `limit` bytes."""
    length, exceeded, started = 0, False, False

    async def receive_some() -> Message:
        nonlocal length, exceeded
        message = await receive()
        length += len(message.get('body', b''))
        if length > limit:
            exceeded = True
            raise _TooLarge
        return message

    async def send_unless_exceeded(message: Message) -> None:
        nonlocal started
        if not exceeded:
            started = True
            await send(message)

    try:
        await app(scope, receive_some, send_unless_exceeded)
    except BaseException:
        if not exceeded:
            raise
    if exceeded and not started:
        await answer(send, 413, f'at most {limit >> 20} MiB can be sent' if limit >= 1 << 20 else 'too much was sent')


def with_headers(send: Send, added: Mapping[str, str]) -> Send:
    """What sends an answer with these headers, in place of others of their names."""
    names = {name.encode() for name in added}
    pairs = [(name.encode(), value.encode()) for name, value in added.items()]

    async def send_with_headers(message: Message) -> None:
        if message['type'] == 'http.response.start':
            kept = [(name, value) for name, value in message.get('headers', ()) if name.lower() not in names]
            message = {**message, 'headers': [*kept, *pairs]}
        await send(message)

    return send_with_headers


async def answer(send: Send, status: int, text: str) -> None:
    """Answer with a sentence."""
    headers = [(b'content-type', b'text/plain; charset=utf-8'), (b'connection', b'close')]
    await send({'type': 'http.response.start', 'status': status, 'headers': headers})
    await send({'type': 'http.response.body', 'body': text.encode()})
