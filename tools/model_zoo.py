"""Write docs/model_zoo.md and the README's table from the metadata, model-index.yml and configs/*/metafile.yml.

Example, after a new config was added to a metafile.yml, counting parameters and multiply-adds of all models first:

    python tools/model_zoo.py --count
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

from mmbackbones.cli import run
from mmbackbones.model_zoo import read_models, recount_all, write_tables


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument(
        '--count', action='store_true', help='count all models first, and write that to the metadata (some minutes)'
    )
    if parser.parse_args().count:
        for name in recount_all():
            print(name, flush=True)
    write_tables(read_models(), Path(__file__).parents[1])


if __name__ == '__main__':
    run(main)
