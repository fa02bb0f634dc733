"""Write docs/model_zoo.md, the README's table and model-index.yml from the metadata in configs/*/metafile.yml.

Example, after adding a config to a metafile.yml; it counts parameters and multiply-adds of all models first:

    python tools/model_zoo.py --count
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

from mmbackbones.cli import run
from mmbackbones.model_zoo import read_models, recount_all, update_index, write_tables


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        '--count', action='store_true', help='count all models first, and write that to the metadata (some minutes)'
    )
    args = parser.parse_args()
    root = Path(__file__).parents[1]
    update_index(root)
    if args.count:
        for name in recount_all():
            print(name, flush=True)
    write_tables(read_models(), root)


if __name__ == '__main__':
    run(main)
