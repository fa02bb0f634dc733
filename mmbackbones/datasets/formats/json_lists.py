"""A JSON file per split that lists the objects of many images."""

import os
from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ...errors import UserError
from ...utils.text import short
from ..checks.annotations import NoAnnotationsError
from ..checks.image_sizes import describe_size_mismatch
from ..checks.images import ImageInfo, read_images
from .base import Annotations, DetectionFormat
from .drawn_shapes import Content, describe_skipped, to_objects
from .folder import Folder
from .image_index import ImageIndex
from .json_file import read_json
from .json_kind import JsonKind, find_kinds, json_kind
from .objects import to_annotations
from .split_names import describe_unused, find_splits


class JsonLists(DetectionFormat):
    """A format with a JSON file per split, which names its images; the classes are those that occur in any of them.

    Attributes:
        kind: What :func:`~mmbackbones.datasets.formats.json_kind.json_kind` calls a file of it.
    """

    common_classes = True
    kind: ClassVar[JsonKind]

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        files = [file for file in folder.walk('', {'.json'}) if json_kind(folder / file) == self.kind]
        found = find_splits((file.removesuffix('.json') for file in files), str(self.root))
        self.splits = {split: f'{name}.json' for split, name in found.items()}
        if not self.splits:
            if len(files) > 1:
                raise UserError(
                    f'{self.root} holds several files of {self.name}, {files[0]}, {files[1]} ...: name them after '
                    'their splits, such as train.json and val.json, or keep one'
                )
            self.splits = {'train': files[0]}
        self.notes = describe_unused(set(files).difference(self.splits.values()), self.root)
        self._images = ImageIndex(folder)

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return any(kind == cls.kind for _, kind in find_kinds(folder))

    @abstractmethod
    def parse(self, files: Mapping[Path, Any]) -> list[list[Content]]:
        """Check the content of the files of all splits.

        Args:
            files: File -> what it holds.

        Returns:
            The images that each file lists.

        Raises:
            UserError: One is malformed.
        """

    def check(self, contents: Mapping[str, Content], infos: Mapping[str, ImageInfo], source: Path) -> None:
        """Check what takes the sizes of the images.

        Args:
            contents: Image -> what is said of it.
            infos: Image -> what was found in its file.
            source: The JSON file, for messages.

        Raises:
            UserError: The content is wrong.
        """

    def read(self, split: str) -> Annotations:
        source = self.root / self.splits[split]
        contents = self._find_images(self._contents[split], source)
        if not contents:
            raise NoAnnotationsError(f'{source} lists no images')
        names = sorted(contents)
        infos = read_images(self.root, self.root, names, str(source))
        for name, info in zip(names, infos, strict=True):
            if fault := describe_size_mismatch(contents[name].size, info):
                raise UserError(f'{source}: the image {name} {fault}')
        self.check(contents, dict(zip(names, infos, strict=True)), source)
        objects = [to_objects(contents[name].shapes, info, source) for name, info in zip(names, infos, strict=True)]
        notes = describe_skipped(contents.values(), self.splits[split])
        return to_annotations(self.root, names, infos, objects, self._classes, notes)

    @cached_property
    def _contents(self) -> dict[str, list[Content]]:
        """Split -> the images that it lists."""
        files = {self.root / file: read_json(self.root / file) for file in self.splits.values()}
        return dict(zip(self.splits, self.parse(files), strict=True))

    @cached_property
    def _classes(self) -> list[str]:
        return sorted(
            {shape.name for contents in self._contents.values() for content in contents for shape in content.shapes}
        )

    def _find_images(self, listed: list[Content], source: Path) -> dict[str, Content]:
        """Image -> what is said of it."""
        place = os.path.dirname(source.relative_to(self.root).as_posix())
        contents: dict[str, Content] = {}
        missing = []
        for content in listed:
            images = self._images.find(place, content.image)
            if len(images) > 1:
                raise UserError(
                    f'{source}: the image {short(content.image)} may be {images[0]} or {images[1]}: keep one, or give '
                    'them different names'
                )
            if not images:
                missing.append(content.image)
            elif images[0] in contents:
                raise UserError(f'{source} lists the image {short(content.image)} twice')
            else:
                contents[images[0]] = content
        if missing:
            raise UserError(
                f'{source}: the image {short(missing[0])} is not in {self.root}; {len(missing)} of its {len(listed)} '
                f'images {"is" if len(missing) == 1 else "are"} missing'
            )
        return contents
