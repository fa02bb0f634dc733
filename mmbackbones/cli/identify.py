"""Say what a checkpoint holds: which network, in whose layout, and what it was trained on.

Examples:

    mmbackbones identify work_dirs/retinanet_van_t/epoch_12.pth
    mmbackbones identify van-b2
"""

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'checkpoint', metavar='CHECKPOINT', help='file, URL or short name of a checkpoint, or an exported file'
    )


def main(arguments: Namespace) -> None:
    from ..apis import identify

    print('\n'.join(identify(arguments.checkpoint).lines))
