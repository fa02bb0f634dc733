"""Train a detector or a segmentor.

Example, on a folder of one's own (COCO, Roboflow, Pascal VOC, YOLO or ADE20K layout; classes are read from it):

    python tools/train.py configs/retinanet_van_b.py --data path/to/folder --batch-size 4 --epochs 12
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

from mmbackbones.apis import train
from mmbackbones.cli import CfgOptions, natural, positive_float, positive_int, run
from mmbackbones.engine.label_options import add_label_options


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--data',
        metavar='NAME_OR_DIR',
        help="'shapes' (generated) or a folder; without it the config's own data under data/ is used",
    )
    parser.add_argument(
        '--img-scale', type=positive_int, nargs=2, metavar=('W', 'H'), help='resize images to fit into W x H pixels'
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument('--epochs', type=positive_int, metavar='N', help='length, in epochs; the schedule stretches')
    length.add_argument('--iters', type=positive_int, metavar='N', help='length, in iterations; the schedule stretches')
    parser.add_argument(
        '--batch-size',
        type=positive_int,
        metavar='N',
        help='images a batch, for each GPU; without --lr the learning rate scales with it',
    )
    parser.add_argument('--lr', type=positive_float, metavar='RATE', help='learning rate, taken as it is')
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument(
        '--weights', metavar='FILE', help="start from a backbone's or a whole model's file, URL or short name (van-b2)"
    )
    weights.add_argument('--from-scratch', action='store_true', help='start from random weights')
    parser.add_argument('--amp', action='store_true', help='mixed precision, on a GPU')
    parser.add_argument(
        '--accumulate',
        type=positive_int,
        default=1,
        metavar='N',
        help='sum gradients over N batches for each optimizer step',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='FILE',
        help='continue a training run from FILE, or from the newest checkpoint of the last run in the '
        'work directory; repeat the options it was started with',
    )
    add_label_options(parser)
    parser.add_argument(
        '--work-dir',
        metavar='DIR',
        help='where checkpoints, logs and the config as it is run go (default: work_dirs/<config>)',
    )
    parser.add_argument(
        '--seed',
        type=natural,
        metavar='N',
        help='seed of every random draw (default: 0; with --resume, the seed of the resumed run)',
    )
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='what started the processes, for several GPUs: pytorch for torchrun (default: none)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        metavar='k=v',
        help='override config entries; they win over every other option',
    )
    train(**vars(parser.parse_args()))


if __name__ == '__main__':
    run(main)
