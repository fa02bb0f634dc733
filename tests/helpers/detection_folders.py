"""One small data set with boxes, written in every format."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ('cat', 'dog')
SIZE = (64, 48)  # width, height
# split -> stem of the image -> (class, x, y, width, height)
TRUTH = {
    'train': {
        'a1': [('cat', 4, 6, 20, 10), ('dog', 0, 0, 64, 48)],
        'a2': [],
        'a3': [('dog', 30, 20, 12, 18)],
        'a4': [('cat', 44, 38, 20, 10)],
    },
    'val': {'b1': [('dog', 8, 8, 16, 16)], 'b2': [('cat', 1, 2, 3, 4), ('cat', 40, 0, 24, 32)]},
    'test': {'c1': [('cat', 10, 10, 30, 30), ('dog', 20, 20, 40, 20)]},
}


# Usual names of a validation split.
VAL_NAMES = ['val', 'valid', 'validation', 'dev', 'Val', 'VALID']


def rename(root: Path, old: str, new: str) -> None:
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    (root / old).rename(root / new)


def write_image(path: Path, size: tuple[int, int] = SIZE, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def coco(images: dict, first_id: int = 1, file_name: str = '{}.jpg') -> dict:
    """`images` as in TRUTH in COCO form; ids of images and categories begin at `first_id`, categories skip a number."""
    data = {'images': [], 'annotations': [], 'categories': []}
    ids = {name: first_id + 2 * index for index, name in enumerate(CLASSES)}
    data['categories'] = [{'id': ids[name], 'name': name, 'supercategory': 'pets'} for name in CLASSES]
    for number, (stem, boxes) in enumerate(images.items(), first_id):
        image = {'id': number, 'file_name': file_name.format(stem), 'width': SIZE[0], 'height': SIZE[1]}
        data['images'].append(image)
        for name, *box in boxes:
            annotation = {'id': len(data['annotations']) + 1, 'image_id': number, 'category_id': ids[name]}
            data['annotations'].append(annotation | {'bbox': box, 'area': box[2] * box[3], 'iscrowd': 0})
    return data


def write_coco(path: Path, images: dict, **options) -> None:
    write_text(path, json.dumps(coco(images, **options)))


def coco_2017(root: Path, truth: dict = TRUTH) -> None:
    for split in truth.keys() - {'test'}:
        write_coco(root / f'annotations/instances_{split}2017.json', truth[split])
        for stem in truth[split]:
            write_image(root / f'{split}2017' / f'{stem}.jpg')


def plain(root: Path, truth: dict = TRUTH) -> None:
    for split in truth:
        write_coco(root / f'annotations/{split}.json', truth[split], first_id=0)
        for stem in truth[split]:
            write_image(root / 'images' / f'{stem}.jpg')


def plain_in_split_folders(root: Path, truth: dict = TRUTH) -> None:
    for split in truth:
        write_coco(root / f'annotations/{split}.json', truth[split], file_name='day/{}.jpg')
        for stem in truth[split]:
            write_image(root / split / 'day' / f'{stem}.jpg')


def roboflow(root: Path, truth: dict = TRUTH) -> None:
    for split, images in truth.items():
        folder = 'valid' if split == 'val' else split
        data = coco(images)
        data['categories'].insert(0, {'id': 0, 'name': 'pets', 'supercategory': 'none'})
        write_text(root / folder / '_annotations.coco.json', json.dumps(data))
        for stem in images:
            write_image(root / folder / f'{stem}.jpg')


def one_file(root: Path, name: str = 'annotations/everything.json') -> None:
    images = {stem: boxes for split in TRUTH.values() for stem, boxes in split.items()}
    write_coco(root / name, images, file_name='day/{}.jpg')
    for stem in images:
        write_image(root / 'images' / 'day' / f'{stem}.jpg')


def voc(root: Path, truth: dict = TRUTH) -> None:
    for split, images in truth.items():
        write_text(root / f'ImageSets/Main/{split}.txt', '\n'.join(images) + '\n')
        for stem, boxes in images.items():
            write_image(root / 'JPEGImages' / f'{stem}.png')
            objects = ''.join(
                f'<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>{x + 1}</xmin><ymin>{y + 1}</ymin>'
                f'<xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>'
                for name, x, y, w, h in boxes
            )
            xml = f'<annotation><filename>x.jpg</filename>{objects}</annotation>'
            write_text(root / f'Annotations/{stem}.xml', xml)


def yolo_row(name: str, x: float, y: float, w: float, h: float) -> str:
    values = ((x + w / 2) / SIZE[0], (y + h / 2) / SIZE[1], w / SIZE[0], h / SIZE[1])
    return ' '.join([str(CLASSES.index(name)), *(f'{value:.8f}' for value in values)])


def yolo(root: Path, truth: dict = TRUTH) -> None:
    """As Ultralytics writes it: images/{split}, labels/{split}."""
    splits = ''.join(f'{split}: images/{split}\n' for split in truth)
    write_text(root / 'data.yaml', f'path: ../somewhere/else\n{splits}names: {{0: cat, 1: dog}}\n')
    for split, images in truth.items():
        for stem, boxes in images.items():
            write_image(root / 'images' / split / f'{stem}.jpg')
            if boxes:
                write_text(root / 'labels' / split / f'{stem}.txt', '\n'.join(yolo_row(*box) for box in boxes))


def yolo_roboflow(root: Path, truth: dict = TRUTH) -> None:
    """As Roboflow writes it: {split}/images, {split}/labels, and paths that lead one folder too far up."""
    names = {split: 'valid' if split == 'val' else split for split in truth}
    splits = ''.join(f'{split}: ../{folder}/images\n' for split, folder in names.items())
    write_text(root / 'data.yaml', f'{splits}nc: 2\nnames: [cat, dog]\n')
    for split, folder in names.items():
        for stem, boxes in truth[split].items():
            write_image(root / folder / 'images' / f'{stem}.jpg')
            write_text(root / folder / 'labels' / f'{stem}.txt', '\n'.join(yolo_row(*box) for box in boxes))


# What writes the data set in a format -> the name of the format. All but `one_file`, which has a single split.
FORMATS = {
    coco_2017: 'COCO 2017',
    plain: 'plain COCO',
    plain_in_split_folders: 'plain COCO',
    roboflow: 'Roboflow COCO',
    voc: 'Pascal VOC',
    yolo: 'YOLO',
    yolo_roboflow: 'YOLO',
}
