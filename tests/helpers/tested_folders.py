"""Folders as ``mmbackbones test`` leaves them, made up in an instant: no network is run."""

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask

SIZE = 96  # pixels of each side
_FILES = 8  # different pictures, which all images share


def detector_folder(
    folder: Path, images: int = 12, classes: Sequence[str] = ('cat', 'dog', 'owl'), objects: int = 4, seed: int = 0
) -> Path:
    """Write the files of a detector's test: some objects are found, some badly, as something else, or not at all.

    Args:
        folder: The folder to make.
        images: Number of images.
        classes: Names of the classes.
        objects: Objects in each image.
        seed: What is found depends on it, what is true does not.
    """
    truth, luck = np.random.default_rng(0), np.random.default_rng(1 + seed)
    truths, found = [], []
    for image in range(1, images + 1):
        for _ in range(objects):
            category = int(truth.integers(1, len(classes) + 1))
            box = [*truth.uniform(4, 56, 2), *truth.uniform(16, 32, 2)]
            truths.append(_annotation(len(truths) + 1, image, category, box))
            moved = np.array(box) + luck.normal(0, 3, 4)
            other = category if luck.random() > 0.2 else int(luck.integers(1, len(classes) + 1))
            if luck.random() > 0.2:
                found.append(_annotation(len(found) + 1, image, other, moved, score=luck.beta(4, 2)))
        stray = [*luck.uniform(0, 60, 2), *luck.uniform(8, 30, 2)]
        category = int(luck.integers(1, len(classes) + 1))
        found.append(_annotation(len(found) + 1, image, category, stray, score=luck.beta(2, 4)))
    metrics = {'bbox_mAP': 0.5, 'bbox_mAP_50': 0.75, 'bbox_mAP_75': 0.5, 'bbox_mAP_s': -1.0}
    return _write(folder, 'bbox', images, classes, truths, found, metrics)


def segmentor_folder(folder: Path, images: int = 6, classes: Sequence[str] = ('ground', 'sky', 'tree')) -> Path:
    """Write the files of a segmentor's test: stripes of classes, which are found a bit to the right."""
    truths, found = [], []
    for image in range(1, images + 1):
        for annotations, shift in ((truths, 0), (found, 4 + image)):
            labels = np.add.outer(np.zeros(SIZE, int), (np.arange(SIZE) - shift).clip(0)) * len(classes) // SIZE
            for label in range(len(classes)):
                rle = coco_mask.encode(np.asfortranarray(labels == label, np.uint8))
                box, code = coco_mask.toBbox(rle).tolist(), dict(size=rle['size'], counts=rle['counts'].decode())
                annotations.append(_annotation(len(annotations) + 1, image, label + 1, box, segmentation=code))
    return _write(folder, 'semantic', images, classes, truths, found, {'mIoU': 0.75, 'mAcc': 0.8, 'aAcc': 0.9})


def _annotation(number, image, category, box, **more):
    box = [float(value) for value in box]
    return dict(id=number, image_id=image, category_id=category, bbox=box, area=box[2] * box[3], iscrowd=0, **more)


def _write(folder, task, images, classes, truths, found, metrics):
    folder.mkdir(parents=True)
    (folder.parent / 'images').mkdir(exist_ok=True)
    files = [folder.parent / 'images' / f'{number}.jpg' for number in range(_FILES)]
    for number, file in enumerate(files):
        noise = np.random.default_rng(number).integers(0, 256, (SIZE // 4, SIZE // 4, 3)).astype(np.uint8)
        cv2.imwrite(str(file), cv2.resize(noise, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC))
    entries = [dict(id=n, file_name=f'{n:05}.jpg', width=SIZE, height=SIZE) for n in range(1, images + 1)]
    placed = [entry | dict(path=str(files[entry['id'] % _FILES])) for entry in entries]
    info = dict(
        task=task,
        classes=list(classes),
        image_folders=[str(folder.parent / 'images')],
        checkpoint=str(folder.parent / 'best_epoch_3.pth'),
        sha256='0' * 64,
        date='2026-01-02T03:04:05+00:00',
        versions=dict(python='3.12.0', torch='2.4.0'),
    )
    categories = [dict(id=number, name=name) for number, name in enumerate(classes, 1)]
    contents = {
        'ground_truth.json': dict(info=info, categories=categories, annotations=truths, images=placed),
        'predictions.json': dict(categories=categories, annotations=found, images=entries),
        'metrics.json': metrics,
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content))
    return folder
