"""Small objects in large images, found with and without tiles by a model that is trained for it in minutes."""

import io
import json
import resource
import sys
import time
from contextlib import redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

import mmbackbones

SIDE = 12  # pixels, of an object
CLASSES = ('cross', 'ring')
SIZE = (4000, 3000)  # of a scene
OBJECTS = 60  # in a scene: pycocotools counts no more than 100 of a class
SMALL = (256, 256)  # of a training image
IN_SMALL = 20  # objects in it
TILE = (512, 512)
# The demo's model, whose anchors are for objects of 24 pixels and more.
LEARNING_RATE = 7e-4
CONFIG = 'retinanet_van_t_demo'
ANCHORS = {'model.bbox_head.anchor_generator.octave_base_scale': SIDE / 8}  # times the stride of the finest map
METRICS = {'test_evaluator.0.metric_items': ['mAP', 'AR@100'], 'test_evaluator.0.iou_thrs': [0.5]}


def write_scenes(root: Path, train: int, val: int, test: int, size: tuple[int, int], objects: int) -> None:
    """Write a data folder in COCO form, whose test split holds large scenes.

    Args:
        root: The folder.
        train: Number of training images.
        val: Number of validation images, as small as those.
        test: Number of scenes.
        size: Width and height of a scene.
        objects: Number of objects in a scene.
    """
    splits = {'train': (train, SMALL, IN_SMALL), 'val': (val, SMALL, IN_SMALL), 'test': (test, size, objects)}
    (root / 'annotations').mkdir(parents=True)
    for seed, (split, (number, (width, height), most)) in enumerate(splits.items()):
        generator = np.random.default_rng(seed)
        images: list[dict] = []
        annotations: list[dict] = []
        (root / split).mkdir()
        for image_id in range(number):
            image, found = _draw_scene(generator, width, height, most)
            name = f'{image_id:06}.jpg'
            cv2.imwrite(str(root / split / name), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
            images.append(dict(id=image_id, file_name=name, width=width, height=height))
            for label, box in found:
                facts = dict(id=len(annotations) + 1, image_id=image_id, category_id=label + 1)
                annotations.append(dict(facts, bbox=box, area=box[2] * box[3], iscrowd=0))
        categories = [dict(id=i, name=name) for i, name in enumerate(CLASSES, 1)]
        content = dict(info={}, images=images, annotations=annotations, categories=categories)
        (root / f'annotations/instances_{split}.json').write_text(json.dumps(content))


def _draw_scene(
    generator: np.random.Generator, width: int, height: int, objects: int
) -> tuple[np.ndarray, list[tuple[int, list[int]]]]:
    """A scene, and labels and boxes (x, y, w, h) of what is in it: objects, no two in one cell of a grid."""
    ground = generator.integers(60, 180, (height // 32 + 2, width // 32 + 2, 3), np.uint8)
    image = cv2.resize(ground, (width, height), interpolation=cv2.INTER_CUBIC)
    noise = generator.integers(0, 24, (height, width, 1), np.uint8)
    image = cv2.add(image, np.repeat(noise, 3, 2))
    cell = 2 * SIDE
    cells = generator.permutation((width // cell) * (height // cell))[:objects]
    found = []
    for place in cells.tolist():
        x = place % (width // cell) * cell + int(generator.integers(1, cell - SIDE))
        y = place // (width // cell) * cell + int(generator.integers(1, cell - SIDE))
        label = int(generator.integers(len(CLASSES)))
        color = tuple(int(value) for value in generator.choice([0, 255], 3))
        end = SIDE - 1
        if CLASSES[label] == 'cross':
            cv2.line(image, (x, y), (x + end, y + end), color, 2)
            cv2.line(image, (x + end, y), (x, y + end), color, 2)
        else:
            cv2.circle(image, (x + end // 2, y + end // 2), end // 2, color, 2)
        found.append((label, [x, y, SIDE, SIDE]))
    return image, found


def find(checkpoint: str, data: str, work_dir: str, tile: tuple[int, int] | None) -> dict[str, float]:
    """Test a model on the scenes; returns the metrics, the seconds and the peak of resident memory in bytes."""
    start = time.perf_counter()
    with redirect_stdout(io.StringIO()):
        options = {**METRICS, 'test_dataloader.batch_size': 1, 'test_dataloader.num_workers': 0}
        options['test_dataloader.persistent_workers'] = False
        metrics = mmbackbones.test(
            checkpoint, data=data, img_scale=TILE, tile=tile, work_dir=work_dir, cfg_options=options
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
    return dict(metrics, seconds=time.perf_counter() - start, peak=peak)


def run(
    train: int = 240,
    epochs: int = 12,
    scenes: int = 4,
    size: tuple[int, int] = SIZE,
    objects: int = OBJECTS,
) -> None:
    """Print the table of docs/evaluation.md.

    Args:
        train: Number of training images.
        epochs: Length of the training.
        scenes: Number of scenes to test on.
        size: Width and height of a scene.
        objects: Number of objects in a scene.
    """
    with TemporaryDirectory() as folder:
        data = Path(folder, 'scenes')
        write_scenes(data, train, 8, scenes, size, objects)
        start = time.perf_counter()
        with redirect_stdout(io.StringIO()):
            run = mmbackbones.train(
                CONFIG,
                data=data,
                img_scale=SMALL,
                epochs=epochs,
                batch_size=4,
                lr=LEARNING_RATE,
                work_dir=Path(folder, 'run'),
                cfg_options={**ANCHORS, 'train_cfg.val_interval': epochs},
            )
        print(f'trained in {time.perf_counter() - start:.0f} s: bbox_mAP_50 {run.metrics["bbox_mAP_50"]:.3f}\n')
        print('| tiles | recall | AP | time a scene | peak memory |')
        print('|---|---|---|---|---|')
        for name, tile in (('none', None), (f'{TILE[0]} x {TILE[1]}', TILE)):
            found = _in_own_process(str(run.checkpoint), str(data), f'{folder}/test', tile)
            print(
                f'| {name} | {found["bbox_AR@100"]:.3f} | {found["bbox_mAP"]:.3f} | '
                f'{found["seconds"] / scenes:.1f} s | {found["peak"] / 1e9:.2f} GB |',
                flush=True,
            )


def _in_own_process(*arguments: Any) -> dict[str, float]:
    with get_context('spawn').Pool(1) as pool:  # whose peak of memory is that of the test
        return pool.apply(find, arguments)
