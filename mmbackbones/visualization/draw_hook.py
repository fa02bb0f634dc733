"""Hook that draws predictions beside the ground truth, one picture per tested image."""

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

    MMDetection's own hook overwrites pictures of images that have the same name in different folders; MMSegmentation's
    does not let the folder be chosen.

    Args:
        folder: Folder of the pictures, with the same subfolders as the images; see :func:`picture_paths`.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def before_run(self, runner) -> None:
        """Choose the path of each picture, and make the class names printable.

        Raises:
            UserError: See :func:`picture_paths`.
        """
        self.paths = picture_paths(image_paths(runner.test_dataloader.dataset), self.folder)
        if is_main_process():
            meta = runner.visualizer.dataset_meta
            runner.visualizer.dataset_meta = {**meta, 'classes': tuple(map(printable, meta['classes']))}

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Draw the images of a batch, those of all processes in the first one."""
        batches = all_gather_object([sample.cpu() for sample in outputs])
        if not is_main_process():  # MMEngine's visualizers draw in the first process only
            return
        with matplotlib.rc_context({'text.parse_math': False}):  # a dollar sign in a class name is a dollar sign
            for sample in chain.from_iterable(batches):
                image = mmcv.imread(sample.img_path, channel_order='rgb')
                runner.visualizer.add_datasample('', image, sample, out_file=str(self.paths[sample.img_path]))


def image_paths(dataset) -> list[str]:
    """Path of each image of a data set of MMEngine."""
    return [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]


def picture_paths(images: Iterable[str], folder: Path) -> dict[str, Path]:
    """Choose a path for the picture of each image, no two of them the same.

    Subfolders are those of the images, below the deepest folder that holds all images. ``day/a.png`` becomes
    ``day/a.jpg``; it keeps its suffix (``day/a.png.jpg``) only beside another ``day/a`` or a folder ``day/a.jpg``.

    Args:
        images: Paths of the images.
        folder: Folder of the pictures.

    Raises:
        UserError: A picture would be written among the images, where it would pass for one of them.
    """
    absolute = {image: Path(os.path.abspath(image)) for image in images}
    root = os.path.commonpath([path.parent for path in absolute.values()])
    relative = {image: path.relative_to(root) for image, path in absolute.items()}
    whole = set(relative.values())
    count = Counter(path.with_suffix('') for path in whole)
    within = {parent for path in whole for parent in path.parents}  # a folder may have the name of a picture
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
