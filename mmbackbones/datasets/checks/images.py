"""Images as training will see them."""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from .file_cache import inspect_files, reason

ORIENTATION = 0x0112  # EXIF tag; 1 = upright
SUFFIXES = {'.avif', '.bmp', '.gif', '.jpeg', '.jpg', '.jp2', '.png', '.tif', '.tiff', '.webp'}

# EXIF orientation -> what OpenCV does to the stored pixels.
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}
_AS_STORED = cv2.IMREAD_IGNORE_ORIENTATION
_EXIF_MARKS = b'eXIf', b'EXIF', b'Exif'  # of PNG, WebP, and AVIF
_LARGE = 1 << 26  # pixels; as many threads as there are cores would need too much memory for images of more
_one_large_image = Lock()


class ImageInfo(NamedTuple):
    """What is to be known of an image before it is trained on."""

    width: int  # pixels, as training sees it: turned by its EXIF orientation
    height: int
    orientation: int = 1  # of EXIF, 1 to 8, by which OpenCV turns the stored pixels; 1: not at all
    stored_levels: int = 0  # different values in the file, if a channel has more than 8 bits; else 0
    seen_levels: int = 0  # different values in what training gets of them, which has 8 bits; else 0
    hidden_channel: int = 0  # 1: a fourth channel (such as transparency), which training does not read, is not constant
    more_frames: int = 0  # 1: there are several pages or frames, of which training reads the first
    cmyk: int = 0  # 1: in printing colors, which are converted to RGB

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


def read_images(root: Path, folder: Path, names: Sequence[str], source: str) -> list[ImageInfo]:
    """Verify the images `names` of `folder` by decoding them.

    Args and errors: as :func:`~mmbackbones.datasets.checks.file_cache.inspect_files`.
    """
    with _lenient_pil():
        found = inspect_files(root, folder, names, source, 'image', _decode)
    return [ImageInfo(*values) for values in found]


def _decode(path: str) -> ImageInfo | str:
    """What training will see of an image, or why it could not read the file.

    OpenCV, which training reads images with, is the judge. Only of a JPEG file it takes pixels that are not there for
    grey, depending on its version; PIL does not, and is faster, because it decodes every byte, but not every pixel.
    """
    try:
        data = np.fromfile(path, np.uint8)
        if not data.size:
            return 'the file is empty'
        header = _header(data)
        large = header is None or header.size[0] * header.size[1] > _LARGE
        with _one_large_image if large else nullcontext():
            if header and header.kind == 'JPEG':
                _load_strictly(data)
                if not large:
                    return _see_jpeg(data, header)
            return _see(data, header)
    except Exception as error:  # a decoder may fail with anything, and whatever it is, the file is not sound
        return reason(error)


class _Header(NamedTuple):
    """What PIL says of a file without decoding it."""

    kind: str
    size: tuple[int, int]
    tag: int  # EXIF orientation; 0: unknown
    plain: bool  # nothing besides 8 bits of three colors or of grey
    hidden: bool  # a second channel beside grey, which OpenCV does not show
    more_frames: int
    cmyk: int


def _header(data: np.ndarray) -> _Header | None:
    """None: PIL does not know the file, or takes offence at what is written in it besides the pixels."""
    raw = data.tobytes()
    try:
        with Image.open(io.BytesIO(raw)) as image:
            kind = 'JPEG' if image.format == 'MPO' else image.format  # of phones: a JPEG with another behind it
            samples = image.tag_v2.get(277, 1) if kind == 'TIFF' else 0
            several = kind != 'JPEG' and getattr(image, 'is_animated', False)
            plain = kind in ('JPEG', 'BMP') or (
                kind == 'PNG'
                and image.mode in ('1', 'L', 'P', 'RGB')
                and 'transparency' not in image.info
                and raw[24] <= 8  # the depth; PIL itself makes 8 bits of 16
            )
            return _Header(
                kind, image.size, _tag(image, raw), plain, samples == 2, int(several), int(image.mode == 'CMYK')
            )
    except Exception:  # see _decode
        return None


def _tag(image: Image.Image, raw: bytes) -> int:
    if image.format not in ('JPEG', 'MPO', 'TIFF'):  # PIL would decode a PNG for that
        return 0 if any(mark in raw for mark in _EXIF_MARKS) else 1
    try:
        tag = image.getexif().get(ORIENTATION, 1)
    except Exception:  # garbage in EXIF, which OpenCV passes over
        tag = 0
    return tag if tag in TURNS else 1 if image.format == 'TIFF' else 0


def _load_strictly(data: np.ndarray) -> None:
    try:
        image = Image.open(io.BytesIO(data.tobytes()))
    except UnidentifiedImageError as error:  # whose words are of an object in memory
        raise ValueError('it is no image file of a known kind') from error
    with image:
        image.draft('L', (1, 1))  # decodes at an eighth of the size, but every byte
        image.load()


def _see_jpeg(data: np.ndarray, header: _Header) -> ImageInfo:
    orientation = 1
    if header.tag != 1:
        eighth = cv2.IMREAD_REDUCED_COLOR_8
        orientation = _orientation(*(cv2.imdecode(data, flags) for flags in (eighth, eighth | _AS_STORED)), header.tag)
    size = header.size if orientation < 5 else header.size[::-1]
    return ImageInfo(*size, orientation, cmyk=header.cmyk)


def _see(data: np.ndarray, header: _Header | None) -> ImageInfo | str:
    kind = header.kind if header else 'image'
    seen = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if seen is None:
        _load_strictly(data)  # its words for what is wrong
        return f'OpenCV, which training reads images with, does not know this kind of {kind} file'
    if not header and data[:2].tobytes() == b'\xff\xd8' and not _has_end(data.tobytes()):
        return 'the JPEG file is truncated'
    orientation = tag = header.tag if header else 0
    if tag != 1 and kind != 'TIFF':  # in a TIFF file OpenCV follows the tag whatever it is told
        orientation = _orientation(seen, cv2.imdecode(data, cv2.IMREAD_COLOR | _AS_STORED), tag)
    levels, hidden = (0, 0), False
    if not header or not header.plain:
        stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
        if stored.dtype.itemsize > 1:
            levels = len(np.unique(stored)), len(np.unique(seen))
        fourth = stored[..., 3:] if stored.ndim == 3 and not (header and header.cmyk) else stored[:0]
        hidden = bool(header and header.hidden) or (fourth.size and fourth.min() < fourth.max())
    return ImageInfo(
        seen.shape[1],
        seen.shape[0],
        orientation,
        *levels,
        int(hidden),
        header.more_frames if header else 0,
        header.cmyk if header else 0,
    )


def _orientation(seen: np.ndarray, stored: np.ndarray, tag: int) -> int:
    """Which turn it was, by the pixels; where several would do, the one that the `tag` tells of, or else none."""
    fitting = [number for number, turn in TURNS.items() if np.array_equal(turn(stored), seen)]
    return tag if tag in fitting else next(iter(fitting), 1)


def _has_end(raw: bytes) -> bool:
    """Whether a JPEG file has its end marker, behind the last start of pixels (thumbnails have their own)."""
    return raw.rfind(b'\xff\xd9') > raw.rfind(b'\xff\xda')


@contextmanager
def _lenient_pil() -> Iterator[None]:
    """PIL warns of what is wrong besides the pixels, and refuses images of more than 179 megapixels.

    OpenCV has a limit of its own, and that is what counts.
    """
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
