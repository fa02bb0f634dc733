"""Small trained models, and the files that they are exported to."""

from pathlib import Path

import pytest
import torch

from mmbackbones import apis
from tests.helpers.carried_configs import content, detector, segmentor

SHAPES = ('circle', 'square', 'triangle', 'star')


@pytest.fixture(scope='session')
def detector_file(tmp_path_factory) -> Path:
    """The checkpoint of a detector of the shapes, with random weights."""
    path = tmp_path_factory.mktemp('detector') / 'found.pth'
    parts = {'model.bbox_head.num_classes': 4, 'model.test_cfg.max_per_img': 60}
    torch.save(content(detector(**parts), classes=SHAPES), path)
    return path


@pytest.fixture(scope='session')
def segmentor_file(tmp_path_factory) -> Path:
    """The same of a segmentor."""
    path = tmp_path_factory.mktemp('segmentor') / 'parts.pth'
    torch.save(content(segmentor(**{'model.decode_head.num_classes': 5}), classes=('background', *SHAPES)), path)
    return path


@pytest.fixture(scope='session')
def detector_onnx(detector_file) -> Path:
    """The detector as an ONNX file, beside its checkpoint."""
    return apis.export(detector_file, detector_file.with_suffix('.onnx')).file


@pytest.fixture(scope='session')
def segmentor_onnx(segmentor_file) -> Path:
    """The same of the segmentor."""
    return apis.export(segmentor_file, segmentor_file.with_suffix('.onnx')).file
