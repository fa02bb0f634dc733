"""Config lookup: in an installed wheel, or beside the package in a clone."""

from pathlib import Path

from mmengine.config import Config

from ..errors import UserError

_PACKAGE = Path(__file__).parents[1]


def metadata_folder() -> Path:
    """Folder of ``configs/`` and of the model index, ``model-index.yml``."""
    return next(folder for folder in (_PACKAGE / '.mim', _PACKAGE.parent) if (folder / 'configs').is_dir())


def config_path(name: str) -> Path:
    """Path of the config called `name` (``retinanet_van_b``, with or without ``.py``).

    Raises:
        UserError: There is no config of that name; the message lists those there are.
    """
    name = name.removesuffix('.py')
    folder = metadata_folder() / 'configs'
    path = folder / f'{name}.py'
    if not path.is_file():
        names = ', '.join(sorted(path.stem for path in folder.glob('*.py')))
        raise UserError(f'there is no config {name!r}; there are {names}')
    return path


def read_config(path: str | Path) -> Config:
    """Read the config in a file, which is Python and runs.

    Raises:
        UserError: There is no such file, or it is no valid config.
    """
    try:
        if not Path(path).exists():
            raise UserError(f'config {path} does not exist')
        if not Path(path).is_file():
            raise UserError(f'config {path} is not a file')
        return Config.fromfile(path)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f'config {path} cannot be read: {error.strerror or error}') from error
    except Exception as error:  # a config is a program and may raise anything
        reason = ' '.join(str(error).split()) or 'it raises'
        raise UserError(f'config {path} cannot be read: {reason} ({type(error).__name__})') from error


def get_config(name: str) -> Config:
    """Read the config called `name`, see :func:`config_path`."""
    return read_config(config_path(name))
