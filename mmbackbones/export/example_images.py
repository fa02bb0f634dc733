"""Images to compare an exported file with PyTorch on."""

from contextlib import redirect_stdout
from io import StringIO
from os.path import commonpath, dirname
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
from mmengine.registry import DATASETS, DefaultScope

from ..datasets.shapes import generate_shapes
from ..engine.checkpoint_config import carried_config
from ..errors import printable
from .metadata import Metadata
from .object_match import Array

_SIZE = 160  # pixels of a generated image
_MAX_SIDE = 640  # pixels; masks of a hundred objects, as large as a photograph, would fill the memory


def example_images(metadata: Metadata, count: int) -> tuple[list[Array], str]:
    """Images of the data that a model was tested on if they are there, else generated ones.

    Args:
        metadata: What the exported file says of the model.
        count: How many.

    Returns:
        Images (H, W, 3), BGR, and where they are from, in words.
    """
    paths = _test_images(metadata, count) if metadata.config else []
    images = _read(paths)
    if len(images) == count:
        return images, f'images of {printable(commonpath(map(dirname, paths)))}'
    with TemporaryDirectory() as folder:
        generate_shapes(Path(folder) / 'shapes', num_train=1, num_val=count, size=_SIZE)
        return _read(sorted(map(str, Path(folder).rglob('images/validation/*.jpg')))), 'generated images'


def _read(paths: list[str]) -> list[Array]:
    return [_shrunk(image) for image in map(cv2.imread, paths) if image is not None]


def _shrunk(image: Array) -> Array:
    scale = _MAX_SIDE / max(image.shape)
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else image


def _test_images(metadata: Metadata, count: int) -> list[str]:
    """Paths of the first test images that the config names; none if it names none that are there."""
    try:
        cfg = carried_config(metadata.content, 'the exported file')
        # MMSegmentation opens no test data without names of classes, which the config may leave to the data.
        settings = {'metainfo': dict(classes=metadata.classes), **cfg.test_dataloader.dataset, 'pipeline': []}
        # pycocotools prints that it reads annotations.
        with DefaultScope.overwrite_default_scope(cfg.default_scope), redirect_stdout(StringIO()):
            dataset = DATASETS.build(settings)
        return [dataset.get_data_info(index)['img_path'] for index in range(min(count, len(dataset)))]
    except Exception:  # data that is not there, or not as it was, can fail in any way
        return []
