"""Evaluate a trained detector or segmentor: prints its metrics and leaves them in metrics.json in the work directory,
or in its test/ where that is the folder of a training run.

Example:

    python tools/test.py configs/retinanet_van_b.py work_dirs/retinanet_van_b/epoch_12.pth --data path/to/folder
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

from mmengine.dist import is_main_process

from mmbackbones.apis import evaluate
from mmbackbones.cli import CfgOptions, positive_int, run
from mmbackbones.engine.label_options import add_label_options
from mmbackbones.evaluation.summary import print_metrics


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='file or URL of a trained model')
    parser.add_argument(
        '--data',
        metavar='NAME_OR_DIR',
        help="'shapes' (generated) or a folder; without it the config's own data under data/ is used",
    )
    parser.add_argument(
        '--img-scale',
        type=positive_int,
        nargs=2,
        metavar=('W', 'H'),
        help='resize images to fit into W x H pixels, as in training',
    )
    parser.add_argument('--tta', action='store_true', help='average predictions over scales and flips')
    parser.add_argument(
        '--show-dir',
        metavar='DIR',
        help='draw predictions beside the ground truth into DIR, in the same folders as the images',
    )
    add_label_options(parser, otherwise='as in training')
    parser.add_argument(
        '--work-dir',
        metavar='DIR',
        help='where metrics.json and logs go (default: work_dirs/<config>, or test/ in it after a training)',
    )
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='what started the processes, for several GPUs: pytorch for torchrun (default: none)',
    )
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, metavar='k=v', help='override config entries')
    metrics = evaluate(**vars(parser.parse_args()))
    if is_main_process():
        print_metrics(metrics)


if __name__ == '__main__':
    run(main)
