"""Write the generated parts of the documentation, and model-index.yml.

docs/model_zoo.md and the README's table of models are made from the metadata in configs/*/metafile.yml,
the lists of formats in the README and docs/own_data.md from mmbackbones/datasets/formats/.

Example, after adding a config to a metafile.yml; the parameters and multiply-adds of all models are counted again:

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

    from mmbackbones.datasets.formats.documentation import write_documentation
    from mmbackbones.model_zoo import read_models, recount_all, update_index, write_tables

    root = Path(__file__).parents[1]
    update_index(root)
    if args.count:
        for name in recount_all():
            print(name, flush=True)
    write_tables(read_models(), root)
    write_documentation(root)


if __name__ == '__main__':
    run(main)
