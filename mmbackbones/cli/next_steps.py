"""The commands that come after a training run."""

import json
import shlex
import shutil
import sys
from pathlib import Path

from mmengine.config import Config

from ..apis.train import TrainResult
from ..errors import printable
from ..utils.paths import shown_path


def print_next_steps(result: TrainResult, data: str | None) -> None:
    """Print the commands that come after a training run, ready to be copied.

    Args:
        result: What the run has left.
        data: The data that it was told to use; None for the config's own.
    """
    if result.best_checkpoint is None:
        return
    model, folder = shown_path(result.best_checkpoint), shown_path(result.work_dir)
    images = _validation_images(result.config) or 'IMAGES'
    commands = (
        ['test', model, *(['--data', data] if data else [])],
        ['report', folder],
        ['predict', model, images],
        ['export', model, str(Path(folder) / 'model.onnx')],
    )
    print('\nnext: figures of each class, a report, predictions, a file for other runtimes')
    for command in commands:
        print('   ', printable(shlex.join([*_program(), *command])))


def _program() -> list[str]:
    """How this program is called: by its name where that is this installation's, else as a module."""
    found = shutil.which('mmbackbones')
    if found and Path(found).parent == Path(sys.executable).parent:
        return ['mmbackbones']
    return [sys.executable, '-m', 'mmbackbones']


def _validation_images(config: Path) -> str | None:
    """The folder of the images of the validation, or of the first one, if it is there."""
    dataset = (Config.fromfile(config).get('val_dataloader') or {}).get('dataset', {})
    prefix = dataset.get('data_prefix') or {}
    folder = Path(dataset.get('data_root') or '', prefix.get('img') or prefix.get('img_path') or '')
    if dataset.get('type') == 'PairedSegDataset':
        pairs = json.loads(Path(dataset.ann_file).read_text())
        folder = Path(pairs[0][0]).parent
    return shown_path(folder) if folder.is_dir() and folder != Path() else None
