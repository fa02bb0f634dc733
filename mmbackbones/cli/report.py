"""Write a page on a training run and its test: curves, figures of each class, mix-ups, errors, likely label errors.

The page is a single HTML file that opens in any browser, without a network. A run that was not tested yet is tested
first, on its own data. Several work directories are shown side by side.

Examples:

    mmbackbones report work_dirs/retinanet_van_t
    mmbackbones report work_dirs/retinanet_van_t work_dirs/retinanet_van_s --out side_by_side.html
"""

from argparse import ArgumentParser, Namespace

from ..errors import printable
from ..utils.paths import shown_path


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'work_dir',
        nargs='+',
        metavar='WORK_DIR',
        help='work directory of a training run, or folder of a test; the others are measured by the first',
    )
    parser.add_argument(
        '--out', metavar='FILE.html', help='where to write the page (default: report.html in the first WORK_DIR)'
    )


def main(arguments: Namespace) -> None:
    from ..apis import report

    done = report(*arguments.work_dir, out=arguments.out)
    for folder, problem in done.problems:
        print(f'{printable(folder)}: {printable(problem)}')
    print('report written to', printable(shown_path(done.file)))
