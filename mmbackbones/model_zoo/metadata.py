"""The metadata of every config and released checkpoint: ``model-index.yml`` and the files that it imports.

The format is OpenMMLab's. ``Metadata`` has what is counted here: ``Parameters``, and ``FLOPs`` (multiply-adds) for an
image of ``Input Size`` (H x W). ``Results`` and ``Published`` have what the authors published; ``Source`` says where.
"""

from pathlib import Path
from typing import Any

import yaml

from ..utils.config_files import metadata_folder

HEADER = """\
# Parameters, FLOPs, Weights and Top 1 Accuracy are written by tools/model_zoo.py --count; the other figures, below
# Results and Published, are those of their Source.
"""


def metafiles() -> list[Path]:
    """The metadata files, one per family."""
    folder = metadata_folder()
    index = yaml.safe_load((folder / 'model-index.yml').read_text(encoding='utf-8'))
    return [folder / path for path in index['Import']]


def update_index(root: Path) -> None:
    """Add the metadata files of new families to the ``model-index.yml`` of the clone at `root`."""
    index = root / 'model-index.yml'
    listed = yaml.safe_load(index.read_text(encoding='utf-8'))['Import']
    found = sorted(path.relative_to(root).as_posix() for path in root.glob('configs/*/metafile.yml'))
    lines = [f'  - {path}\n' for path in dict.fromkeys([*listed, *found])]
    index.write_text('Import:\n' + ''.join(lines), encoding='utf-8')


def read_metafile(path: Path) -> dict[str, Any]:
    """Contents of a metadata file."""
    return yaml.safe_load(path.read_text(encoding='utf-8'))


def write_metafile(path: Path, content: dict[str, Any]) -> None:
    """Write a metadata file, with the comment that says which of its figures are generated."""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    path.write_text(HEADER + text, encoding='utf-8')


def read_models() -> dict[str, dict[str, Any]]:
    """The metadata of every model by its name: that of a config, or the short name of a released checkpoint."""
    return {model['Name']: model for path in metafiles() for model in read_metafile(path)['Models']}
