"""What an offline run of Weights & Biases has written: LevelDB's log format around messages of wandb's own."""

import json
from pathlib import Path
from struct import unpack_from
from typing import Any

_BLOCK, _HEADER = 32768, 7  # bytes; the file begins with a header of the same length as a record's
_FULL, _FIRST, _LAST = 1, 2, 4


def logged_history(path: Path) -> list[dict[str, Any]]:
    """The numbers that were logged, one dict a call of ``wandb.log``; without wandb's own, whose names begin with _."""
    from wandb.proto.wandb_internal_pb2 import Record

    history = []
    for message in _messages(path.read_bytes()):
        record = Record()
        record.ParseFromString(message)
        items = {''.join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        if items:
            history.append({key: value for key, value in items.items() if not key.startswith('_')})
    return history


def _messages(content: bytes) -> list[bytes]:
    messages, begun, place = [], b'', _HEADER
    while place + _HEADER <= len(content):
        if (left := _BLOCK - place % _BLOCK) < _HEADER:
            place += left
            continue
        length, kind = unpack_from('<HB', content, place + 4)
        part = content[place + _HEADER : place + _HEADER + length]
        begun = part if kind in (_FULL, _FIRST) else begun + part
        if kind in (_FULL, _LAST):
            messages.append(begun)
        place += _HEADER + length
    return messages
