"""What all formats have in common that hold a text file of objects per image, as YOLO and darknet read them."""

import posixpath
from collections.abc import Iterable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ....errors import UserError
from ....utils.files import list_files, read_text
from ....utils.text import counted
from ...checks.annotations import NoAnnotationsError
from ...checks.images import SUFFIXES, read_images
from ..base import Annotations, DetectionFormat
from ..folder import Folder
from ..split_names import NAMES
from .label_files import LabelFiles
from .places import read_list
from .rows import CORNERS_OF_A_BOX, may_be_corners, read_rows, refuse_corners, to_coco

README = 'README.roboflow.txt'
_ORIENTED_BOXES = (
    'objects with four corners are oriented boxes (OBB), each read as the upright box around it, without a mask; if '
    'they outline masks, write "task: segment" in a data.yaml'
)
_MAX_COMPARED = 1000  # names
_ORIENTED = 'Oriented Object Detection'  # how Roboflow's README calls the format


class TextFilePerImage(DetectionFormat):
    """Images of splits, the names of the classes, and a label file for each image with objects.

    A subclass sets `categories` and, by :meth:`add_split`, the images.

    Attributes:
        home: Folder that no image may leave.
        file: What names the classes and the splits, for messages.
        categories: Classes in COCO's form; ids are the indices in label files.
        images: Images of each split, relative to `home`.
        places: The folders and lists that were named for each split.
        keypoints: Number of values behind each box, of a data set of poses.
        outlines: Whether four corners are a mask's outline (True) or an oriented box (False); None: as the data tells.
    """

    common_classes = True
    file_per_image = True

    def __init__(self, folder: Folder, file: Path, home: Path | None = None) -> None:
        super().__init__(folder)
        self.home = home or self.root
        self.file = file
        self.categories: list[dict[str, Any]] = []
        self.images: dict[str, list[str]] = {}
        self.places: dict[str, list[Path]] = {}
        self.keypoints = 0
        self.outlines: bool | None = False if self._is_oriented_export() else None
        self._label_files = LabelFiles(self.home)

    def add_split(self, split: str, places: Sequence[Path], folders: Sequence[Path] = ()) -> None:
        """Add the images in folders or of `.txt` lists.

        Args:
            split: Name of the split.
            places: The folders and lists.
            folders: Folders that the lines of lists may be relative to, beside their own.

        Raises:
            UserError: A list is unreadable, or an image of it is missing.
        """
        names = set[str]()
        for place in places:
            if place.is_dir():
                below, closed = place.relative_to(self.home).as_posix(), list[str]()
                names.update(posixpath.normpath(f'{below}/{name}') for name in self._list(place, closed))
                if closed:
                    raise UserError(f'{closed[0]} cannot be listed: permission denied')
            else:
                bases = [place.parent, *folders, self.root]
                names.update(read_list(place, self.home, bases, self._list_images, self.notes))
        self.images[split] = sorted(names)
        self.places[split] = list(places)

    def _list(self, place: Path, closed: list[str]) -> list[str]:
        """The images in a folder; what the user did not name is listed in part, see `Folder`."""
        if not place.is_relative_to(self.root):
            return list_files(place, SUFFIXES, closed)
        below = place.relative_to(self.root).as_posix().removeprefix('.')
        found = self.folder.walk(below, SUFFIXES)
        closed += [folder for folder in self.folder.closed if Path(folder).is_relative_to(place)]
        return [name.removeprefix(f'{below}/') for name in found] if below else found

    def finish_splits(self) -> None:
        """Set `splits`, after all images have been added."""
        if 'train' in self.images and self.images.get('val') == self.images['train']:
            del self.images['val']
            self.notes.append(f'{self.file.name}: val names the same images as train, which makes no validation split')
        self.splits = {split: f'{self.file.name} ({split})' for split in NAMES if split in self.images}

    def read(self, split: str) -> Annotations:
        names, source = self.images[split], str(self.root / self.splits[split])
        base = self._image_dir
        files = [posixpath.relpath(name, base) for name in names] if base else names
        found = read_images(self.home, self.home / base, files, source)
        ids = {category['id'] for category in self.categories}
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        corners: list[list[float]] | None = []  # the boxes, as long as all of them may be two corners
        tracks = False
        self._check_spare_labels()
        for number, (name, file, info) in enumerate(zip(names, files, found, strict=True), 1):
            images.append({'id': number, 'file_name': file, 'width': info.width, 'height': info.height})
            label_name = self._labels[name]
            if label_name is None:
                continue
            label_file = self.home / label_name
            for row in read_rows(label_file, self.keypoints):
                if row.label not in ids:
                    raise UserError(
                        f'{label_file}, line {row.line}: class {row.label:g} is not among the '
                        f'{counted(len(ids), "name")} of {self.file.name}, which are counted from 0'
                    )
                tracks |= row.track
                if corners is not None and len(row.values) == 4:
                    if may_be_corners(row.values):
                        corners.append(row.values)
                    else:
                        corners = None
                annotation = {'id': len(annotations) + 1, 'image_id': number, 'category_id': int(row.label)}
                shape = to_coco(row.values, info.width, info.height, mask=not self._oriented)
                annotations.append(annotation | {'iscrowd': 0} | shape)
        if names and not annotations:
            places = ' or '.join(map(self._show, self._places(names[0])))
            raise NoAnnotationsError(
                f'{source} has no annotations: no image has a label file with objects ({self._show(names[0])} would '
                f'have {places})'
            )
        refuse_corners(corners or [], source)
        data = {'images': images, 'annotations': annotations, 'categories': self.categories}
        boundary = self.home / base if self.home != self.root else None
        return Annotations(
            data,
            self.home / base,
            images=found,
            notes=(*self._describe_labels(tracks),),
            boundary=boundary,
            no_masks=_ORIENTED_BOXES if self._oriented else None,
        )

    @property
    def _image_dir(self) -> str:
        """Folder that file names are relative to, relative to `home`: outside of the data folder what all have."""
        folders = {posixpath.dirname(name) for names in self.images.values() for name in names}
        return posixpath.commonpath(folders) if folders and self.home != self.root else ''

    def _is_oriented_export(self) -> bool:
        with suppress(UserError):
            return _ORIENTED in read_text(self.root / README)
        return False

    def _list_images(self) -> list[str]:
        """The images in the data folder, among which those of a list may be that was written elsewhere."""
        below = self.root.relative_to(self.home).as_posix()
        return [posixpath.normpath(f'{below}/{name}') for name in self.folder.walk('', SUFFIXES)]

    @cached_property
    def _labels(self) -> dict[str, str | None]:
        """The label file of each image of all splits, or None.

        Raises:
            UserError: Several images have the same one.
        """
        found = {name: self._label_files.find(name) for names in self.images.values() for name in names}
        users: dict[str, str] = {}
        for name, file in found.items():
            other = users.setdefault(file, name) if file else name
            if other != name:
                raise UserError(
                    f'{self.file}: {self._show(other)} and {self._show(name)} have the same label file, '
                    f'{self._show(file or "")}: rename one of the images'
                )
        return found

    @cached_property
    def _oriented(self) -> bool:
        """Whether corners are those of oriented boxes, not of masks: told, or all objects of all splits have four."""
        if self.outlines is not None:
            return not self.outlines
        files = [file for file in self._labels.values() if file]
        rows = (row for file in files for row in read_rows(self.home / file, self.keypoints))
        return bool(files) and all(len(row.values) == CORNERS_OF_A_BOX for row in rows)

    @cached_property
    def _spare_labels(self) -> list[str]:
        return self._label_files.find_spare(filter(None, self._labels.values()), map(posixpath.dirname, self._labels))

    def _check_spare_labels(self) -> None:
        """Raise UserError if names of images and label files do not fit, which leaves both without the other."""
        bare = [name for name, file in self._labels.items() if file is None]
        spare = self._spare_labels
        if not bare or not spare:
            return
        images = {loose_name(name): name for name in bare}
        fitting = [(file, images[key]) for file in spare if (key := loose_name(file)) in images]
        if not fitting and 2 * len(bare) > len(self._labels) and 2 * len(spare) >= len(bare):
            file = get_close_matches(bare[0], spare[:_MAX_COMPARED], 1, cutoff=0)[0]
            fitting = [(file, bare[0])]
        if fitting:
            file, image = map(self._show, fitting[0])
            raise UserError(
                f'{self.file}: {len(bare)} of its {counted(len(self._labels), "image")} have no label file, while '
                f'{counted(len(spare), "label file")} have no image, such as {file}, which seems to belong to {image}: '
                f'give it the same name, in the place of its image ({self._show(self._places(fitting[0][1])[0])})'
            )

    def _show(self, name: str) -> str:
        """A name for messages: where it is relative to the data folder, it is clear as it is."""
        return name if self.home == self.root else str(self.home / name)

    def _places(self, image: str) -> list[str]:
        """Where the label file of an image may be."""
        folder, name = posixpath.split(image)
        label = f'{posixpath.splitext(name)[0]}.txt'
        return [posixpath.join(place, label) for place in self._label_files.places(folder)]

    def _describe_labels(self, tracks: bool) -> Iterable[str]:
        if self._spare_labels:
            yield f'labels without an image, such as {self._show(self._spare_labels[0])}: {len(self._spare_labels)}'
        if tracks:
            yield f'{self.file.name}: a whole number behind a box is the number of its track, which is not used'
        if self._oriented:
            yield f'{self.file.name}: {_ORIENTED_BOXES}'


def loose_name(path: str) -> str:
    """The stem of an image or label file, without what tools do to names."""
    stem = posixpath.splitext(posixpath.basename(path))[0]
    name, suffix = posixpath.splitext(stem)
    return unquote(name if suffix.lower() in SUFFIXES else stem).lower()
