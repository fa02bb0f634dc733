"""Tell whether a data folder is right, before a night of training.

Example:

    python tools/check_data.py data/coco
"""
from argparse import ArgumentParser, RawDescriptionHelpFormatter

from mmbackbones.engine import check_data
from mmbackbones.engine.cli import run
from mmbackbones.errors import printable


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('data', metavar='DIR', help='folder in COCO, Roboflow, Pascal VOC, YOLO or ADE20K layout')
    for line in check_data(parser.parse_args().data):
        print(printable(line))


if __name__ == '__main__':
    run(main)
