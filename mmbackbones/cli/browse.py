"""Look at a data set before training on it: what a folder holds, and what a model sees of it after augmentation.

OUT gets index.html, a page that any browser opens without a network, sheets of pictures as PNG files, and
findings.json, a list of all that was found: labels that may be wrong, and images that are nearly alike. A file that
cannot be read stops nothing: it is named, and the exit code is 2, as that of check-data.

Examples:

    mmbackbones browse path/to/folder
    mmbackbones browse retinanet_van_t --data path/to/folder --img-scale 640 640
"""

import sys
from argparse import ArgumentParser, Namespace

from .options import add_data_options, add_label_options


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'source',
        metavar='DIR|CONFIG',
        help='folder with boxes or label maps, or a YAML file that names the files of each split, as check-data takes '
        'them; or the path or name of a config, to see what it makes of its data as well',
    )
    parser.add_argument('--out', metavar='OUT', help='where to write (default: browse/<name of the folder or config>)')
    add_data_options(parser)
    add_label_options(parser)


def main(arguments: Namespace) -> None:
    from ..apis import browse
    from ..errors import printable
    from ..utils.text import counted

    result = browse(**vars(arguments))
    for line in result.lines:
        print(printable(line))
    for path, reason in result.unreadable.items():
        print(printable(f'{path}: {reason}'), file=sys.stderr)
    if result.unreadable:
        print(f'{counted(len(result.unreadable), "file")} cannot be read', file=sys.stderr)
        sys.exit(2)
