"""Hook that draws predictions beside the ground truth, one picture per tested image."""

from itertools import chain
from pathlib import Path

import matplotlib
import mmcv
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ..errors import printable
from ..utils.output_paths import picture_paths


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
