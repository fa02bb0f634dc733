"""Integrity check of the zip files that ``torch.save`` writes; PyTorch itself reads flipped bits as weights."""

import io
import zipfile
from pathlib import Path
from pickle import UnpicklingError

import torch

from ..errors import UserError
from .pickle_scan import scan_pickle

_CHUNK = 1 << 20  # bytes
_FOLDER = 0x10  # attribute of a folder; for an entry that has it, PyTorch returns uninitialized memory


def check_archive(path: Path) -> None:
    """Check that a zip file is one of ``torch.save`` (PyTorch >= 1.6), and undamaged.

    Each entry has to be stored once, uncompressed, with the CRC that the archive gives for it, and PyTorch has to see
    the same entries: a zip file can be made to look like another one to another reader. Its pickle is scanned.

    Raises:
        UserError: It is another zip file, a TorchScript program, or damaged.
        UnpicklingError: See :func:`~mmbackbones.weights.pickle_scan.scan_pickle`.
    """
    try:
        problem = _problem(path)
    except (OSError, UserError, UnpicklingError):
        raise
    except Exception as error:  # BadZipFile, and whatever else a damaged header leads to
        problem = str(error) or type(error).__name__
    if problem:
        raise UserError(f'checkpoint {path} is damaged: {ascii(problem)[1:-1]}; copy or download it again')


def _problem(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        files = {name.rpartition('/')[2] for name in names}
        if 'constants.pkl' in files:
            raise UserError(f'{path} is a TorchScript program, not a checkpoint: loading it could run code')
        if 'data.pkl' not in files:
            raise UserError(f'{path} is a zip file, but not a checkpoint: torch.save did not write it')
        if len(set(names)) < len(names) or sum(entry.file_size for entry in entries) > path.stat().st_size:
            return 'its entries overlap'
        for entry in entries:
            if entry.compress_type != zipfile.ZIP_STORED or entry.is_dir() or entry.external_attr & _FOLDER:
                return f'its entry {entry.filename} is not stored as torch.save does'
            with archive.open(entry) as content:
                while content.read(_CHUNK):
                    pass
    with open(path, 'rb') as file:
        seen = torch._C.PyTorchFileReader(file).get_all_records()  # without the one folder that everything is in
    if sorted(seen) != sorted(name.partition('/')[2] for name in names):
        return 'it has several directories, which list different entries'
    folder = names[0].partition('/')[0]
    with zipfile.ZipFile(path) as archive:
        records = {
            entry.filename.removeprefix(f'{folder}/data/'): entry.file_size
            for entry in entries
            if entry.filename.startswith(f'{folder}/data/')
        }
        scan_pickle(io.BytesIO(archive.read(f'{folder}/data.pkl')), records)
    return ''
