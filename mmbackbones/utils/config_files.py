"""Config lookup: by path, or by name in an installed wheel or beside the package in a clone."""

from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

from mmengine.config import Config

from ..errors import UserError

ConfigLike: TypeAlias = str | Path | Config  # what every CONFIG may be: a path, a name, or the config itself

CONFIG_COPY = 'config.py'  # the config that was run, in its work directory

_PACKAGE = Path(__file__).parents[1]


def metadata_folder() -> Path:
    """Folder of ``configs/`` and of the model index, ``model-index.yml``."""
    return next(folder for folder in (_PACKAGE / '.mim', _PACKAGE.parent) if (folder / 'configs').is_dir())


def config_names() -> list[str]:
    """The names of all configs of this package."""
    return sorted(path.stem for path in (metadata_folder() / 'configs').glob('*.py'))


def config_path(name: str) -> Path:
    """Path of the config called `name` (``retinanet_van_b``, with or without ``.py``).

    Raises:
        UserError: There is no config of that name; the message lists those that come closest.
    """
    name, names = name.removesuffix('.py'), config_names()
    if name not in names:
        close = get_close_matches(name, names, n=3, cutoff=0.5) or ['retinanet_van_b', 'upernet_van_b']
        raise UserError(
            f'there is no config {name!r}: give the path of a file, or one of the {len(names)} names, such as '
            f'{", ".join(close)}'
        )
    return metadata_folder() / 'configs' / f'{name}.py'


def config_name(config: ConfigLike) -> str:
    """What a config is called: its file's name without the suffix, or that of the work directory that it was copied to.

    It is ``config`` if it comes from no file.
    """
    path = Path((config.filename if isinstance(config, Config) else config) or CONFIG_COPY).absolute()
    return path.parent.name if path.name == CONFIG_COPY and path.is_file() else path.stem


def read_config(config: ConfigLike) -> Config:
    """Read a config.

    Args:
        config: Path of a file, which is Python and runs; the name of a config of this package, in a clone or a wheel
            (``retinanet_van_b``); or a config, of which a copy is returned.

    Raises:
        UserError: There is no such file or name, or it is no valid config.
    """
    if isinstance(config, Config):
        return deepcopy(config)
    try:
        path = _find(config)
        return Config.fromfile(path)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f'config {config} cannot be read: {error.strerror or error}') from error
    except Exception as error:  # a config is a program and may raise anything
        reason = ' '.join(str(error).split()) or 'it raises'
        raise UserError(f'config {config} cannot be read: {reason} ({type(error).__name__})') from error


def _find(config: str | Path) -> Path:
    """The file that a path or a name stands for."""
    path = Path(config).expanduser()
    if path.name == str(config) and not path.suffix:
        return config_path(path.name)
    if path.is_file():
        return path
    if path.suffix == '.py' and path.stem in config_names():
        if path.name == str(config):
            return config_path(path.name)
        raise UserError(f'config {config} does not exist; the one that is installed is called {path.stem}')
    raise UserError(f'config {config} {"is not a file" if path.exists() else "does not exist"}')
