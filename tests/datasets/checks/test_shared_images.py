"""Images of a validation split that are trained on as well are told, in whatever format."""

import shutil

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.shared_images import TrainedImages
from tests.helpers import detection_folders as folders
from tests.helpers.detection_folders import TRUTH, write_coco, write_image


def test_the_same_files(tmp_path, out_dir):
    folders.plain(tmp_path)
    write_coco(tmp_path / 'annotations/val.json', TRUTH['train'])
    said = f'annotations/val.json: 4 of the 4 images of val are trained on as well, such as {tmp_path}/images/a1.jpg'
    assert said in load_detection(tmp_path, out_dir).notes


@pytest.mark.parametrize(('change', 'shared'), [(b'', True), (b'x', False)])
def test_copies(change, shared, tmp_path):
    images = [tmp_path / name for name in ('train/a.jpg', 'val/a.jpg', 'val/b.jpg')]
    write_image(images[0])
    for image in images[1:]:
        image.parent.mkdir(exist_ok=True)
        shutil.copy(images[0], image)
    images[1].write_bytes(images[1].read_bytes() + change)
    trained = TrainedImages()
    trained.add([str(images[0])])
    said = f'val.json: 1 of the 2 images of val are trained on as well, such as {images[1]}'
    assert trained.describe_shared(map(str, images[1:]), 'val', 'val.json') == [said] * shared
