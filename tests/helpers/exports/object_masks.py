"""Folders with masks of objects, as label maps are drawn from: polygons and RLE."""

import json
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from tests.helpers.exports.plain import coco, write_json, write_plain
from tests.helpers.exports.table import LABEL_MAPS, export
from tests.helpers.painted import CLASSES, SCENES_WITH_MASKS, object_mask, paint


def compressed(mask: np.ndarray) -> dict:
    """A mask in COCO's RLE, as pycocotools writes it."""
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {'size': rle['size'], 'counts': rle['counts'].decode()}


def uncompressed(mask: np.ndarray) -> dict:
    """A mask in COCO's RLE as a list of run lengths, column by column."""
    flat = mask.ravel(order='F').astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    return {'size': list(mask.shape), 'counts': [0, *runs] if flat[0] else runs}


@export(LABEL_MAPS, 'object masks', scenes=SCENES_WITH_MASKS)
def objects_of_plain_coco(root: Path) -> None:
    write_plain(root, SCENES_WITH_MASKS, masks=True)


@export(LABEL_MAPS, 'object masks', scenes=SCENES_WITH_MASKS)
def objects_of_coco_2017_in_rle(root: Path) -> None:
    for split, scenes in SCENES_WITH_MASKS.items():
        content = coco(scenes)
        masks = (object_mask(item, scene.size) for scene in scenes for item in scene.objects)
        for number, (annotation, mask) in enumerate(zip(content['annotations'], masks, strict=True)):
            annotation['segmentation'] = (compressed if number % 2 else uncompressed)(mask)
        write_json(root / f'annotations/instances_{split}2017.json', content)
        for scene in scenes:
            paint(root / f'{split}2017/{scene.stem}.jpg', scene)


@export(LABEL_MAPS, 'object masks', scenes={'train': SCENES_WITH_MASKS['train']}, divided=True)
def objects_of_one_coco_file(root: Path) -> None:
    scenes = SCENES_WITH_MASKS['train']
    write_json(root / 'annotations/all.json', coco(scenes, masks=True))
    for scene in scenes:
        paint(root / f'images/{scene.stem}.jpg', scene)


@export(LABEL_MAPS, 'object masks', scenes=SCENES_WITH_MASKS)
def objects_of_yolo(root: Path) -> None:
    for split, scenes in SCENES_WITH_MASKS.items():
        for scene in scenes:
            paint(root / f'images/{split}/{scene.stem}.jpg', scene)
            lines = [
                ' '.join(map(str, [CLASSES.index(item.name), *_relative(item.polygon, scene.size)]))
                for item in scene.objects
            ]
            file = root / f'labels/{split}/{scene.stem}.txt'
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text('\n'.join(lines))
    splits = '\n'.join(f'{split}: images/{split}' for split in SCENES_WITH_MASKS)
    (root / 'data.yaml').write_text(f'{splits}\nnames: {json.dumps(CLASSES)}\n')


def _relative(polygon: tuple[int, ...], size: tuple[int, int]) -> list[float]:
    return [round(value / size[place % 2], 6) for place, value in enumerate(polygon)]
