"""Time to evaluate detections as COCO does, beside pycocotools, whose figures they equal."""

from contextlib import redirect_stdout
from copy import deepcopy
from io import StringIO
from time import process_time
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ..evaluation.coco_evaluation import ArrayCOCOeval
from .large_data import CLASSES, SIZE, draw_objects

DETECTIONS = 100  # in each image; 60 are near objects, 30 of them of the right class


def run(images: int = 5_000) -> None:
    """Print a table for boxes and masks.

    Args:
        images: Number of images.
    """
    print('| figures | pycocotools, CPU time | here, CPU time | ratio |')
    print('|---|---|---|---|')
    for kind in ('bbox', 'segm'):
        truth, found = _draw(images, kind)
        theirs, their_time = _evaluate(COCOeval, truth, found, kind)
        ours, our_time = _evaluate(ArrayCOCOeval, truth, found, kind)
        if not all(np.array_equal(ours[key], theirs[key]) for key in ('precision', 'recall', 'scores')):
            raise AssertionError(f'the figures of {kind} differ from those of pycocotools')
        what = f'{kind}, {images:,} images, {DETECTIONS} detections in each'
        print(f'| {what} | {their_time:.1f} s | {our_time:.1f} s | {their_time / our_time:.1f} |', flush=True)


def _evaluate(evaluation: type, truth: dict, found: list[dict], kind: str) -> tuple[dict[str, Any], float]:
    with redirect_stdout(StringIO()):
        coco = COCO()
        coco.dataset = deepcopy(truth)
        coco.createIndex()
        copies = deepcopy(found)
        begin = process_time()
        run = evaluation(coco, coco.loadRes(copies), kind)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.eval, process_time() - begin


def _draw(images: int, kind: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Ground truth in COCO form, and detections: some that fit more or less, and some anywhere."""
    generator = np.random.default_rng(0)
    objects = [item | dict(image_id=image) for image, item in draw_objects(images)]
    near: dict[int, list[dict]] = {image: [] for image in range(images)}
    for item in objects:
        near[item['image_id']].append(item)
    found = []
    for image, items in near.items():
        for number in range(DETECTIONS):
            category = int(generator.integers(1, len(CLASSES) + 1))
            if items and number < 60:
                item = items[generator.integers(len(items))]
                box = np.clip(item['bbox'] + generator.normal(0, 6, 4), 1, min(SIZE)).round(2).tolist()
                category = item['category_id'] if number < 30 else category
            else:
                box = generator.uniform((0, 0, 5, 5), (*SIZE, 100, 80)).round(2).tolist()
            shape = dict(bbox=box) if kind == 'bbox' else dict(segmentation=_mask(box))
            score = float(np.float32(generator.random()))
            found.append(dict(image_id=image, category_id=category, score=score, **shape))
    listed = [dict(id=image, width=SIZE[0], height=SIZE[1], file_name=f'{image}.jpg') for image in range(images)]
    categories = [dict(id=number, name=name) for number, name in enumerate(CLASSES, 1)]
    return dict(info={}, images=listed, annotations=objects, categories=categories), found


def _mask(box: list[float]) -> dict[str, Any]:
    """A pentagon in a box."""
    x, y, width, height = box
    corners = [x, y, x + width, y, x + 0.8 * width, y + 0.6 * height, x + width, y + height, x, y + height]
    rle = coco_mask.frPyObjects([corners], SIZE[1], SIZE[0])[0]
    return dict(rle, counts=rle['counts'].decode())
