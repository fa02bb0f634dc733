"""A JSON file per image, beside it or in another folder, as labelme and its relatives write them."""

import os
from abc import abstractmethod
from collections import Counter, defaultdict
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ...errors import UserError
from ...utils.files import read_text
from ...utils.text import short
from ..checks.annotations import NoAnnotationsError
from ..checks.image_sizes import describe_size_mismatch
from ..checks.images import read_images
from .base import Annotations, DetectionFormat
from .folder import Folder
from .image_index import ImageIndex, split_of_place, stem_of
from .json_file import read_json
from .json_kind import JsonKind, find_kinds
from .objects import Object, to_annotations
from .shapes import Content, to_objects
from .split_names import NAMES, describe_unused

LABEL_FILES = ('labels.txt', 'classes.txt')
NO_CLASSES = {'__ignore__', '_background_', '__background__'}  # of labelme and ISAT, in lists of classes


class JsonPerImage(DetectionFormat):
    """A format with a JSON file per image, whose splits are folders; the classes are those that occur in any of them.

    Attributes:
        kind: What :func:`~mmbackbones.datasets.formats.json_kind.json_kind` calls a file of it.
    """

    common_classes = True
    kind: ClassVar[JsonKind]

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self._images = ImageIndex(folder)
        listed: dict[str | None, list[str]] = defaultdict(list)
        for file in folder.walk('', {'.json'}):
            listed[self._split_of(file)].append(file)
        self._files = {split: listed[split] for split in NAMES if split in listed} or {'train': listed[None]}
        self.splits = {split: _describe_files(files) for split, files in self._files.items()}
        if None in listed and 'train' not in self._files:
            self._files['train'], self.splits['train'] = listed[None], _describe_files(listed[None])
        elif None in listed and self._files['train'] is not listed[None]:
            self.notes = describe_unused(listed[None], self.root)

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
        contents, source = self._contents[split], str(self.root / self.splits[split])
        if not contents:
            raise NoAnnotationsError(f'{source}: no file is one of {self.name} with an image')
        files = self._find_images(contents)
        backgrounds, notes = self._find_backgrounds(files, source)
        names = sorted([*files, *backgrounds])
        infos = read_images(self.root, self.root, names, source)
        objects: list[list[Object]] = []
        skipped: Counter[str] = Counter()
        for name, info in zip(names, infos, strict=True):
            if name not in files:
                objects.append([])
                continue
            file, content = files[name], contents[files[name]]
            if fault := describe_size_mismatch(content.size, info):
                raise UserError(f'{self.root / file}: the image {name} {fault}')
            objects.append(to_objects(content.shapes, info, self.root / file))
            skipped += content.skipped
        if skipped:
            kinds = ', '.join(f'{number} {kind}' for kind, number in sorted(skipped.items()))
            notes.append(f'{source}: shapes that are no objects and are left out: {kinds}')
        if joined := sum(len(content.shapes) for content in contents.values()) - sum(map(len, objects)):
            notes.append(
                f'{source}: shapes joined with another one of the same label and group to one object: {joined}'
            )
        return to_annotations(self.root, names, infos, objects, self._classes, notes)

    def _split_of(self, file: str) -> str | None:
        """The split that a JSON file is in by its folder, or by that of its image."""
        place = os.path.dirname(file)
        found = split_of_place(place)
        if found or not (images := self._images.find(place, '', stem_of(file))):
            return found
        return split_of_place(os.path.dirname(images[0]))

    @cached_property
    def _contents(self) -> dict[str, dict[str, Content]]:
        """Split -> file -> its content."""
        contents: dict[str, dict[str, Content]] = {}
        for split, files in self._files.items():
            contents[split] = {}
            for file in files:
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

    def _find_images(self, contents: dict[str, Content]) -> dict[str, str]:
        """Image -> its JSON file."""
        found: dict[str, str] = {}
        for file, content in contents.items():
            images = self._images.find(os.path.dirname(file), content.image, stem_of(file))
            if not images:
                raise UserError(_describe_missing_image(self.root / file, content))
            if len(images) > 1:
                raise UserError(
                    f'{self.root / file} may belong to {images[0]} or to {images[1]}: keep one, or give them '
                    'different names'
                )
            if images[0] in found:
                raise UserError(
                    f'{self.root / images[0]} has two annotation files, {found[images[0]]} and {file}: keep one'
                )
            found[images[0]] = file
        return found

    def _find_backgrounds(self, files: dict[str, str], source: str) -> tuple[list[str], list[str]]:
        """The images without a JSON file that lie beside those with one, as far as they are used; notes on them."""
        places = {os.path.dirname(image) for image in files}
        stems = {os.path.splitext(image)[0] for image in files}  # a.png beside a.jpg may be a mask
        others = [
            image
            for image in self._images.files
            if os.path.dirname(image) in places and os.path.splitext(image)[0] not in stems
        ]
        if not others:
            return [], []
        count = f'{len(others)} of {len(files) + len(others)} images have no JSON file, such as {others[0]}'
        if len(others) > len(files):
            return [], [f'{source}: {count}: they are left out, because most images are not annotated yet']
        return others, [f'{source}: {count}: they are read as images without objects']


def _describe_files(files: list[str]) -> str:
    """What messages call JSON files: ``labels/train/*.json``."""
    places = {os.path.dirname(file) for file in files}
    common = os.path.commonpath(places) if places else ''
    return os.path.join(common, '*.json' if len(places) < 2 else '**/*.json')


def _describe_missing_image(file: Path, content: Content) -> str:
    stem = file.stem
    if content.embedded:
        return (
            f'{file}: there is no image {stem}.* beside it; the image is only inside the file, as "imageData": '
            f'"labelme_export_json {file.name}" writes it to img.png, which has to become {stem}.png beside {file.name}'
        )
    named = f' nor {short(content.image)}, which it names' if content.image else ''
    return f'{file} has no image: there is no {stem}.jpg (or .png, ...) beside it{named}; add it, or delete the file'
