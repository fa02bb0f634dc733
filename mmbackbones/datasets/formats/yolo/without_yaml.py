"""YOLO folders without a YAML file: class names in `classes.txt`, and splits as their folders or lists are called."""

import os
from contextlib import suppress
from pathlib import Path, PurePosixPath

from ....errors import UserError
from ....utils.files import read_text
from ....utils.text import counted
from ....utils.yaml_file import read_yaml
from ...checks.images import SUFFIXES
from ..folder import Folder
from ..split_names import select_splits, split_in
from .base import TextFilePerImage, loose_name
from .class_files import find_class_files, read_class_files
from .darknet import Darknet
from .data_yaml import Yolo, is_data_yaml
from .label_files import LabelFiles
from .rows import looks_like_labels, read_rows

_MAX_READ = 1000  # text files that tell whether they are label files, and which classes occur, evenly spread


class YoloWithoutYaml(TextFilePerImage):
    """A file of class names, and label files in `labels/` or beside the images, as labelImg and Label Studio write."""

    name = 'YOLO without data.yaml'
    tools = {'Label Studio': 'YOLO with Images', 'labelImg': 'YOLO'}
    expects = '`classes.txt` or `obj.names`; images and `*.txt` in `images/` and `labels/`, or side by side'

    tree = """
classes.txt  # line n names class n-1
images/
  *.jpg  # or train/ and val/
labels/
  *.txt  # or train/ and val/
"""
    signs = {'**/classes.txt': 'class names', 'images/': 'images', '**/*.txt': 'a text file per image'}

    def __init__(self, folder: Folder) -> None:
        names = find_class_files(folder)
        super().__init__(folder, folder / names[0])
        self.categories = read_class_files(folder, names)
        for split, places in _find_split_places(folder).items():
            self.add_split(split, places)
        self.finish_splits()
        # Splits are called by their place, because no file names them.
        self.splits = {split: ', '.join(self._name_of(place) for place in self.places[split]) for split in self.splits}
        self.notes += self._describe_others()

    @classmethod
    def match(cls, folder: Folder) -> bool:
        if not find_class_files(folder) or Darknet.match(folder) or Yolo.match(folder):
            return False
        return _has_labels(folder)

    @classmethod
    def explain_mismatch(cls, folder: Folder) -> str | None:
        texts = folder.walk('', {'.txt'})
        files = [name for name in texts[:: len(texts) // _MAX_READ + 1] if looks_like_labels(folder / name)]
        if not files:
            return None
        if not folder.walk('', SUFFIXES):
            return (
                f'has label files of YOLO, such as {files[0]}, but no images: put them beside the label files or into '
                'images/, or export again with images (CVAT: "Save images", Label Studio: "YOLO with Images")'
            )
        for name in folder.walk('', {'.yaml', '.yml'}):
            with suppress(UserError):
                if is_data_yaml(read_yaml(folder / name)):
                    return f'has label files of YOLO, which {name} describes: use --data {folder / name}'
        if not _has_labels(folder):
            images = {loose_name(name): name for name in folder.walk('', SUFFIXES)}
            if image := images.get(loose_name(files[0])):
                return (
                    f'has label files of YOLO, but no image has one: {files[0]} seems to belong to {image}: give it '
                    f'the name of its image ({PurePosixPath(image).stem}.txt)'
                )
            return (
                f'has label files of YOLO, such as {files[0]}, but no image has one: it must have the name of its '
                'image, and lie beside it, or in labels/ where the image lies in images/'
            )
        if find_class_files(folder):
            return None
        rows = (row for name in files for row in read_rows(folder / name))
        indices = sorted({f'{row.label:g}' for row in rows}, key=float)
        some = f'{", ".join(indices[:10])}{", ..." if len(indices) > 10 else ""}'
        return (
            f'has label files of YOLO, such as {files[0]}, but nothing names their classes, whose numbers are {some}: '
            'write a file classes.txt there, whose first line names class 0, the second class 1 and so on'
        )

    def _name_of(self, place: Path) -> str:
        name = place.relative_to(self.root).as_posix()
        return name if place.is_file() else '*.txt' if name == '.' else f'{name}/'

    def _describe_others(self) -> list[str]:
        """A note on annotated images in no split."""
        known = {name for names in self.images.values() for name in names}
        labels = LabelFiles(self.root)
        others = [name for name in self.folder.walk('', SUFFIXES) if name not in known and labels.find(name)]
        if not others:
            return []
        return [
            f'{self.root}: not used: {counted(len(others), "image")} with label files, such as {others[0]}, in none of '
            f'the splits, which are {", ".join(self.splits.values())}'
        ]


class RoboflowDarknet(YoloWithoutYaml):
    """Roboflow's export for darknet: class names and label files beside the images of each split."""

    name = 'Roboflow Darknet'
    tools = {'Roboflow': 'YOLO Darknet'}
    expects = '`{train,valid}/_darknet.labels` (and `test/`) and `*.txt` beside the images'

    tree = """
train/
  _darknet.labels  # class names
  *.jpg
  *.txt
valid/
  _darknet.labels
  *.jpg
  *.txt
"""
    signs = {'train/_darknet.labels': 'class names', 'train/*.txt': 'a text file per image'}

    @classmethod
    def match(cls, folder: Folder) -> bool:
        names = map(os.path.basename, find_class_files(folder))
        return '_darknet.labels' in names and super().match(folder)

    @classmethod
    def explain_mismatch(cls, folder: Folder) -> str | None:
        return None  # or what the format it derives from says would be found out twice


def _has_labels(folder: Folder) -> bool:
    """Whether some image has a label file, one that is not a text of another kind."""
    labels = LabelFiles(folder.root)
    for name in folder.walk('', SUFFIXES):
        if (file := labels.find(name)) and (found := looks_like_labels(folder / file)) is not None:
            return found
    return False


def _find_split_places(folder: Folder) -> dict[str, list[Path]]:
    """The folders or lists of each split, by their names; all images are ``train`` if nothing divides them."""
    outer = [name for name in folder.folders() if folder.walk(name, SUFFIXES)]
    images = [name for name in outer if name.lower() == 'images']
    found = _find_lists(folder)
    for place in dict.fromkeys([*images, '', *outer]):
        found = found or _find_folders(folder, place)
    if not found:
        found = {'train': images[0] if images else ''}
    return {split: [folder / name] for split, name in found.items()}


def _find_lists(folder: Folder) -> dict[str, str]:
    labeled = {os.path.splitext(name)[0] for name in folder.files() if os.path.splitext(name)[1].lower() in SUFFIXES}
    stems = [name[:-4] for name in folder.files('', '*.txt') if name[:-4] not in labeled]
    lists = {stem: f'{stem}.txt' for stem in stems if split_in(stem) and _lists_images(folder / f'{stem}.txt')}
    return select_splits(lists, str(folder.root))


def _lists_images(file: Path) -> bool:
    first = next(filter(str.strip, read_text(file).splitlines()), '')
    return PurePosixPath(first.strip().replace('\\', '/')).suffix.lower() in SUFFIXES


def _find_folders(folder: Folder, place: str) -> dict[str, str]:
    """The folders of splits in `place` that hold images."""
    names = {os.path.basename(name): name for name in folder.folders(place) if folder.walk(name, SUFFIXES)}
    return select_splits(names, str(folder / place))
