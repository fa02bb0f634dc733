"""A JSON file per image, beside it or in another folder, as labelme and its relatives write them."""

import os
import re
from abc import abstractmethod
from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ....errors import UserError
from ....utils.files import read_text
from ....utils.progress import track
from ....utils.text import short
from ...checks.annotations import NoAnnotationsError
from ...checks.image_sizes import describe_size_mismatch
from ...checks.images import read_images
from ..base import Annotations, DetectionFormat
from ..folder import Folder
from ..json_kind import JsonKind, find_kinds
from ..objects import Object, to_annotations
from ..path_ends import stem_of
from ..split_folders import divide_by_folder
from ..split_names import describe_unused, split_of_place
from .drawn_shapes import Content, describe_skipped, to_objects
from .file import read_json
from .image_index import ImageIndex

LABEL_FILES = ('labels.txt', 'classes.txt')
NO_CLASSES = {'__ignore__', '_background_', '__background__'}  # of labelme and ISAT, in lists of classes
# A command that writes the images of JSON files that nothing else of the same name is beside.
_EXTRACT = (
    'python -c "import base64, json, pathlib; '
    "[f.with_suffix('.png').write_bytes(base64.b64decode(json.loads(f.read_bytes())['imageData'])) "
    "for f in pathlib.Path({}).glob('*.json') if len([*f.parent.glob(f.stem + '.*')]) == 1]\""
)


class JsonPerImage(DetectionFormat):
    """A format with a JSON file per image, whose splits are folders; the classes are those that occur in any of them.

    Attributes:
        kind: What :func:`~mmbackbones.datasets.formats.json_kind.json_kind` calls a file of it.
    """

    common_classes = True
    file_per_image = True
    kind: ClassVar[JsonKind]

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self._images = ImageIndex(folder)
        located: dict[str, list[str]] = defaultdict(list)
        for file in folder.walk('', {'.json'}):
            located[self._locate(file)].append(file)
        divided, rest = divide_by_folder(located, self.root)
        self._files = {
            split: [file for place in places for file in located[place]] for split, places in divided.items()
        }
        self.splits = {split: _describe_files(files) for split, files in self._files.items()}
        self.notes = describe_unused((file for place in rest for file in located[place]), self.root)

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return any(kind == cls.kind for _, kind in find_kinds(folder))

    @staticmethod
    @abstractmethod
    def parse(data: dict[str, Any], where: Path) -> Content | None:
        """Check the content of a file; None if it is no file of this format.

        Args:
            data: The content.
            where: The file, for messages.

        Raises:
            UserError: It is malformed.
        """

    def read(self, split: str) -> Annotations:
        contents, source = self._contents[split], self.splits[split]
        if not contents:
            raise NoAnnotationsError(f'{self.root / source}: no JSON file is one of {self.name}')
        files = self._pairs[split]
        backgrounds = self._find_backgrounds(split)
        names = sorted([*files, *backgrounds])
        infos = read_images(self.root, self.root, names, str(self.root / source))
        objects: list[list[Object]] = []
        for name, info in zip(names, infos, strict=True):
            content = contents[files[name]] if name in files else Content(name, info.size, [])
            if fault := describe_size_mismatch(content.size, info):
                raise UserError(f'{self.root / files[name]}: the image {name} {fault}')
            objects.append(to_objects(content.shapes, info, self.root / files.get(name, name)))
        notes = describe_skipped(contents.values(), source)
        if joined := sum(len(content.shapes) for content in contents.values()) - sum(map(len, objects)):
            notes.append(
                f'{source}: shapes joined with another one of the same label and group to one object: {joined}'
            )
        if backgrounds:
            notes.append(
                f'{source}: images without a JSON file, which are taken for images without objects, such as '
                f'{backgrounds[0]}: {len(backgrounds)}'
            )
        notes += _describe_numbered(self._classes)
        return to_annotations(self.root, names, infos, objects, self._classes, notes)

    def _locate(self, file: str) -> str:
        """The path that tells the split of a JSON file: its own, or else that of its image."""
        place = os.path.dirname(file)
        images = [] if split_of_place(place) else self._images.find(place, '', stem_of(file))
        return images[0] if images else file

    @cached_property
    def _contents(self) -> dict[str, dict[str, Content]]:
        """Split -> file -> its content."""
        contents: dict[str, dict[str, Content]] = {}
        for split, files in self._files.items():
            contents[split] = {}
            for file in track(files, len(files), 'Reading JSON files'):
                data = read_json(self.root / file)
                content = self.parse(data, self.root / file) if isinstance(data, dict) else None
                if content is not None:
                    contents[split][file] = content
                elif self._images.find(os.path.dirname(file), '', stem_of(file)):
                    raise UserError(
                        f'{self.root / file} is not a file of {self.name}, although it is called as an image is: move '
                        'it away'
                    )
        return contents

    @cached_property
    def _classes(self) -> list[str]:
        found: dict[str, str] = {}  # name -> a file with it
        for contents in self._contents.values():
            for file, content in contents.items():
                for shape in content.shapes:
                    found.setdefault(shape.name, file)
        listed = self._read_label_file()
        if listed is None:
            return sorted(found)
        label_file, names = listed
        if unknown := sorted(found.keys() - names):
            raise UserError(
                f'{self.root / found[unknown[0]]} has the label {short(unknown[0])}, which {label_file} does not list: '
                'correct one of them, or delete the list'
            )
        return names

    def _read_label_file(self) -> tuple[str, list[str]] | None:
        """The list of classes, in the folder or beside the JSON files, if there is one."""
        places = dict.fromkeys(['', *(os.path.dirname(file) for files in self._files.values() for file in files)])
        for name in (os.path.join(place, name) for place in places for name in LABEL_FILES):
            if self.folder.has_file(name):
                lines = dict.fromkeys(line.strip() for line in read_text(self.root / name).splitlines())
                return name, [line for line in lines if line and line not in NO_CLASSES]
        return None

    @cached_property
    def _pairs(self) -> dict[str, dict[str, str]]:
        """Split -> image -> its JSON file."""
        pairs: dict[str, dict[str, str]] = {}
        for split, contents in self._contents.items():
            found = pairs[split] = {}
            missing = []
            for file, content in contents.items():
                images = self._images.find(os.path.dirname(file), content.image, stem_of(file))
                if len(images) > 1:
                    raise UserError(
                        f'{self.root / file} may belong to {images[0]} or to {images[1]}: keep one, or give them '
                        'different names'
                    )
                if not images:
                    missing.append(file)
                    continue
                if other := next((items[images[0]] for items in pairs.values() if images[0] in items), None):
                    raise UserError(f'{self.root / images[0]} has two JSON files, {other} and {file}: keep one')
                found[images[0]] = file
            if missing:
                file = missing[0]
                raise UserError(_describe_missing(self.root / file, contents[file], len(missing), len(contents)))
        return pairs

    def _find_backgrounds(self, split: str) -> list[str]:
        """The images without a JSON file that lie beside those of the split, and of no other."""
        places = {name: {os.path.dirname(image) for image in files} for name, files in self._pairs.items()}
        own = places.pop(split).difference(*places.values())
        # Beside a.jpg, a.png may be its mask.
        stems = {os.path.splitext(image)[0] for image in self._pairs[split]}
        others = [image for image in self._images.files if os.path.dirname(image) in own]
        others = [image for image in others if os.path.splitext(image)[0] not in stems]
        total = len(self._pairs[split]) + len(others)
        if 2 * len(others) > total:
            raise UserError(
                f'{self.root / self.splits[split]}: {len(others)} of the {total} images beside these files have none, '
                f'such as {others[0]}: annotate them, or move them to another folder'
            )
        return others


def _describe_numbered(classes: list[str]) -> list[str]:
    """A note on labels that seem to number objects, as they had to before labelme knew groups."""
    numbered = defaultdict(list)
    for name in classes:
        numbered[re.sub(r'-\d+$', '-', name)].append(name)
    several = [names for name, names in numbered.items() if name.endswith('-') and len(names) > 1]
    if not several:
        return []
    first, second, *_ = several[0]
    return [f'{short(first)} and {short(second)} are two classes: rename them if they are two objects of one class']


def _describe_files(files: list[str]) -> str:
    """What messages call JSON files: ``labels/train/*.json``."""
    places = {os.path.dirname(file) for file in files}
    common = os.path.commonpath(places) if places else ''
    return os.path.join(common, '*.json' if len(places) < 2 else '**/*.json')


def _describe_missing(file: Path, content: Content, number: int, total: int) -> str:
    count = f'{number} of {total} JSON files {"has" if number == 1 else "have"} no image'
    if content.embedded:
        return (
            f'{file}: the image is only inside of the file, as "imageData"; {count}: extract the images with\n'
            f'  {_EXTRACT.format(repr(str(file.parent)))}'
        )
    named = f', nor {short(content.image)}, which it names' if content.image else ''
    return f'{file}: there is no image {file.stem}.* beside it{named}; {count}: add the image, or delete the file'
