"""The results of a test, read from its folder into arrays."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...utils.files import read_bytes
from ...utils.text import short
from ..result_files import GROUND_TRUTH, PREDICTIONS
from .columns import Columns, Objects, Places

TASKS = ('bbox', 'segm', 'semantic')
METRICS = 'metrics.json'
_DAMAGED = (ValueError, TypeError, KeyError, OverflowError, RecursionError)


@dataclass(frozen=True)
class TestedImage:
    """An image of a test.

    Attributes:
        id: Its number in the files.
        name: Its path in the data.
        path: Where it was when it was tested; None if that is not known.
        width, height: In pixels.
    """

    id: int
    name: str
    path: Path | None
    width: int
    height: int


@dataclass(frozen=True)
class Results:
    """What a test has left.

    Attributes:
        folder: The folder.
        task: ``bbox`` and ``segm`` of detectors that were tested for boxes and for masks, ``semantic`` of segmentors.
        classes: Names of the classes.
        category_ids: The number of each class in the data.
        images: All images.
        truths: The ground truth; of a segmentor, all pixels of a class in an image are an object.
        found: What was predicted.
        metrics: Content of ``metrics.json``.
        info: What was tested: ``checkpoint``, ``sha256``, ``date``, ``versions``, ``image_folders``, as far as known.
    """

    folder: Path
    task: str
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: tuple[TestedImage, ...]
    truths: Objects
    found: Objects
    metrics: dict[str, Any]
    info: dict[str, Any]


def read_results(folder: str | os.PathLike[str]) -> Results:
    """Read ``metrics.json``, ``ground_truth.json`` and ``predictions.json``.

    Args:
        folder: What a test has written to.

    Raises:
        UserError: A file is missing or damaged, or the files are not of one test.
    """
    folder = Path(folder)
    metrics = _read(folder / METRICS)
    truth = Columns()
    content = _read(folder / GROUND_TRUTH, truth)
    try:
        info = _mapping(content['info'])
        classes, category_ids = _classes(content)
        images = tuple(_image(entry) for entry in _sequence(content['images']))
        if info.get('task') not in TASKS:
            raise ValueError(f'its task is {short(info.get("task"))}, not one of {", ".join(TASKS)}')
        places = Places(images, category_ids, masks=info['task'] != 'bbox')
        truths = truth.objects(places, scored=False)
    except _DAMAGED as error:
        raise _damaged(folder / GROUND_TRUTH, error) from error
    other = info.get('predictions')
    file = Path(other) if isinstance(other, str) else folder / PREDICTIONS
    predicted = Columns()
    content = _read(file, predicted)
    try:
        if _classes(content) != (classes, category_ids):
            raise ValueError(f'its categories are not those of {GROUND_TRUTH}')
        found = predicted.objects(places, scored=info['task'] != 'semantic')
    except _DAMAGED as error:
        raise _damaged(file, error) from error
    return Results(folder, info['task'], classes, category_ids, images, truths, found, metrics, info)


def _read(path: Path, columns: Columns | None = None) -> dict[str, Any]:
    """The content of a file, whose annotations go into `columns` one by one: as objects they would take gigabytes."""
    try:
        content = json.loads(
            read_bytes(path).decode('utf-8'),
            object_hook=None if columns is None else columns.take,
            parse_constant=_refuse_constant,
        )
        if columns is not None:
            _sequence(_mapping(content)['annotations'])
        return _mapping(content)
    except FileNotFoundError as error:
        raise UserError(
            f'{path} does not exist: a folder of results is what `mmbackbones test CHECKPOINT` writes, with '
            f'{METRICS}, {PREDICTIONS} and {GROUND_TRUTH}'
        ) from error
    except OSError as error:
        raise UserError(f'{path} cannot be read: {error.strerror or error}') from error
    except _DAMAGED as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    why = f'it lacks {error}' if isinstance(error, KeyError) else str(error) or type(error).__name__
    return UserError(f'{path} is not as a test writes it ({why}): run `mmbackbones test` again')


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name} is no number')


def _classes(content: dict[str, Any]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    categories = [_mapping(item) for item in _sequence(content['categories'])]
    return tuple(str(item['name']) for item in categories), tuple(_integer(item['id']) for item in categories)


def _image(entry: Any) -> TestedImage:
    path = _mapping(entry).get('path') or None
    width, height = _integer(entry['width']), _integer(entry['height'])
    if min(width, height) < 1:
        raise ValueError(f'an image has {width} x {height} pixels')
    place = Path(path) if isinstance(path, str) else None
    return TestedImage(_integer(entry['id']), str(entry['file_name']), place, width, height)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f'{short(value)} is not an object with names')
    return value


def _sequence(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f'{short(value)} is no list')
    return value


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f'{short(value)} is no whole number')
    return value
