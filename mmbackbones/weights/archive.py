"""Whether a file of ``torch.save`` is as it was written; PyTorch itself reads flipped bits as weights."""

import zipfile
from pathlib import Path

from ..errors import UserError

_CHUNK = 1 << 20  # bytes
_FOLDER = 0x10  # the attribute by which PyTorch takes an entry for a folder, and gives what lay in memory for it


def check_archive(path: Path) -> None:
    """Look whether a zip file is such as ``torch.save`` writes them since PyTorch 1.6, and undamaged.

    Each entry is stored once, uncompressed, and has the CRC that the archive gives for it.

    Raises:
        UserError: It is another zip file, a program, or damaged.
    """
    try:
        problem = _problem(path)
    except (OSError, UserError):
        raise
    except Exception as error:  # BadZipFile, and whatever else a damaged header leads to
        problem = str(error) or type(error).__name__
    if problem:
        raise UserError(f'checkpoint {path} is damaged: {ascii(problem)[1:-1]}; copy or fetch it again')


def _problem(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        if 'constants.pkl' in {name.rpartition('/')[2] for name in names}:
            raise UserError(f'{path} is a TorchScript program, not a checkpoint: loading it could run code')
        if 'data.pkl' not in {name.rpartition('/')[2] for name in names}:
            raise UserError(f'{path} is a zip file, but no checkpoint: it has no weights in the form of torch.save')
        if len(set(names)) < len(names) or sum(entry.file_size for entry in entries) > path.stat().st_size:
            return 'its entries overlap'
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED or entry.is_dir() or entry.external_attr & _FOLDER:
                return f'its entry {entry.filename} is not stored as torch.save does'
            with archive.open(entry) as content:
                while content.read(_CHUNK):
                    pass
    return ''
