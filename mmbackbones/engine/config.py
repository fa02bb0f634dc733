"""Configs: read with the options of the command line, changed, and written."""

from copy import deepcopy
from pathlib import Path
from time import time_ns
from typing import Any

from mmengine.config import Config

from ..errors import UserError
from ..utils.atomic_write import atomic_write
from ..utils.config_files import ConfigLike, config_name, read_config
from .config_tree import drop_hook
from .options import LENGTHS, flatten, merge


def load_config(config: ConfigLike, work_dir: str | None, cfg_options: dict | None) -> Config:
    """Read a config and merge ``--cfg-options`` into it.

    Args:
        config: A path, a name or a config, see :func:`~mmbackbones.utils.config_files.read_config`.
        work_dir: The work directory, ``work_dirs/<config>`` by default; ``--cfg-options work_dir`` overrides it.
        cfg_options: Config entries to override, by dotted names or nested.

    Raises:
        UserError: There is no such config, it is not valid, or an option does not fit it.
    """
    cfg = read_config(config)
    complete_config(cfg, config_name(config), work_dir, flatten(cfg_options))
    return cfg


def read_model_config(config: ConfigLike) -> Config:
    """Read the config of a detector or a segmentor, to predict with it.

    Args:
        config: As of :func:`load_config`.

    Raises:
        UserError: There is no such config, it is not valid, or it is of something else.
    """
    cfg = read_config(config)
    if missing := [key for key in ('model', 'test_dataloader') if key not in cfg]:
        raise UserError(f'the config has no {missing[0]}: give one of a detector or a segmentor')
    return cfg


def complete_config(
    cfg: Config, name: str, work_dir: str | None, options: dict[str, Any], keep_length: bool = False
) -> None:
    """Merge ``--cfg-options`` into a config, and add what every command needs.

    Args:
        cfg: The config, as read; changed in place.
        name: What it is called.
        work_dir: The work directory, ``work_dirs/<config>`` by default; ``--cfg-options work_dir`` overrides it.
        options: Flat ``--cfg-options``.
        keep_length: Leave out options that set the length of training, which schedules are stretched to later.

    Raises:
        UserError: An option does not fit the config.
    """
    merge(cfg, {key: value for key, value in options.items() if not (keep_length and key in LENGTHS)})
    # The config that is written to the work directory needs what this package registers, wherever it is read again.
    cfg.setdefault('custom_imports', dict(imports=[], allow_failed_imports=False))
    cfg.custom_imports.imports = [*cfg.custom_imports.imports, 'mmbackbones.engine']
    # Progress is shown in every run; configs of version 1 ask for it.
    drop_hook(cfg, 'ProgressHook')
    for key in ('test_dataloader', 'test_evaluator'):  # in some configs the same objects as those of the validation
        cfg[key] = deepcopy(cfg[key])
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if options.get(f'{loader}.num_workers') == 0:  # PyTorch refuses to keep workers where there are none
            cfg[loader].setdefault('persistent_workers', False)
            cfg[loader].persistent_workers &= bool(options.get(f'{loader}.persistent_workers'))
    cfg.work_dir = str(options.get('work_dir') or '') or work_dir or str(Path('work_dirs') / name)
    # For as long as the process lives MMEngine reuses a visualizer of the same name, with the folder that it writes to.
    cfg.visualizer.name = f'{name}_{time_ns()}'


def dump_config(cfg: Config, path: Path) -> None:
    """Write a config to a file that is read back as the same config, whatever its strings are, such as class names."""
    # When MMEngine reads a config, it substitutes what is in double braces, environment variables included.
    text = cfg.pretty_text.replace('{{', r'{\x7b')
    with atomic_write(path) as partial:
        partial.write_text(text, encoding='utf-8')
