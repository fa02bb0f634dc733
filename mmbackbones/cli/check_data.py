"""Check a data folder before a long training run.

Example:

    mmbackbones check-data data/coco
"""

from argparse import ArgumentParser, Namespace

from ..datasets.formats import describe
from .options import add_label_options


def add_arguments(parser: ArgumentParser) -> None:
    parser.epilog = f'formats:\n{describe()}'
    parser.add_argument('data', metavar='DIR', help='folder with boxes or label maps in one of the formats below')
    add_label_options(parser)


def main(arguments: Namespace) -> None:
    from ..apis import check_data

    print(check_data(arguments.data, arguments.background, arguments.ignore_label))
