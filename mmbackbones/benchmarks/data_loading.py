"""Time that a data worker takes for a training image, by the steps of the pipeline."""

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import thread_time
from typing import Any

import cv2
import mmdet.utils
import mmseg.utils
import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from PIL import Image

from ..engine.dataset_config import is_segmentor
from ..utils.config_files import read_config
from .large_data import CLASSES, SIZE, write_coco

CONFIGS = ('retinanet_van_t', 'mask_rcnn_van_t', 'cascade_mask_rcnn_van_b', 'upernet_van_t', 'semantic_fpn_van_t')
_NAMED = 3  # of the steps, the slowest ones


def run(configs: Sequence[str] = CONFIGS, images: int = 100) -> None:
    """Print a table of configs.

    Args:
        configs: Names of configs.
        images: Number of images that are loaded with each.
    """
    cv2.setNumThreads(1)
    print(f'| config, images of {SIZE[0]} x {SIZE[1]} | CPU time an image | images/s of a worker | slowest steps |')
    print('|---|---|---|---|')
    with TemporaryDirectory() as folder:
        root = Path(folder, 'coco')
        write_coco(root, images, 1)
        for name in configs:
            times = _time_steps(_open(read_config(name), root))
            total = sum(times.values())
            slowest = sorted(times.items(), key=lambda item: -item[1])[:_NAMED]
            steps = ', '.join(f'{step} {1e3 * seconds:.1f} ms' for step, seconds in slowest)
            print(f'| `{name}` | {1e3 * total:.1f} ms | {1 / total:.1f} | {steps} |', flush=True)


def _open(cfg: Config, root: Path) -> Any:
    """The training images, with the pipeline of a config."""
    dataset = cfg.train_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    content: dict[str, Any] = dict(pipeline=dataset.pipeline, metainfo=dict(classes=CLASSES))
    if is_segmentor(cfg):
        content |= dict(type='PairedSegDataset', ann_file=str(_write_label_maps(root)))
    else:
        file = str(root / 'annotations/instances_train2017.json')
        content |= dict(type='CocoDataset', ann_file=file, data_prefix=dict(img=f'{root}/train2017/'))
    module = mmseg if is_segmentor(cfg) else mmdet
    module.utils.register_all_modules(init_default_scope=False)
    with DefaultScope.overwrite_default_scope(cfg.default_scope), redirect_stdout(StringIO()):
        return DATASETS.build(content)


def _write_label_maps(root: Path) -> Path:
    """A label map of blocks for each training image; returns the list of both."""
    generator = np.random.default_rng(0)
    pairs = []
    for image in sorted((root / 'train2017').iterdir()):
        labels = generator.integers(0, len(CLASSES), (SIZE[1] // 40, SIZE[0] // 40), np.uint8)
        path = root / f'{image.stem}.png'
        Image.fromarray(labels).resize(SIZE, Image.Resampling.NEAREST).save(path)
        pairs.append([str(image), str(path)])
    file = root / 'pairs.json'
    file.write_text(json.dumps(pairs))
    return file


def _time_steps(dataset: Any) -> dict[str, float]:
    """Seconds of each step for an image, on average; the first image warms up."""
    times = defaultdict[str, float](float)
    for index in range(len(dataset)):
        sample, begin = dataset.get_data_info(index), thread_time()
        for transform in dataset.pipeline.transforms:
            sample = transform(sample)
            if sample is None:  # a crop without objects, in whose place another image is loaded
                break
            end = thread_time()
            times[type(transform).__name__] += (end - begin) * bool(index)
            begin = end
    return {step: seconds / (len(dataset) - 1) for step, seconds in times.items()}
