"""Predictions drawn beside the ground truth."""

import os
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import matplotlib
import mmcv
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ..errors import UserError, printable


@HOOKS.register_module()
class DrawHook(Hook):
    """Draws every tested image twice, with the ground truth on the left and the prediction on the right.

    MMDetection's own hook writes images of the same name in different folders over each other, MMSegmentation's names
    no folder at all.

    Args:
        folder: Where the pictures are written, in the same folders as the images; see :func:`picture_paths`.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def before_run(self, runner) -> None:
        self.paths = picture_paths(image_paths(runner.test_dataloader.dataset), self.folder)
        if is_main_process():
            meta = runner.visualizer.dataset_meta
            runner.visualizer.dataset_meta = {**meta, 'classes': tuple(map(printable, meta['classes']))}

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        batches = all_gather_object([sample.cpu() for sample in outputs])
        if not is_main_process():  # MMEngine's visualizers draw in the first process only, so it draws for all
            return
        with matplotlib.rc_context({'text.parse_math': False}):  # a dollar sign in a class name is a dollar sign
            for sample in chain.from_iterable(batches):
                image = mmcv.imread(sample.img_path, channel_order='rgb')
                runner.visualizer.add_datasample('', image, sample, out_file=str(self.paths[sample.img_path]))


def image_paths(dataset) -> list[str]:
    """The file of each image of one of MMEngine's data sets."""
    return [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]


def picture_paths(images: Iterable[str], folder: Path) -> dict[str, Path]:
    """Where in `folder` the picture of each image is written: no two of them in one place.

    Folders are those of the images, from the deepest one on that holds them all. ``day/a.png`` becomes ``day/a.jpg``;
    only beside another ``day/a``, or a folder ``day/a.jpg``, does it keep its suffix: ``day/a.png.jpg``.

    Raises:
        UserError: A picture would be written among the images, and be taken for one of them.
    """
    absolute = {image: Path(os.path.abspath(image)) for image in images}
    root = os.path.commonpath([path.parent for path in absolute.values()])
    relative = {image: path.relative_to(root) for image, path in absolute.items()}
    whole = set(relative.values())
    count = Counter(path.with_suffix('') for path in whole)
    within = {parent for path in whole for parent in path.parents}  # a folder may be called as a picture would be
    pictures = {}
    for image, path in relative.items():
        short = path.with_suffix('')
        name = path if count[short] > 1 or short in whole or Path(f'{short}.jpg') in within else short
        pictures[image] = folder / f'{name}.jpg'
    folders = {os.path.realpath(path.parent) for path in absolute.values()}
    for parent in dict.fromkeys(picture.parent for picture in pictures.values()):
        if os.path.realpath(parent) in folders:
            raise UserError(
                f'pictures would be written among the images in {parent}: choose another folder to draw into'
            )
    return pictures
