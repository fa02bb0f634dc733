"""Check a data folder before a long training run.

Example:

    python tools/check_data.py data/coco
"""

from mmbackbones.cli import add_label_options, new_parser, run
from mmbackbones.datasets.formats import describe


def main() -> None:
    parser = new_parser(__doc__)
    parser.epilog = f'formats:\n{describe()}'
    parser.add_argument('data', metavar='DIR', help='folder with boxes or label maps in one of the formats below')
    add_label_options(parser)
    args = parser.parse_args()

    from mmbackbones.apis import check_data

    print(check_data(args.data, args.background, args.ignore_label))


if __name__ == '__main__':
    run(main)
