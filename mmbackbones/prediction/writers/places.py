"""Where what was predicted for each image and video is written."""

import os
from collections.abc import Sequence
from pathlib import Path

from ...utils.output_paths import output_names, refuse_among
from ...utils.paths import absolute
from ..sources import Source

_DRAWN, _LABELS = 'drawn', 'labels'
_PICTURE, _VIDEO, _LABEL_MAP = '.jpg', '.mp4', '.png'


def own_folders(out: Path) -> list[Path]:
    """The folders in a folder of predictions that hold nothing but output."""
    return [out / name for name in (_DRAWN, _LABELS)]


class Places:
    """The files in a folder of predictions, in the same subfolders as the images, no two at the same place.

    Subfolders are those below the folder that was given; if several were given, or files in several, below the deepest
    one that holds them all.

    Args:
        out: The folder of predictions.
        sources: Images, videos and cameras.

    Raises:
        UserError: Output would be written among the images.
    """

    def __init__(self, out: Path, sources: Sequence[Source]) -> None:
        self._out = out
        files = {source.name: source.file for source in sources if source.name is not None and source.file is not None}
        above = {absolute(source.below) for source in sources if source.below is not None}
        root = os.path.commonpath(above) if above else ''
        self._relative = {name: path.relative_to(root) for name, path in files.items()}
        self._relative |= {
            source.name: Path(f'camera {source.name}')
            for source in sources
            if source.camera is not None and source.name
        }
        self._names = output_names(self._relative, (_PICTURE, _VIDEO, _LABEL_MAP))
        output = [out / folder / name for folder in (_DRAWN, _LABELS) for name in self._names.values()]
        refuse_among(files.values(), output, 'predictions', 'name another folder with --out')

    def picture(self, source: str) -> Path:
        """The drawn picture of an image.

        Args:
            source: The image as its prediction calls it.
        """
        return self._out / _DRAWN / f'{self._name(source)}{_PICTURE}'

    def video(self, source: str) -> Path:
        """The drawn video of a video or a camera."""
        return self._out / _DRAWN / f'{self._name(source)}{_VIDEO}'

    def label_map(self, source: str, frame: int | None) -> Path:
        """The label map of an image, or of a frame: those of a video have a folder with its whole name."""
        if frame is None:
            return self._out / _LABELS / f'{self._name(source)}{_LABEL_MAP}'
        return self._out / _LABELS / self._relative[source] / f'{frame:06d}{_LABEL_MAP}'

    def _name(self, source: str) -> str:
        return self._names[source]
