"""Train a small model with VAN-Tiny on generated data, evaluate it and draw its predictions: minutes on two CPU cores.

Examples:

    mmbackbones demo
    mmbackbones demo mask
    mmbackbones demo seg
"""

from argparse import ArgumentParser, Namespace

from .options import positive_int


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'kind',
        nargs='?',
        choices=('box', 'mask', 'seg'),
        default='box',
        help='boxes (RetinaNet), masks of objects (Mask R-CNN) or semantic segmentation (UperNet)',
    )
    parser.add_argument(
        '--work-dir', metavar='DIR', help='where to write (default: work_dirs/demo, work_dirs/demo_mask or _seg)'
    )
    parser.add_argument('--epochs', type=positive_int, metavar='N', help="length in epochs (default: the config's own)")


def main(arguments: Namespace) -> None:
    from ..apis.demo import run_demo
    from .next_steps import print_next_steps

    print_next_steps(run_demo(**vars(arguments)), 'shapes')
