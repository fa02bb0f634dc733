"""What a folder holds."""

from pathlib import Path


def read_files(root: Path) -> dict[str, bytes]:
    """Path -> content of each file in a folder and its subfolders."""
    return {str(path): path.read_bytes() for path in root.rglob('*') if path.is_file()}
