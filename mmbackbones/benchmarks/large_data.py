"""Time and memory of checking data sets of COCO's size, the first time and again, and of starting to train on them."""

import io
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from mmdet.utils import register_all_modules
from PIL import Image
from pycocotools.coco import COCO

from ..datasets import load_detection
from ..datasets.formats import find_format
from ..engine.lean_runner import LeanRunner
from ..engine.loops import PositionedEpochLoop
from ..engine.training import run_training

IMAGES, VAL_IMAGES = 118_287, 5_000  # COCO 2017
OBJECTS = 7.27  # on an average image
CORNERS = (6, 42)  # of polygons: instances_train2017.json has 450 MB
CROWDS = 0.012  # share of objects that are crowds, whose masks are in RLE
CLASSES = [f'class {number}' for number in range(80)]
SIZE = (640, 480)
CONFIG = 'mask_rcnn_van_t_demo'  # of the training run
PHOTOGRAPHS = 32  # different files; all others are hard links to them, of which a file system allows 65,000 each


class Sample(NamedTuple):
    """What a step took.

    Attributes:
        seconds: Time of the clock.
        cpu_seconds: Time of all processors, in the process and the kernel.
        peak: Bytes of resident memory at the peak, less what was in use before.
    """

    seconds: float
    cpu_seconds: float
    peak: int

    def __str__(self) -> str:
        return f'{self.seconds:.1f} s ({self.cpu_seconds:.1f} s of CPU), {self.peak / 1e9:.2f} GB'


def write_coco(root: Path, images: int, val_images: int) -> Path:
    """Write a folder in the format COCO 2017 with polygons and crowds.

    Returns:
        The annotations of its training split.
    """
    (root / 'annotations').mkdir(parents=True)
    for split, number in (('train', images), ('val', val_images)):
        _link_photographs(root / f'{split}2017', number)
        with open(root / f'annotations/instances_{split}2017.json', 'w') as file:
            categories = [{'supercategory': 'any', 'id': i, 'name': name} for i, name in enumerate(CLASSES, 1)]
            file.write(f'{{"info": {{}}, "categories": {json.dumps(categories)}, "images": [')
            for i in range(number):
                entry = {'license': 1, 'file_name': f'{i:012}.jpg', 'coco_url': 'http://images.cocodataset.org/'}
                entry |= {'height': SIZE[1], 'width': SIZE[0], 'date_captured': '2013-11-14 17:02:52', 'id': i}
                file.write(', ' * bool(i) + json.dumps(entry))
            file.write('], "annotations": [')
            for number_before, (image, objects) in enumerate(draw_objects(number)):
                file.write(', ' * bool(number_before) + json.dumps(objects | {'image_id': image}))
            file.write(']}')
    return root / 'annotations/instances_train2017.json'


def write_yolo(root: Path, images: int, val_images: int) -> Path:
    """Write a YOLO folder with boxes; returns its label files."""
    for split, number in (('train', images), ('val', val_images)):
        _link_photographs(root / f'images/{split}', number)
        rows: list[list[str]] = [[] for _ in range(number)]
        for image, item in draw_objects(number):
            x, y, w, h = item['bbox']
            shares = (x + w / 2) / SIZE[0], (y + h / 2) / SIZE[1], w / SIZE[0], h / SIZE[1]
            rows[image].append(' '.join([str(item['category_id'] - 1), *(f'{value:.6f}' for value in shares)]))
        folder = root / f'labels/{split}'
        folder.mkdir(parents=True)
        for image, lines in enumerate(rows):
            (folder / f'{image:012}.txt').write_text('\n'.join(lines))
    names = ''.join(f'  {number}: {name}\n' for number, name in enumerate(CLASSES))
    (root / 'data.yaml').write_text(f'train: images/train\nval: images/val\nnames:\n{names}')
    return root / 'labels/train'


def write_voc(root: Path, images: int, val_images: int, flat: bool = False) -> Path:
    """Write a folder in the format Pascal VOC; returns its XML files.

    Args:
        root: The folder.
        images: Number of training images.
        val_images: Number of validation images.
        flat: Whether to write everything into one folder, as labelImg leaves it.
    """
    photographs, folder = (root, root) if flat else (root / 'JPEGImages', root / 'Annotations')
    _link_photographs(photographs, images + val_images)
    folder.mkdir(parents=True, exist_ok=True)
    objects: list[list[str]] = [[] for _ in range(images + val_images)]
    for image, item in draw_objects(images + val_images):
        x, y, w, h = (round(value) for value in item['bbox'])
        corners = {'xmin': x + 1, 'ymin': y + 1, 'xmax': x + w + 1, 'ymax': y + h + 1}
        box = ''.join(f'<{key}>{value}</{key}>' for key, value in corners.items())
        name = CLASSES[item['category_id'] - 1]
        objects[image].append(f'<object><name>{name}</name><difficult>0</difficult><bndbox>{box}</bndbox></object>')
    size = f'<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>'
    for image, lines in enumerate(objects):
        text = '\n'.join([f'<annotation><filename>{image:012}.jpg</filename>{size}', *lines, '</annotation>'])
        (folder / f'{image:012}.xml').write_text(text)
    if not flat:
        lists = root / 'ImageSets/Main'
        lists.mkdir(parents=True)
        for split, numbers in (('train', range(images)), ('val', range(images, images + val_images))):
            (lists / f'{split}.txt').write_text(''.join(f'{number:012}\n' for number in numbers))
    return folder


def _link_photographs(folder: Path, number: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for image in range(number):
        path = folder / f'{image:012}.jpg'
        if image < PHOTOGRAPHS:
            small = generator.integers(0, 255, (SIZE[1] // 16, SIZE[0] // 16, 3), np.uint8)
            Image.fromarray(small).resize(SIZE, Image.Resampling.BICUBIC).save(path, quality=90)
        else:
            os.link(folder / f'{image % PHOTOGRAPHS:012}.jpg', path)


def draw_objects(images: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number of an image, and an object in COCO form without it; in the order of the images."""
    generator = np.random.default_rng(images)
    number = 0
    for image in range(images):
        for _ in range(generator.poisson(OBJECTS)):
            number += 1
            corners = int(generator.integers(*CORNERS))
            angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
            radius = float(generator.uniform(8, 100))
            center = generator.uniform(radius, np.subtract(SIZE, radius))
            radii = radius * generator.uniform(0.6, 1, (corners, 1))
            points = (center + radii * np.stack([np.cos(angles), np.sin(angles)], 1)).round(2)
            (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
            box = [left, top, round(right - left, 2), round(bottom - top, 2)]
            crowd = bool(generator.random() < CROWDS)
            yield (
                image,
                {
                    'segmentation': _runs(box) if crowd else [points.ravel().tolist()],
                    'area': round(box[2] * box[3] * 0.6, 2),
                    'iscrowd': int(crowd),
                    'bbox': box,
                    'category_id': int(generator.integers(1, len(CLASSES) + 1)),
                    'id': number,
                },
            )


def _runs(box: list[float]) -> dict[str, Any]:
    """A box as uncompressed RLE."""
    x, y, w, h = (int(value) for value in box)
    width, height = SIZE
    counts = [x * height + y, h, *[height - h, h] * (w - 1)]
    return {'counts': [*counts, width * height - sum(counts)], 'size': [height, width]}


def measure(step: Callable[[], object]) -> Sample:
    """Take a step in a process of its own."""
    with get_context('spawn').Pool(1) as pool:
        return pool.apply(_sample, (step,))


def _sample(step: Callable[[], object]) -> Sample:
    before, cpu, start = _peak(), time.process_time(), time.perf_counter()
    with redirect_stdout(io.StringIO()):
        step()
    return Sample(time.perf_counter() - start, time.process_time() - cpu, _peak() - before)


def _peak() -> int:
    """Bytes of resident memory at the peak so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)


def check(root: Path, masks: bool = True) -> None:
    """Check a folder as ``train`` does."""
    load_detection(root, root.with_name('out'), masks=masks)


def open_data_set(file: Path) -> None:
    """Open annotations as training does after the check."""
    dataset = dict(type='CocoDataset', ann_file=str(file), data_prefix=dict(img='train2017/'), pipeline=[])
    dataset['metainfo'] = dict(classes=CLASSES)
    register_all_modules()
    sampler = dict(type='DefaultSampler', shuffle=True)
    LeanRunner.build_dataloader(dict(dataset=dataset, sampler=sampler, batch_size=1, num_workers=0))


class _Loaded(BaseException):
    """The first batch is there."""


def start_training(root: Path) -> None:
    """Start a training run with two data workers, up to its first batch."""

    def stop(*_: Any) -> None:
        raise _Loaded

    with patch.object(PositionedEpochLoop, 'run_iter', stop), suppress(_Loaded):
        run_training(
            CONFIG,
            data=str(root),
            work_dir=str(root.with_name('run')),
            from_scratch=True,
            cfg_options={'train_dataloader.num_workers': 2},
        )


def run(images: int = IMAGES, val_images: int = VAL_IMAGES) -> None:
    """Print the table of docs/large_data.md.

    Args:
        images: Number of training images.
        val_images: Number of validation images.
    """
    print('| data | step | time, peak memory |')
    print('|---|---|---|')
    with TemporaryDirectory() as folder:
        os.environ['XDG_CACHE_HOME'] = f'{folder}/cache'  # of the processes that are measured
        root = Path(folder, 'coco')
        file = write_coco(root, images, val_images)
        name = f'COCO, {file.stat().st_size / 1e6:.0f} MB of JSON'
        _report(name, 'first check, with masks', partial(check, root))
        _report(name, 'second check, with masks', partial(check, root))
        _report(name, '`pycocotools.coco.COCO` alone', partial(COCO, str(file)))
        _report(name, 'data loader after the check', partial(open_data_set, file))
        _report(name, 'start of a training run to its first batch', partial(start_training, root))
        for name, write in (('YOLO', write_yolo), ('Pascal VOC', write_voc)):
            root = Path(folder, name)
            write(root, images, val_images)
            _report(name, 'first check', partial(check, root, False))
            _report(name, 'second check', partial(check, root, False))
        root = Path(folder, 'flat')
        write_voc(root, images, val_images, flat=True)
        _report('XML files beside images', 'find its format', partial(find_format, root, 'boxes'))


def _report(data: str, step: str, call: Callable[[], object]) -> None:
    print(f'| {data} | {step} | {measure(call)} |', flush=True)
