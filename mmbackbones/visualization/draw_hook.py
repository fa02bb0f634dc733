"""Hook that draws predictions beside the ground truth, one picture per tested image."""

from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ..utils.atomic_write import atomic_write
from ..utils.masks import dense_masks
from ..utils.output_paths import picture_paths
from .drawing import Pixels, draw_objects, draw_segmentation

_SCORE_THR = 0.3  # as `predict` draws by default
_LARGEST_JPEG = 65500  # pixels on a side


@HOOKS.register_module()
class DrawHook(Hook):
    """Draws every tested image twice, with the ground truth on the left and the prediction on the right.

    MMDetection's own hook overwrites pictures of images that have the same name in different folders; MMSegmentation's
    does not let the folder be chosen. Each process draws the images that it tests.

    Args:
        folder: Folder of the pictures, with the same subfolders as the images; see
            :func:`~mmbackbones.utils.output_paths.picture_paths`.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def before_run(self, runner) -> None:
        """Choose the path of each picture.

        Raises:
            UserError: See :func:`~mmbackbones.utils.output_paths.picture_paths`.
        """
        dataset = runner.test_dataloader.dataset
        self.paths = picture_paths(image_paths(dataset), self.folder)
        self.classes = tuple(dataset.metainfo['classes'])

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Draw the images of a batch."""
        for sample in outputs:
            image = mmcv.imread(sample.img_path, channel_order='rgb')
            halves = [_draw(image, truth, self.classes) for truth in _parts(sample.cpu())]
            _write_jpeg(np.concatenate(halves, axis=1), self.paths[sample.img_path])


def image_paths(dataset) -> list[str]:
    """Path of each image of a data set of MMEngine."""
    return [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]


def _parts(sample) -> list[Any]:
    """The ground truth, if there is any, and the prediction."""
    names = ('gt_sem_seg', 'pred_sem_seg') if 'pred_sem_seg' in sample else ('gt_instances', 'pred_instances')
    return [sample.get(name) for name in names if name in sample]


def _draw(image: Pixels, found, classes: tuple[str, ...]) -> Pixels:
    if 'bboxes' not in found:
        return draw_segmentation(image, found.data[0].numpy(), classes)
    scores = None
    if 'scores' in found:
        found = found[found.scores >= _SCORE_THR]
        scores = found.scores.float().numpy()
    boxes = getattr(found.bboxes, 'tensor', found.bboxes).float().numpy()
    masks = dense_masks(found.masks, *image.shape[:2]) if 'masks' in found else None
    return draw_objects(image, boxes, scores, found.labels.numpy(), masks, classes)


def _write_jpeg(picture: Pixels, path: Path) -> None:
    scale = _LARGEST_JPEG / max(picture.shape)
    if scale < 1:
        size = [max(1, int(side * scale)) for side in picture.shape[1::-1]]
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    with atomic_write(path) as partial:
        partial.write_bytes(cv2.imencode('.jpg', picture[..., ::-1])[1].tobytes())
