"""The kinds of files that models are exported to, and what their names end with."""

import os
from pathlib import Path

from ..errors import UserError

SUFFIXES = {'onnx': '.onnx', 'openvino': '.xml', 'torch-export': '.pt2'}
_KNOWN = ', '.join(f'{suffix} ({name})' for name, suffix in SUFFIXES.items())


def is_exported(file: object) -> bool:
    """Whether a name is that of an exported file, not of a checkpoint."""
    return isinstance(file, str | os.PathLike) and _suffix(os.fspath(file)) in SUFFIXES.values()


def format_of(file: str) -> str:
    """The format of an exported file, by its suffix."""
    return next(name for name, suffix in SUFFIXES.items() if suffix == _suffix(file))


def choose_format(file: str, format: str | None) -> tuple[Path, str]:
    """Where to export to, and in which format.

    Args:
        file: As given. Without a suffix it gets that of `format`.
        format: One of :data:`SUFFIXES`; None to tell by the suffix.

    Raises:
        UserError: The suffix is none of these, or that of another format, or there is no such format.
    """
    if format is not None and format not in SUFFIXES:
        raise UserError(f'--format is one of {", ".join(SUFFIXES)}, got {format!r}')
    path = Path(file)
    suffix = _suffix(file)
    if format and not suffix and path.name:
        return path.with_name(path.name + SUFFIXES[format]), format
    if suffix not in SUFFIXES.values():
        raise UserError(f'{file}: the name of an exported file ends with {_KNOWN}')
    if format and suffix != SUFFIXES[format]:
        raise UserError(f'{file} ends with {suffix}, but --format {format} writes {SUFFIXES[format]}')
    return path, format_of(file)


def _suffix(file: str) -> str:
    return os.path.splitext(file)[1].lower()
