"""What an exported file says of itself: one JSON text, with a few plain entries beside it for other programs.

Anybody may have written a file. So what is read here is data, and is checked; the config in it is text of the form that
checkpoints carry, and goes through the same rules as theirs (:mod:`mmbackbones.engine.checkpoint_config`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, NoReturn

from ..errors import UserError, printable

KEY = 'mmbackbones'  # of the entry that holds it all
FEATURES = 'features'  # the task of a backbone alone
TASKS = ('detection', 'instance segmentation', 'semantic segmentation', FEATURES)
_VERSION = 1  # of what is written here
_MAX_LENGTH = 8_000_000  # characters
_MAX_SIDE = 32_767  # pixels
_MAX_SHOWN = 80  # characters


@dataclass(frozen=True)
class Metadata:
    """What an exported file says of itself.

    Attributes:
        task: One of :data:`TASKS`.
        network: The network in words, such as ``RetinaNet with VAN``.
        config: The config of the model in the form that checkpoints carry, as text; empty for a backbone alone.
        dataset_meta: What a checkpoint says of the data that it was trained on: classes, and the numbers that they have
            there.
        img_scale: Width and height in pixels that images are resized to fit into; None if they are not.
        keep_ratio: Whether they keep their proportions then; else they get exactly that size.
        mean: What is subtracted from each channel of an image, 0 to 255; empty if nothing is.
        std: What each channel is then divided by.
        channel_order: Order of these channels, and of those of the input: ``RGB`` or ``BGR``.
        static_size: Width and height of the only images that the file takes, one at a time; None for any.
        opset: Version of the ONNX operators; None in a program of `torch.export`.
        versions: The libraries that it was written with.
    """

    task: str
    network: str
    config: str = ''
    dataset_meta: dict[str, Any] = field(default_factory=dict)
    img_scale: tuple[int, int] | None = None
    keep_ratio: bool = True
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    channel_order: str = 'RGB'
    static_size: tuple[int, int] | None = None
    opset: int | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; the index is the label."""
        return tuple(self.dataset_meta.get('classes') or ())

    @property
    def content(self) -> dict[str, Any]:
        """What a checkpoint of this model would hold beside the weights."""
        return dict(meta=dict(cfg=self.config, dataset_meta=dict(self.dataset_meta, classes=self.classes)))

    def as_properties(self) -> dict[str, str]:
        """The entries of a file: all of it as JSON, and what other programs need as plain words and lists."""
        plain = dict(
            task=self.task,
            classes=list(self.classes),
            img_scale=self.img_scale,
            keep_ratio=json.dumps(self.keep_ratio) if self.img_scale else None,
            mean=self.mean,
            std=self.std,
            channel_order=self.channel_order,
        )
        properties = {KEY: json.dumps(dict(version=_VERSION, **asdict(self)), allow_nan=False)}
        for name, value in plain.items():
            if value:
                properties[name] = value if isinstance(value, str) else json.dumps(value)
        return properties


def plain(value: Any) -> Any:
    """A copy of `value` with what JSON can hold; anything else is None, and left out of dicts and lists."""
    if isinstance(value, Mapping):
        copies = {str(key): plain(item) for key, item in value.items()}
        return {key: item for key, item in copies.items() if item is not None}
    if isinstance(value, list | tuple):
        return [item for item in map(plain, value) if item is not None]
    if isinstance(value, str):
        return str(value)
    return value if type(value) in (bool, int) or (type(value) is float and isfinite(value)) else None


def from_properties(properties: Mapping[str, str], file: str) -> Metadata:
    """What the entries of a file say.

    Args:
        properties: The entries, which anybody may have written.
        file: What to call the file in messages.

    Raises:
        UserError: It was not written by ``mmbackbones export``, or the entries are damaged.
    """
    text = properties.get(KEY)
    if text is None:
        raise UserError(
            f'{file} has no entry {KEY!r} in its metadata, which says how images are prepared and what the classes '
            'are: only files that `mmbackbones export` wrote are taken'
        )
    reader = _Reader(file)
    if len(text) > _MAX_LENGTH:
        reader.refuse(f'it is {len(text)} characters long')
    try:
        found = json.loads(text, parse_constant=lambda _: reader.refuse('it holds a number that is not finite'))
    except (ValueError, RecursionError):
        reader.refuse('it is no JSON')
    if not isinstance(found, dict):
        reader.refuse('it is no JSON object')
    if found.get('version') != _VERSION:
        reader.refuse(
            f'it is of version {str(found.get("version"))[:_MAX_SHOWN]!r}, and this mmbackbones reads {_VERSION}'
        )
    return Metadata(
        task=reader.one_of(found, 'task', TASKS),
        network=printable(reader.text(found, 'network'))[:_MAX_SHOWN],
        config=reader.text(found, 'config'),
        dataset_meta=_dataset_meta(found, reader),
        img_scale=reader.size(found, 'img_scale'),
        keep_ratio=found.get('keep_ratio') is not False,
        mean=reader.numbers(found, 'mean'),
        std=reader.numbers(found, 'std'),
        channel_order=reader.one_of(found, 'channel_order', ('RGB', 'BGR')),
        static_size=reader.size(found, 'static_size'),
        opset=found['opset'] if type(found.get('opset')) is int else None,
        versions=reader.texts(found, 'versions'),
    )


def _dataset_meta(found: dict[str, Any], reader: '_Reader') -> dict[str, Any]:
    meta = reader.mapping(found, 'dataset_meta')
    classes = meta.get('classes', [])
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        reader.refuse('dataset_meta.classes is no list of names')
    return meta


class _Reader:
    """Takes entries of the kind that is expected, and refuses others."""

    def __init__(self, file: str) -> None:
        self.file = file

    def refuse(self, why: str) -> NoReturn:
        raise UserError(
            f'the metadata of {self.file} is not used: {printable(why)}; export the model again with '
            '`mmbackbones export`'
        )

    def text(self, found: dict[str, Any], name: str) -> str:
        value = found.get(name)
        if not isinstance(value, str):
            self.refuse(f'{name} is no text')
        return value

    def one_of(self, found: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
        value = self.text(found, name)
        if value not in known:
            self.refuse(f'{name} is {value[:_MAX_SHOWN]!r}, and {", ".join(known)} are known')
        return value

    def mapping(self, found: dict[str, Any], name: str) -> dict[str, Any]:
        value = found.get(name)
        if not isinstance(value, dict):
            self.refuse(f'{name} is no JSON object')
        return value

    def texts(self, found: dict[str, Any], name: str) -> dict[str, str]:
        entries = self.mapping(found, name).items()
        return {printable(key)[:_MAX_SHOWN]: printable(str(value))[:_MAX_SHOWN] for key, value in list(entries)[:20]}

    def numbers(self, found: dict[str, Any], name: str) -> tuple[float, ...]:
        value = found.get(name)
        if not isinstance(value, list) or len(value) > 16 or not all(type(item) in (int, float) for item in value):
            self.refuse(f'{name} is no list of numbers')
        return tuple(map(float, value))

    def size(self, found: dict[str, Any], name: str) -> tuple[int, int] | None:
        value = found.get(name)
        if value is None:
            return None
        sides = value if isinstance(value, list) and len(value) == 2 else ()
        if not sides or not all(type(side) is int and 0 < side <= _MAX_SIDE for side in sides):
            self.refuse(f'{name} is no width and height')
        return sides[0], sides[1]
