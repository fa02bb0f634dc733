"""Folders as a test leaves them, with made-up predictions."""

import json

import numpy as np
from pycocotools import mask as coco_mask

from mmbackbones.evaluation.result_files import LabeledImage, ResultFiles, write_labels

SIDE = 100


def write_results(folder, names, images, task='bbox', metrics=None, ids=None):
    """Write the files of a test.

    Args:
        folder: The folder.
        names: Of the classes.
        images: Of each image a list of true and a list of predicted objects: (label, box, score or crowd).
        task: ``bbox`` or ``segm``.
        metrics: Content of ``metrics.json``.
        ids: Number of each class.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = ids or range(1, len(names) + 1)
    entries, sides = [], ([], [])
    for number, image in enumerate(images, 1):
        entries.append(dict(id=number, file_name=f'{number}.jpg', width=SIDE, height=SIDE))
        for side, objects, key in zip(sides, image, ('iscrowd', 'score'), strict=True):
            for label, box, value in objects:
                item = dict(id=len(side) + 1, image_id=number, category_id=ids[label], bbox=[float(v) for v in box])
                item |= dict(area=float(box[2] * box[3]), iscrowd=0) | {key: value}
                if task == 'segm':
                    item['segmentation'] = as_mask(box)
                side.append(item)
    categories = [dict(id=number, name=name) for number, name in zip(ids, names, strict=True)]
    with_paths = [dict(entry, path=f'/photos/{entry["file_name"]}') for entry in entries]
    info = dict(task=task, classes=list(names))
    truth = dict(info=info, categories=categories, annotations=sides[0], images=with_paths)
    found = dict(categories=categories, annotations=sides[1], images=entries)
    for name, content in ('ground_truth', truth), ('predictions', found), ('metrics', metrics or {}):
        (folder / f'{name}.json').write_text(json.dumps(content))
    return folder


def as_mask(box):
    """The left two thirds of a box, so that masks and boxes overlap differently."""
    mask = np.zeros((SIDE, SIDE), np.uint8, order='F')
    x, y, width, height = (round(value) for value in box)
    mask[max(y, 0) : y + height, max(x, 0) : x + max(2 * width // 3, 1)] = 1
    rle = coco_mask.encode(mask)
    return dict(size=rle['size'], counts=rle['counts'].decode())


def random_images(count, classes, seed=0, most=6, more=4):
    """Objects, some of them crowds, and predictions that are mostly near one, some twice, some of another class."""
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(count):
        true = [
            (int(rng.integers(classes)), [*rng.uniform(0, 60, 2).round(1), *rng.uniform(10, 40, 2).round(1)], 0)
            for _ in range(rng.integers(most))
        ]
        found = []
        for label, box, _ in true * 2:
            if rng.random() < 0.7:
                label = label if rng.random() < 0.8 else int(rng.integers(classes))
                moved = np.add(box, rng.normal(0, 3, 4)).clip(1)
                found.append((label, moved.tolist(), round(rng.random(), 2)))
        for _ in range(rng.integers(more)):
            box = [*rng.uniform(0, 60, 2), *rng.uniform(10, 40, 2)]
            found.append((int(rng.integers(classes)), box, round(rng.random(), 2)))
        true = [(label, box, int(rng.random() < 0.15)) for label, box, _ in true]
        images.append((true, found))
    return images


def write_label_maps(folder, names, images=4, right=0.7, seed=0):
    """Write the files of a test of a segmentor, with random label maps that are mostly right."""
    rng = np.random.default_rng(seed)
    maps = []
    for number in range(images):
        truth = rng.choice([*range(len(names)), 255], (12 + number, 20))
        guess = rng.integers(0, len(names), truth.shape)
        found = np.where((rng.random(truth.shape) < right) & (truth < 255), truth, guess)
        maps.append(LabeledImage.of(f'/photos/{number}.jpg', found, truth, len(names), 255))
    folder.mkdir(parents=True, exist_ok=True)
    files = ResultFiles(folder / 'predictions.json', folder / 'ground_truth.json')
    write_labels(files, maps, names, range(len(names)))
    (folder / 'metrics.json').write_text('{"mIoU": 0.5}')
    return folder
