"""Predictions drawn beside the truth."""
from pathlib import Path

import mmcv
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class DrawHook(Hook):
    """Draws every tested image twice, with the truth on the left and the prediction on the right.

    MMDetection's own hook writes images of the same name in different folders over each other, MMSegmentation's names
    no folder at all.

    Args:
        folder: Where the pictures are written, as ``<name of the image>.jpg``, numbered where a name occurs twice.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.names: dict[str, int] = {}

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        for sample in outputs:
            stem = Path(sample.img_path).stem
            self.names[stem] = count = self.names.get(stem, 0) + 1
            path = self.folder / (f'{stem}.jpg' if count == 1 else f'{stem}_{count}.jpg')
            image = mmcv.imread(sample.img_path, channel_order='rgb')
            runner.visualizer.add_datasample(stem, image, sample.cpu(), out_file=str(path))
