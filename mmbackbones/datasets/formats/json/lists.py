"""A JSON file per split that lists the objects of many images."""

import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ....errors import UserError
from ...checks.annotations import NoAnnotationsError
from ...checks.image_sizes import describe_size_mismatch
from ...checks.images import SUFFIXES, ImageInfo, read_images
from ..base import Annotations, DetectionFormat
from ..folder import Folder
from ..image_finder import ImageFinder
from ..json_kind import JsonKind, find_kinds, json_kind
from ..objects import to_annotations
from ..split_names import describe_unused, select_splits
from .drawn_shapes import Content, describe_skipped, to_objects
from .file import read_json


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
        names = {os.path.splitext(file)[0]: file for file in files}
        self.splits = select_splits(names, str(self.root))
        if not self.splits:
            if len(files) > 1:
                raise UserError(
                    f'{self.root} holds several files of {self.name}, {files[0]}, {files[1]} ...: name them after '
                    'their splits, such as train.json and val.json, or keep one'
                )
            self.splits = {'train': files[0]}
        self.notes = describe_unused(set(files).difference(self.splits.values()), self.root)
        self._images = ImageFinder(self.root, folder.walk('', SUFFIXES))

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
        listed = self._contents[split]
        if not listed:
            raise NoAnnotationsError(f'{source} lists no images')
        names, moved = self._images.find_each([content.image for content in listed], str(source), split)
        contents = dict(zip(names, listed, strict=True))
        if len(contents) < len(names):
            twice = next(name for name, number in Counter(names).items() if number > 1)
            raise UserError(f'{source} lists the image {twice} twice')
        infos = read_images(self.root, self.root, names, str(source))
        for name, info in zip(names, infos, strict=True):
            if fault := describe_size_mismatch(contents[name].size, info):
                raise UserError(f'{source}: the image {name} {fault}')
        self.check(contents, dict(zip(names, infos, strict=True)), source)
        objects = [to_objects(contents[name].shapes, info, source) for name, info in zip(names, infos, strict=True)]
        notes = [*moved, *describe_skipped(contents.values(), self.splits[split])]
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
