"""Tell whether a data folder is right, before a night of training.

Example:

    python tools/check_data.py data/coco
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

from mmbackbones.apis import check_data
from mmbackbones.cli import run
from mmbackbones.engine.label_options import add_label_options
from mmbackbones.errors import printable


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        'data',
        metavar='DIR',
        help='folder of boxes in COCO, Roboflow, Pascal VOC or YOLO layout, or of label maps (PNGs of '
        '8 or 16 bits, grey or with a palette) in ADE20K layout',
    )
    add_label_options(parser)
    args = parser.parse_args()
    for line in check_data(args.data, args.background, args.ignore_label):
        print(printable(line))


if __name__ == '__main__':
    run(main)
