"""Write docs/model_zoo.md, the README's table and model-index.yml from the metadata in configs/*/metafile.yml.

Example, after adding a config to a metafile.yml; it counts the parameters and multiply-adds of all models anew:

    python tools/model_zoo.py --count
"""

from pathlib import Path

from mmbackbones.cli import new_parser, run


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument(
        '--count', action='store_true', help='count all models first and write the counts to the metadata (minutes)'
    )
    args = parser.parse_args()

    from mmbackbones.model_zoo import read_models, recount_all, update_index, write_tables

    root = Path(__file__).parents[1]
    update_index(root)
    if args.count:
        for name in recount_all():
            print(name, flush=True)
    write_tables(read_models(), root)


if __name__ == '__main__':
    run(main)
