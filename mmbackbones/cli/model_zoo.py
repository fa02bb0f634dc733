"""Write the generated parts of the documentation, and model-index.yml; this needs a clone.

docs/model_zoo.md and the README's table of models are made from the metadata in configs/*/metafile.yml,
those of the formats in the README and docs/data_formats.md from mmbackbones/datasets/formats/,
and docs/benchmarks.md and its charts from docs/benchmarks/*.csv.

Example, after adding a config to a metafile.yml; the parameters and multiply-adds of all models are counted again:

    mmbackbones model-zoo --count
"""

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        '--count', action='store_true', help='count all models first and write the counts to the metadata (minutes)'
    )


def main(arguments: Namespace) -> None:
    from ..benchmarks.page import write_page
    from ..datasets.formats.documentation import write_documentation
    from ..errors import UserError
    from ..model_zoo.counts import recount_all
    from ..model_zoo.metadata import read_models, update_index
    from ..model_zoo.tables import write_tables
    from ..utils.config_files import metadata_folder

    root = metadata_folder()
    if not (root / 'docs').is_dir():
        raise UserError('model-zoo writes the documentation of a clone, and this is an installed package: use a clone')
    update_index(root)
    if arguments.count:
        for name in recount_all():
            print(name, flush=True)
    write_tables(read_models(), root)
    write_documentation(root)
    write_page(root / 'docs/benchmarks')
