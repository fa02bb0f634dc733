"""What is said of a path that is no data folder, and of a folder in none of the known formats."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from ...errors import UserError, printable
from ...utils.text import counted
from .base import Format, Task
from .census import (
    ANNOTATIONS,
    ARCHIVE,
    CSV,
    IMAGE,
    LABEL_MAP,
    LABELME,
    OTHER,
    OTHER_JSON,
    TEXT,
    XML,
    YOLO,
    Census,
    Glance,
    holds_images,
    kind_by_name,
    read_head,
    take_census,
)
from .folder import Folder
from .json_kind import MAX_READ
from .no_path import explain_foreign, explain_missing
from .split_names import split_of

MAX_TRIED = 30  # folders below the one that the user named
MAX_NAMED = 3  # files in a message
MAX_FOLDERS = 6
NEAREST = 2  # formats
MORE = 'all formats are in `mmbackbones check-data --help` and docs/data_formats.md'
_FILE_NAMES = {LABELME: rb'"imagePath"', XML: rb'<filename>', 'COCO file': rb'"file_name"'}
_PAGE = 'docs/data_formats.md'
# Suffixes of files that hold pictures, but are not read; what they are, and what to do.
_NO_IMAGES = (
    (
        ('.heic', '.heif', '.dng', '.cr2', '.cr3', '.nef', '.arw', '.orf', '.raf', '.rw2'),
        'photograph',
        'convert them to JPEG without changing their sizes',
    ),
    (
        ('.mp4', '.mov', '.avi', '.mkv', '.m4v', '.webm', '.mpg', '.mpeg'),
        'video',
        'extract the frames to be trained on, and annotate them',
    ),
)

Formats = Sequence[type[Format]]


def explain_no_folder(path: Path, formats: Formats) -> str:
    """Why `path` names no data: it is a file, or there is nothing.

    Args:
        path: An absolute path that is no folder.
        formats: The formats that its folder may be in.
    """
    kind = kind_by_name(path.name)
    if other := explain_foreign(path):
        return other
    if not path.is_file():
        return explain_missing(path)
    if kind == ARCHIVE:
        return f'{path} is an archive: unpack it first, and name the folder that comes out of it'
    if path.suffix.lower() == '.py':
        return f'{path} is a Python file, not a data folder: a config goes before the options, as CONFIG'
    what = {IMAGE: 'an image', OTHER_JSON: 'a JSON file'}.get(kind, 'a file')
    for folder in path.parents[:2]:
        if found := _try(folder, formats):
            return f'{path} is {what}, not a folder: name its folder {folder} ({found.name})'
    return (
        f'{path} is {what}, not a folder: name the folder that holds the images and their annotations, or a YAML file '
        f'that says where they are ({_PAGE})'
    )


def explain_unknown(
    folder: Folder,
    task: Task | None,
    formats: Formats,
    reasons: Callable[[], str | None] = lambda: None,
) -> str:
    """Why a folder is in none of the formats, what it holds, and what to do.

    Args:
        folder: The folder.
        task: What it has to be annotated with; None: anything.
        formats: The formats with such annotations.
        reasons: What keeps the folder from being in a format that it resembles, as the end of a sentence.

    Returns:
        A sentence for the usual mistakes, otherwise a few lines.
    """
    root = folder.root
    census = take_census(root)
    said = (
        _explain_empty(root, census)
        or _explain_lower_level(folder, formats)
        or explain_higher_level(root, formats)
        or ((reason := reasons()) and f'the data folder {root} {reason}')
        or _explain_unreadable(root, census)
        or _explain_images_alone(root, census, task)
        or _explain_annotations_alone(root, census)
    )
    if said:
        return said
    lines = [f'the data folder {root} is in none of the known formats: it holds {census.describe()}{_places(census)}']
    lines += [f'  {line}' for line in _describe_nearest(census, formats)]
    return '\n'.join([*lines, f'{MORE}; a YAML file can say where the files of any other folder are'])


def _explain_empty(root: Path, census: Census) -> str | None:
    if not census.files:
        return f'the data folder {root} {"holds nothing but empty folders" if census.folders else "is empty"}'
    if census.files.keys() == {ARCHIVE}:
        return f'{root} holds nothing but {_some(census.files[ARCHIVE])}: unpack it first'
    if ARCHIVE in census.files and census.files.keys() <= {ARCHIVE, TEXT, OTHER}:
        return f'{root} holds no images, but {_some(census.files[ARCHIVE])}: unpack it first'
    return None


def _explain_lower_level(folder: Folder, formats: Formats) -> str | None:
    """The folder below that is in a format."""
    root = folder.root
    unknown = f'the data folder {root} is in none of the known formats, but'
    for level in (folder.folders(), [name for child in folder.folders()[:MAX_TRIED] for name in folder.folders(child)]):
        tried = {name: _try(root / name, formats) for name in level[:MAX_TRIED]}
        found = [f'{printable(name)}/ is ({item.name})' for name, item in tried.items() if item]
        if len(found) == 1:
            below = root / next(name for name, item in tried.items() if item)
            return f'{unknown} {found[0]}: did you mean {below}?'
        if found:
            listed = ', '.join([*found[:MAX_NAMED], '...'] if len(found) > MAX_NAMED else found)
            return f'{unknown} {len(found)} folders in it are: {listed.replace(" is (", " (")}; name one of them'
    return None


def explain_higher_level(root: Path, formats: Formats) -> str | None:
    """The folder above that is in a format, if `root` has the name of a part of it."""
    for parent in root.parents[:2]:
        name = root.relative_to(parent).parts[0]
        if above := _try(parent, [item for item in formats if _is_part(name, item)]):
            return f'{root} is a part of a data folder ({above.name}): did you mean {parent}?'
    return None


def _try(path: Path, formats: Formats) -> type[Format] | None:
    """The format of a folder that the user did not name; None without images, since files alone are no data set."""
    if not formats or not holds_images(path):
        return None
    folder = Glance(path)
    with suppress(UserError, OSError):
        found = next((item for item in formats if item.match(folder)), None)
        if found and found(folder).splits:
            return found
    return None


def _is_part(name: str, fmt: type[Format]) -> bool:
    """Whether a folder has a name that the format gives a folder."""
    firsts = {sign.split('/')[0].lower() for sign in fmt.signs if '/' in sign}
    return bool(split_of(name)) or any(fnmatchcase(name.lower(), first) for first in firsts if first.strip('*'))


def _explain_unreadable(root: Path, census: Census) -> str | None:
    """Files that hold pictures, but are not read as images."""
    if IMAGE in census.files:
        return None
    suffixes = Counter(Path(name).suffix.lower() for name in census.files.get(OTHER, ()))
    for known, what, advice in _NO_IMAGES:
        if found := [suffix for suffix in suffixes if suffix in known]:
            number = counted(sum(suffixes[suffix] for suffix in found), what)
            return f'{root} holds {number} ({", ".join(found)}), but no image that can be read: {advice}'
    return None


def _explain_images_alone(root: Path, census: Census, task: Task | None) -> str | None:
    if IMAGE not in census.files or census.files.keys() - {IMAGE, TEXT, OTHER}:
        return None
    folders = {os.path.dirname(name) for name in census.files[IMAGE]}
    classes = len(folders) > 1 and not any(split_of(folder.rpartition('/')[2]) for folder in folders)
    remark = ' (folders named after classes are for image classification)' * classes
    return (
        f'{root} holds {_images_in(census)}, but no {task or "annotations"}{remark}: annotate them with a labeling '
        'tool, such as CVAT, Label Studio or labelme, and name the folder that it exports'
    )


def _images_in(census: Census) -> str:
    return Census({IMAGE: census.files[IMAGE]}, [], census.complete).describe()


def _explain_annotations_alone(root: Path, census: Census) -> str | None:
    given = {kind: census.files[kind] for kind in ANNOTATIONS if kind in census.files}
    if IMAGE in census.files or not given or not census.complete:
        return None
    kind, files = next((item for item in given.items() if item[0] != CSV), next(iter(given.items())))
    needed = list(islice(dict.fromkeys(_images_of(root, kind, files)), MAX_NAMED))
    named = f', such as {", ".join(map(printable, needed))}' if needed else ''
    held = Census(given, [], True).describe()
    return f'{root} holds {held}, but no images: put the images of these annotations there{named}'


def _images_of(root: Path, kind: str, files: Iterable[str]) -> Iterator[str]:
    """Names of images that annotation files speak of."""
    for file in islice(files, MAX_NAMED):
        if kind in (YOLO, LABEL_MAP):
            yield f'{Path(file).stem}.jpg'
        elif kind in _FILE_NAMES:
            head = read_head(root / file, MAX_READ)
            pattern = rb'([^<]*)</' if kind == XML else rb'\s*:\s*("(?:[^"\\]|\\.)*")'
            for match in re.finditer(_FILE_NAMES[kind] + pattern, head):
                text = match[1].decode(errors='replace')
                with suppress(ValueError):
                    yield text if kind == XML else str(json.loads(text))


def _places(census: Census) -> str:
    """Some folders of the first two levels, without those that hold another."""
    upper = [name for name in census.folders if name.count('/') < 2]
    parents = {os.path.dirname(name) for name in upper}
    shown = [f'{printable(name)}/' for name in upper if name not in parents]
    more = ', ...' if len(shown) > MAX_FOLDERS else ''
    return f', in {", ".join(shown[:MAX_FOLDERS])}{more}' if shown else ''


def _describe_nearest(census: Census, formats: Formats) -> list[str]:
    """The formats that the folder has most of, and what it lacks of each."""
    ranked = []
    for number, fmt in enumerate(formats):
        has = [sign for sign in fmt.signs if census.has(sign)]
        if has:
            ranked.append((-sum(map(_weight, has)) / max(sum(map(_weight, fmt.signs)), 1), -len(has), number, fmt, has))
    lines = []
    for *_, fmt, has in sorted(ranked, key=lambda item: item[:3])[:NEAREST]:
        lacking = [f'{sign.replace("**/", "")} ({words})' for sign, words in fmt.signs.items() if sign not in has]
        lines.append(
            f'{fmt.name}: has {", ".join(has)}; '.replace('**/', '')
            + (f'lacks {", ".join(lacking)}' if lacking else f'but needs {fmt.expects.replace("`", "")}')
        )
    return [f'nearest: {lines[0]}', *(f'then: {line}' for line in lines[1:])] if lines else []


def _weight(sign: str) -> float:
    """How much a pattern tells of a format: little if it has no name of a file or a folder of its own."""
    return 1 if len(re.sub(r'\.\w+$|[^a-z]|images', '', sign.lower())) >= 3 else 0.3


def _some(names: Sequence[str]) -> str:
    shown = ', '.join(map(printable, names[:MAX_NAMED]))
    return f'{shown} and {len(names) - MAX_NAMED} more' if len(names) > MAX_NAMED else shown
