"""Check a data folder before a long training run, or write what was read from it in another format.

Examples:

    mmbackbones check-data data/coco
    mmbackbones check-data data/labelme --convert data/plain
"""

from argparse import ArgumentParser, Namespace

from ..datasets.formats import describe, name_tools
from .options import add_label_options


def add_arguments(parser: ArgumentParser) -> None:
    parser.epilog = (
        f'{describe()}\n\nThese tools and data sets use them: {", ".join(name_tools())}.\n\n'
        'docs/data_formats.md says which export of a tool is which format, and shows the tree of each folder and the '
        'YAML file for data in any other folder.'
    )
    parser.add_argument(
        'data',
        metavar='DIR',
        help='folder with boxes or label maps in one of the formats below, or a YAML file that names the files of each '
        'split',
    )
    add_label_options(parser)
    parser.add_argument(
        '--label-maps',
        action='store_true',
        help='check label maps only, as a segmentor would be trained on them; if there are none, they are drawn from '
        'the masks of objects',
    )
    parser.add_argument(
        '--convert',
        metavar='OUT',
        help="write what was read to a new folder: boxes and masks as plain COCO, label maps in ADE20K's layout; "
        'images are hard-linked, or else copied',
    )


def main(arguments: Namespace) -> None:
    from ..apis import check_data

    print(
        check_data(
            arguments.data,
            arguments.background,
            arguments.ignore_label,
            label_maps=arguments.label_maps,
            convert=arguments.convert,
        )
    )
