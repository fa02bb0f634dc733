"""The metadata of every config and released checkpoint: ``model-index.yml`` and what it imports.

The format is OpenMMLab's. ``Metadata`` has what is counted here: ``Parameters``, and ``FLOPs`` (multiply-adds) for an
image of ``Input Size`` (H x W). ``Results`` and ``Published`` have what the authors published; ``Source`` says where.
"""

from pathlib import Path

import yaml

from ..utils.config_files import metadata_folder

METRICS = ('Top 1 Accuracy', 'box AP', 'mask AP', 'mIoU', 'mIoU(ms+flip)')  # of all tasks, in the order of the tables

_HEADER = """\
# Parameters, FLOPs, Weights and Top 1 Accuracy are written by tools/model_zoo.py --count. All other figures, below
# Results and Published, are those of their Source.
"""


def metafiles() -> list[Path]:
    """The files with the metadata, one a family."""
    folder = metadata_folder()
    index = yaml.safe_load((folder / 'model-index.yml').read_text(encoding='utf-8'))
    return [folder / path for path in index['Import']]


def read_metafile(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding='utf-8'))


def write_metafile(path: Path, content: dict) -> None:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    path.write_text(_HEADER + text, encoding='utf-8')


def read_models() -> dict[str, dict]:
    """The metadata of every model, by its name: a config's, or a released checkpoint's short one."""
    return {model['Name']: model for path in metafiles() for model in read_metafile(path)['Models']}
