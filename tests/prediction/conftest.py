"""Checkpoints of very small models with random weights, of each task, and data with images of several sizes."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmbackbones.datasets.shapes import CLASSES
from tests.helpers.carried_configs import save_untrained

BACKGROUND = 1  # in the label maps
FEW_OBJECTS = dict(score_thr=0.0, max_per_img=20)


@pytest.fixture(scope='session')
def several_sizes(shapes, tmp_path_factory) -> Path:
    """The generated data, its images made larger by margins of different widths."""
    root = tmp_path_factory.mktemp('several_sizes') / 'shapes'
    shutil.copytree(shapes, root)
    for file in root.glob('annotations/*.json'):
        entries = json.loads(file.read_text())
        for number, image in enumerate(entries['images']):
            right, bottom = 23 * number, 31 * (number % 3)
            path = root / 'images' / image['file_name']
            label_map = (root / 'annotations' / image['file_name']).with_suffix('.png')
            for margins in (path, label_map):
                pixels = cv2.imread(str(margins), cv2.IMREAD_UNCHANGED)
                wider = cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=BACKGROUND)
                cv2.imwrite(str(margins), wider)
            image.update(width=image['width'] + right, height=image['height'] + bottom)
        for annotation in entries['annotations']:
            x, y, width, height = annotation['bbox']
            annotation['segmentation'] = [[x, y, x + width, y, x + width, y + height, x, y + height]]
        file.write_text(json.dumps(entries))
    return root


@pytest.fixture(scope='session')
def detector_file(tiny_config, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp('detector') / 'boxes.pth'
    return save_untrained(path, tiny_config, CLASSES, **FEW_OBJECTS)


@pytest.fixture(scope='session')
def mask_detector_file(tiny_mask_config, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp('mask_detector') / 'masks.pth'
    return save_untrained(path, tiny_mask_config, CLASSES, rcnn=FEW_OBJECTS)


@pytest.fixture(scope='session')
def segmentor_file(tiny_seg_config, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp('segmentor') / 'maps.pth'
    return save_untrained(path, tiny_seg_config, ('background', *CLASSES))


@pytest.fixture
def picture() -> np.ndarray:
    """Noise, which no two neighboring pixels of are alike."""
    return np.random.default_rng(0).integers(0, 255, (70, 90, 3), np.uint8)
