"""The verb ``demo``: a small model with VAN-Tiny, trained on generated data, tested and drawn."""

from pathlib import Path
from typing import NamedTuple

from ..evaluation.summary import print_metrics
from ..visualization.image_grid import image_grid
from .test import test
from .train import TrainResult, train


class Demo(NamedTuple):
    """One of the demos.

    Attributes:
        model: What is trained, in words.
        config: The name of its config.
        metric: The main metric, as ``metrics.json`` calls it.
        work_dir: Where it writes by default.
    """

    model: str
    config: str
    metric: str
    work_dir: str


DEMOS = {
    'box': Demo('RetinaNet', 'retinanet_van_t_demo', 'bbox_mAP_50', 'work_dirs/demo'),
    'mask': Demo('Mask R-CNN', 'mask_rcnn_van_t_demo', 'segm_mAP_50', 'work_dirs/demo_mask'),
    'seg': Demo('UperNet', 'upernet_van_t_demo', 'mIoU', 'work_dirs/demo_seg'),
}


def run_demo(kind: str = 'box', work_dir: str | None = None, epochs: int | None = None) -> TrainResult:
    """Train a small model on the generated data set, evaluate it, draw its predictions, and print the figures.

    Args:
        kind: A key of :data:`DEMOS`.
        work_dir: Folder for everything that is written; None for the demo's own.
        epochs: Length in epochs; None for the config's.

    Returns:
        What the training run has left.

    Raises:
        UserError: A file cannot be written.
    """
    demo = DEMOS[kind]
    folder = Path(work_dir or demo.work_dir)
    print(f'Training {demo.model} + VAN-Tiny (narrower than the published one) on the generated data set "shapes"')
    trained = train(demo.config, data='shapes', epochs=epochs, work_dir=str(folder))
    assert trained.checkpoint is not None  # the configs of the demos write some
    metrics = test(
        trained.checkpoint,
        data='shapes',
        work_dir=str(folder),
        show_dir=str(folder / 'predictions'),
    )
    image_grid(sorted((folder / 'predictions').glob('*'))[:9], folder / 'predictions.png')
    print_metrics(metrics)
    print(f'{demo.metric}: {metrics[demo.metric]:.3f}')
    print(
        f'model {folder / trained.checkpoint.name}, test/metrics.json, curves.png, predictions.png (and each image in '
        f'predictions/): all in {folder}/'
    )
    return trained
