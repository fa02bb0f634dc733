"""YOLO as Ultralytics, Roboflow, CVAT, Label Studio, labelImg and darknet's users have it."""

import json
from dataclasses import replace
from pathlib import Path

from tests.helpers.exports.table import BOXES, export
from tests.helpers.painted import CLASSES, SCENES, SCENES_WITH_MASKS, Object, Scene, paint

NAMES = ''.join(f'{name}\n' for name in CLASSES)
# As Roboflow calls its images.
ROBOFLOW_SCENES = {
    split: [replace(scene, stem=f'{scene.stem}_jpg.rf.0ab1') for scene in scenes] for split, scenes in SCENES.items()
}
YAML_NAMES = 'names:\n' + ''.join(f'  {number}: {name}\n' for number, name in enumerate(CLASSES))


def box_row(item: Object, size: tuple[int, int]) -> str:
    x, y, w, h = item.box
    values = (x + w / 2) / size[0], (y + h / 2) / size[1], w / size[0], h / size[1]
    return ' '.join([str(CLASSES.index(item.name)), *(f'{value:.6f}' for value in values)])


def corners_row(item: Object, size: tuple[int, int]) -> str:
    values = (value / size[index % 2] for index, value in enumerate(item.polygon))
    return ' '.join([str(CLASSES.index(item.name)), *(f'{value:.6f}' for value in values)])


def polygon_row(item: Object, size: tuple[int, int]) -> str:
    """The outline with the middle of its last edge: an outline of five corners is no oriented box."""
    x1, y1, *_, x2, y2 = item.polygon
    return corners_row(Object(item.name, (*item.polygon, (x1 + x2) / 2, (y1 + y2) / 2)), size)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_images(
    root: Path,
    images: str,
    labels: str,
    scenes: dict[str, list[Scene]] = SCENES,
    row=box_row,
    names: dict[str, str] | None = None,
    empty: str | None = None,
) -> None:
    """Paint images and write their label files.

    Args:
        root: The data folder.
        images: Path of an image, with `{split}` and `{stem}`.
        labels: Path of a label file.
        scenes: What is painted.
        row: Writes an object.
        names: Name of each split where it is not the usual one.
        empty: Content of the label file of an image without objects; None: there is no file.
    """
    for split, listed in scenes.items():
        for scene in listed:
            place = {'split': (names or {}).get(split, split), 'stem': scene.stem}
            paint(root / images.format(**place), scene)
            rows = ''.join(f'{row(item, scene.size)}\n' for item in scene.objects)
            if rows or empty is not None:
                write(root / labels.format(**place), rows or empty)


def listing(split: str, line: str, scenes: dict[str, list[Scene]] = SCENES, name: str | None = None) -> str:
    return ''.join(line.format(split=name or split, stem=scene.stem) + '\n' for scene in scenes[split])


@export(BOXES, 'YOLO')
def ultralytics(root: Path) -> None:
    write_images(root, 'images/{split}/{stem}.jpg', 'labels/{split}/{stem}.txt')
    splits = ''.join(f'{split}: images/{split}\n' for split in SCENES)
    write(root / 'coco8.yaml', f'path: ../datasets/coco8\n{splits}nc: 3\n{YAML_NAMES}')
    write(root / 'hyp.yml', 'lr0: 0.01\nnames: [a]\n')


@export(BOXES, 'YOLO', scenes=SCENES_WITH_MASKS)
def ultralytics_segmentation(root: Path) -> None:
    scenes = SCENES_WITH_MASKS
    write_images(root, 'images/{split}/{stem}.jpg', 'labels/{split}/{stem}.txt', scenes, polygon_row, empty='\n  \n')
    splits = ''.join(f'{split}: /content/drive/my/images/{split}\n' for split in scenes)
    write(root / 'data.yaml', f'path: /content/drive/my\n{splits}names: [{", ".join(CLASSES)}]\n')


@export(BOXES, 'YOLO')
def ultralytics_mixed_rows(root: Path) -> None:
    def row(item: Object, size: tuple[int, int]) -> str:
        return (box_row if item.name == 'cat' else polygon_row)(item, size)

    write_images(root, 'images/{split}/{stem}.jpg', 'labels/{split}/{stem}.txt', row=row)
    splits = ''.join(f'{split}: images/{split}\n' for split in SCENES)
    write(root / 'data.yaml', splits + YAML_NAMES)


@export(BOXES, 'YOLO')
def ultralytics_lists_from_elsewhere(root: Path) -> None:
    write_images(root, 'images/{split}/{stem}.jpg', 'labels/{split}/{stem}.txt')
    write(root / 'train.txt', listing('train', '/content/data/images/{split}/{stem}.jpg'))
    write(root / 'val.txt', listing('val', r'C:\Users\me\set\images\{split}\{stem}.jpg'))
    write(root / 'test.txt', listing('test', './images/{split}/{stem}.jpg'))
    write(root / 'my.yml', f'train: /content/data/train.txt\nval: val.txt\ntest: test.txt\n{YAML_NAMES}')


@export(BOXES, 'YOLO')
def ultralytics_side_by_side(root: Path) -> None:
    """Upper-case suffixes, and a split of another name than the YAML file says."""
    names = {'val': 'validation'}
    write_images(root, 'images/{split}/{stem}.JPG', 'images/{split}/{stem}.TXT', names=names)
    splits = ''.join(f'{split}: images/{split}\n' for split in SCENES)
    write(root / 'data.yaml', splits + YAML_NAMES)


@export(BOXES, 'YOLO')
def ultralytics_lists_of_folders(root: Path) -> None:
    write_images(root, 'part_{stem}/images/{stem}.jpg', 'part_{stem}/labels/{stem}.txt')
    splits = ''.join(
        f'{split}:\n' + ''.join(f'  - part_{scene.stem}/images\n' for scene in scenes)
        for split, scenes in SCENES.items()
    )
    write(root / 'data.yaml', splits + YAML_NAMES)


def _roboflow(
    root: Path, val: str, row=box_row, scenes: dict[str, list[Scene]] = ROBOFLOW_SCENES, kind: str = 'YOLOv8'
) -> None:
    names = {'val': val}
    write_images(root, '{split}/images/{stem}.jpg', '{split}/labels/{stem}.txt', scenes, row, names)
    write(
        root / 'data.yaml',
        'train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 3\n'
        f'names: {list(CLASSES)}\n\nroboflow:\n  workspace: me\n  project: pets\n  version: 1\n',
    )
    write(root / 'README.roboflow.txt', f'\npets - v1\n\nObjects are annotated in {kind} format.\n')


@export(BOXES, 'YOLO', scenes=ROBOFLOW_SCENES)
def roboflow_yolo(root: Path) -> None:
    _roboflow(root, 'valid')


@export(BOXES, 'YOLO', scenes={split: SCENES[split] for split in ('train', 'val')})
def roboflow_yolo_renamed_without_test(root: Path) -> None:
    _roboflow(root, 'validation', scenes={split: SCENES[split] for split in ('train', 'val')})


@export(BOXES, 'YOLO', scenes=ROBOFLOW_SCENES)
def roboflow_yolo_obb(root: Path) -> None:
    _roboflow(root, 'val', corners_row, kind='YOLOv8 Oriented Object Detection')


@export(BOXES, 'Roboflow Darknet')
def roboflow_darknet(root: Path) -> None:
    write_images(root, '{split}/{stem}.jpg', '{split}/{stem}.txt', names={'val': 'valid'}, empty='')
    for folder in ('train', 'valid', 'test'):
        write(root / folder / '_darknet.labels', NAMES.rstrip())
    write(root / 'README.roboflow.txt', '\npets - v1\n\nObjects are annotated in YOLO v3 Darknet format.\n')


def _cvat_yolo_1_1(root: Path, names: dict[str, str]) -> None:
    write_images(root, 'obj_{split}_data/{stem}.png', 'obj_{split}_data/{stem}.txt', names=names, empty='')
    write(root / 'obj.names', NAMES)
    lists = ''
    for split in SCENES:
        name = names.get(split, split)
        write(root / f'{name}.txt', listing(split, 'data/obj_{split}_data/{stem}.png', name=name))
        lists += f'{name} = data/{name}.txt\n'
    write(root / 'obj.data', f'classes = 3\n{lists}names = data/obj.names\nbackup = backup/\n')


@export(BOXES, 'YOLO Darknet')
def cvat_yolo_1_1(root: Path) -> None:
    _cvat_yolo_1_1(root, {'val': 'valid'})


@export(BOXES, 'YOLO Darknet')
def cvat_yolo_1_1_with_subsets(root: Path) -> None:
    _cvat_yolo_1_1(root, {'train': 'Train', 'val': 'Validation', 'test': 'Test'})


def _cvat_ultralytics(root: Path, row, scenes: dict[str, list[Scene]] = SCENES, names: dict[str, str] | None = None):
    write_images(root, 'images/{split}/{stem}.jpg', 'labels/{split}/{stem}.txt', scenes, row, names)
    yaml = YAML_NAMES + 'path: .\n'
    for split in scenes:
        name = (names or {}).get(split, split)
        write(root / f'{name}.txt', listing(split, 'data/images/{split}/{stem}.jpg', scenes, name))
        yaml += f'{name}: {name}.txt\n'
    write(root / 'data.yaml', yaml)


@export(BOXES, 'YOLO')
def cvat_ultralytics_detection(root: Path) -> None:
    _cvat_ultralytics(root, box_row, names={'train': 'Train', 'val': 'Validation', 'test': 'Test'})


@export(BOXES, 'YOLO')
def cvat_ultralytics_detection_of_tracks(root: Path) -> None:
    _cvat_ultralytics(root, lambda item, size: box_row(item, size) + (' 12' if item.name == 'cat' else ''))


@export(BOXES, 'YOLO', scenes=SCENES_WITH_MASKS)
def cvat_ultralytics_segmentation(root: Path) -> None:
    _cvat_ultralytics(root, polygon_row, SCENES_WITH_MASKS)


@export(BOXES, 'YOLO')
def cvat_ultralytics_obb(root: Path) -> None:
    _cvat_ultralytics(root, corners_row)


@export(BOXES, 'YOLO')
def cvat_ultralytics_pose(root: Path) -> None:
    _cvat_ultralytics(root, lambda item, size: f'{box_row(item, size)} 0.5 0.5 2 0.0 0.0 0')
    with (root / 'data.yaml').open('a') as stream:
        stream.write('kpt_shape: [2, 3]\nflip_idx: [0, 1]\n')


@export(BOXES, 'YOLO without data.yaml', divided=True)
def label_studio_yolo(root: Path) -> None:
    write_images(root, 'images/{stem}.jpg', 'labels/{stem}.txt', empty='')
    write(root / 'classes.txt', NAMES)
    categories = [{'id': number, 'name': name} for number, name in enumerate(CLASSES)]
    info = {'year': 2026, 'version': '1.0', 'contributor': 'Label Studio'}
    write(root / 'notes.json', json.dumps({'categories': categories, 'info': info}, indent=2))


@export(BOXES, 'YOLO without data.yaml')
def yolo_with_split_folders(root: Path) -> None:
    write_images(root, 'Images/{split}/{stem}.jpeg', 'Labels/{split}/{stem}.txt', names={'val': 'valid'})
    write(root / 'pets.names', NAMES.replace('\n', '\r\n'))


@export(BOXES, 'YOLO without data.yaml')
def yolo_with_folders_in_splits(root: Path) -> None:
    write_images(root, '{split}/images/{stem}.jpg', '{split}/labels/{stem}.txt')
    for split in SCENES:
        write(root / f'{split}/labels/classes.txt', NAMES)


@export(BOXES, 'YOLO without data.yaml')
def yolo_with_lists(root: Path) -> None:
    write_images(root, 'images/{stem}.jpg', 'labels/{stem}.txt')
    for split in SCENES:
        write(root / f'autosplit_{split}.txt', listing(split, './images/{stem}.jpg'))
    write(root / 'obj.names', NAMES)


@export(BOXES, 'YOLO without data.yaml', divided=True)
def labelimg_yolo(root: Path) -> None:
    write_images(root, '{stem}.jpg', '{stem}.txt')
    write(root / 'classes.txt', NAMES)


@export(BOXES, 'YOLO without data.yaml', divided=True)
def labelimg_yolo_in_labels(root: Path) -> None:
    write_images(root, 'images/{stem}.jpg', 'labels/{stem}.txt')
    write(root / 'labels/classes.txt', NAMES)
