"""Where the configs are: inside an installed wheel, or beside the package in a clone."""
from pathlib import Path

from mmengine.config import Config

from .errors import UserError

_PACKAGE = Path(__file__).parent
_FOLDERS = (_PACKAGE / '.mim' / 'configs', _PACKAGE.parent / 'configs')


def config_path(name: str) -> Path:
    """Path of the config called `name` (``retinanet_van_b``, with or without ``.py``).

    Raises:
        UserError: There is no config of that name; the message lists those there are.
    """
    name = name.removesuffix('.py')
    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    path = folder / f'{name}.py'
    if not path.is_file():
        names = ', '.join(sorted(path.stem for path in folder.glob('*.py')))
        raise UserError(f'there is no config {name!r}; there are {names}')
    return path


def get_config(name: str) -> Config:
    """The config called `name`, read. See :func:`config_path`."""
    return Config.fromfile(config_path(name))
