"""Evaluate a trained detector or segmentor: print its metrics and write them to metrics.json in the work directory.

What is predicted and what is true are written to predictions.json and ground_truth.json beside it. If the work
directory is the folder of a training run, all go to its test/.

Examples, with the config that the checkpoint was trained with, and with another:

    mmbackbones test work_dirs/retinanet_van_b/epoch_12.pth --data path/to/folder
    mmbackbones test retinanet_van_b path/to/checkpoint.pth --data path/to/folder
"""

from argparse import ArgumentParser, Namespace

from .options import (
    add_amp,
    add_config,
    add_data_options,
    add_label_options,
    add_run_options,
    add_tile_options,
    check_tile_options,
    positive_int,
)


def add_arguments(parser: ArgumentParser) -> None:
    add_config(parser, optional=True, default='the one in the checkpoint')
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='file or URL of a trained model, or an exported file')
    add_data_options(parser)
    parser.add_argument(
        '--batch-size',
        type=positive_int,
        metavar='N',
        help="images that are computed at once (default: the config's own; 1 without CONFIG)",
    )
    add_amp(parser)
    parser.add_argument('--tta', action='store_true', help='test-time augmentation: average over scales and flips')
    add_tile_options(parser)
    parser.add_argument(
        '--show-dir',
        metavar='DIR',
        help='draw predictions beside the ground truth into DIR, in the same folders as the images',
    )
    parser.add_argument(
        '--save-predictions',
        metavar='FILE.json',
        help='where to write all that is predicted, in COCO form (default: predictions.json beside metrics.json)',
    )
    add_label_options(parser, default='as in training')
    parser.add_argument(
        '--work-dir',
        metavar='DIR',
        help='where to write metrics.json, predictions.json, ground_truth.json and logs (default: test/ in the folder '
        'of the training run; with CONFIG work_dirs/<config>, or its test/ after a training run)',
    )
    add_run_options(parser)


def main(arguments: Namespace) -> None:
    from mmengine.dist import is_main_process

    from ..apis import test
    from ..evaluation.summary import print_metrics

    check_tile_options(arguments)
    metrics = test(**vars(arguments))
    if is_main_process():
        print_metrics(metrics)
