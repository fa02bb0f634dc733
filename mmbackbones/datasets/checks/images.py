"""Images as training reads them: decoded by OpenCV, turned by their EXIF orientation."""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from ...errors import summarize_error
from .file_cache import inspect_files
from .image_memory import LARGE, MAX_PIXELS, count_levels, one_large_image, open_image, refuse_size

Pixels = np.ndarray[Any, Any]

ORIENTATION = 0x0112  # EXIF tag; 1 = upright
SUFFIXES = {'.avif', '.bmp', '.gif', '.jpeg', '.jpg', '.jp2', '.png', '.tif', '.tiff', '.webp'}

# EXIF orientation -> what OpenCV does to the stored pixels.
TURNS: dict[int, Callable[[Pixels], Pixels]] = {
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
_JPEG_MARK = b'\xff\xd8'
_EXIF_MARKS = b'eXIf', b'EXIF', b'Exif'  # of PNG, WebP and AVIF
_SAMPLES_PER_PIXEL = 277  # tag of TIFF
_PNG_DEPTH = 24  # place of the bit depth in a PNG file


class ImageInfo(NamedTuple):
    """What is known of an image before training.

    One that cannot be read has no size; see :func:`~mmbackbones.datasets.checks.findings.collecting_findings`.

    Attributes:
        width: Width in pixels as training reads the image, turned by its EXIF orientation.
        height: Height in pixels as training reads the image.
        orientation: EXIF orientation, 1 to 8, by which OpenCV turns the stored pixels; 1: not at all.
        stored_levels: Number of different values in the file if a channel has more than 8 bits, otherwise 0.
        seen_levels: Number of different values that remain in the 8 bits that training reads, otherwise 0.
        hidden_channel: 1 if a channel that training does not read, such as transparency, is not constant.
        more_frames: 1 if there are several pages or frames, of which training reads the first.
        cmyk: 1 if the image has printing colors, which are converted to RGB.
    """

    width: int
    height: int
    orientation: int = 1
    stored_levels: int = 0
    seen_levels: int = 0
    hidden_channel: int = 0
    more_frames: int = 0
    cmyk: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    @property
    def is_readable(self) -> bool:
        """Whether the image can be read."""
        return self.width > 0


def read_images(root: Path, folder: Path, names: Sequence[str], source: str) -> list[ImageInfo]:
    """Verify images by decoding them.

    Args:
        root: Folder of the data set, which no name may leave.
        folder: Folder that the names are relative to.
        names: Names of the image files.
        source: What lists the files, for messages.

    Raises:
        UserError: See :func:`~mmbackbones.datasets.checks.file_cache.inspect_files`.
    """
    with lenient_pil():
        found = inspect_files(root, folder, names, source, 'image', _inspect)
    return [ImageInfo(*(values or (0, 0))) for values in found]


def image_damage(path: str, decode: bool = True) -> str | None:
    """Why training could not read an image, or would see gray in place of its missing part; None if it could read it.

    Args:
        path: A regular file.
        decode: Whether to decode it; else only JPEG files are looked at, of which OpenCV may fill in what is missing.
    """
    if not decode:
        with open(path, 'rb') as file:
            if file.read(2) != _JPEG_MARK:
                return None
    found = _inspect(path)
    return found if isinstance(found, str) else None


def _inspect(path: str) -> ImageInfo | str:
    """What training will see of an image, or why it could not read the file.

    OpenCV decides, because training reads images with it. JPEG files are the exception: depending on its version,
    OpenCV fills missing pixels with gray. PIL does not, and is faster: it decodes every byte, but not every pixel.
    """
    try:
        data = np.fromfile(path, np.uint8)
        if not data.size:
            return 'the file is empty'
        header = _read_header(data)
        if header and (why := refuse_size(*header.size, header.plain, data)):
            return why
        pixels = header.size[0] * header.size[1] if header else MAX_PIXELS
        with one_large_image(pixels):
            if header and header.kind == 'JPEG':
                _load_strictly(data)
                if pixels <= LARGE:
                    return _inspect_jpeg(data, header)
            return _inspect_pixels(data, header)
    except Exception as error:  # a decoder may raise anything, and whatever it is, the file is not valid
        return summarize_error(error)


class _Header(NamedTuple):
    """What PIL says of a file without decoding it.

    Attributes:
        kind: Name of the format.
        size: Width and height in pixels, as stored.
        tag: EXIF orientation; 0: unknown.
        plain: Whether there is nothing besides 8 bits of three colors or of gray.
        hidden: Whether there is a second channel beside gray, which OpenCV does not show.
        more_frames: 1 if there are several pages or frames.
        cmyk: 1 if the image has printing colors.
    """

    kind: str
    size: tuple[int, int]
    tag: int
    plain: bool
    hidden: bool
    more_frames: int
    cmyk: int


def _read_header(data: Pixels) -> _Header | None:
    """The header, or None if PIL does not know the file, or refuses what is written in it besides the pixels."""
    raw = data.tobytes()
    try:
        with open_image(io.BytesIO(raw)) as image:
            kind = 'JPEG' if image.format == 'MPO' else image.format or ''  # MPO: a phone's JPEG with another behind it
            samples = image.tag_v2.get(_SAMPLES_PER_PIXEL, 1) if isinstance(image, TiffImageFile) else 0
            several = kind != 'JPEG' and getattr(image, 'is_animated', False)
            plain = kind in ('JPEG', 'BMP') or (
                kind == 'PNG'
                and image.mode in ('1', 'L', 'P', 'RGB')
                and 'transparency' not in image.info
                and raw[_PNG_DEPTH] <= 8  # PIL itself turns 16 bits into 8
            )
            return _Header(
                kind,
                image.size,
                tag=_read_orientation(image, raw),
                plain=plain,
                hidden=samples == 2,
                more_frames=int(several),
                cmyk=int(image.mode == 'CMYK'),
            )
    except Exception:  # see _inspect
        return None


def _read_orientation(image: Image.Image, raw: bytes) -> int:
    if image.format not in ('JPEG', 'MPO', 'TIFF'):  # PIL would decode a PNG for it
        return 0 if any(mark in raw for mark in _EXIF_MARKS) else 1
    try:
        tag = int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # garbage in EXIF, which OpenCV ignores
        tag = 0
    return tag if tag in TURNS else 1 if image.format == 'TIFF' else 0


def _load_strictly(data: Pixels) -> None:
    try:
        image = open_image(io.BytesIO(data.tobytes()))
    except UnidentifiedImageError as error:  # whose message names an object in memory
        raise ValueError('it is not an image file of a known format') from error
    with image:
        image.draft('L', (1, 1))  # decodes at an eighth of the size, but every byte
        image.load()


def _inspect_jpeg(data: Pixels, header: _Header) -> ImageInfo:
    orientation = 1
    if header.tag != 1:
        eighth = cv2.IMREAD_REDUCED_COLOR_8
        orientation = _find_turn(_decode(data, eighth), _decode(data, eighth | _AS_STORED), header.tag)
    width, height = header.size if orientation < 5 else header.size[::-1]
    return ImageInfo(width, height, orientation, cmyk=header.cmyk)


def _inspect_pixels(data: Pixels, header: _Header | None) -> ImageInfo | str:
    kind = header.kind if header else 'image'
    seen = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if seen is None:
        _load_strictly(data)  # raises an error that says what is wrong, if PIL cannot read the file, either
        return f'OpenCV, which training reads images with, does not know this kind of {kind} file'
    if not header and data[:2].tobytes() == _JPEG_MARK and not _has_end(data.tobytes()):
        return 'the JPEG file is truncated'
    orientation = tag = header.tag if header else 0
    if tag != 1 and kind != 'TIFF':  # in a TIFF file OpenCV follows the tag whatever it is told
        orientation = _find_turn(seen, _decode(data, cv2.IMREAD_COLOR | _AS_STORED), tag)
    stored_levels = seen_levels = 0
    hidden = False
    if not header or not header.plain:
        stored = _decode(data, cv2.IMREAD_UNCHANGED)
        if stored.dtype.itemsize > 1:
            stored_levels, seen_levels = count_levels(stored), count_levels(seen)
        fourth = stored[..., 3:] if stored.ndim == 3 and not (header and header.cmyk) else stored[:0]
        hidden = bool((header and header.hidden) or (fourth.size and fourth.min() < fourth.max()))
    return ImageInfo(
        width=seen.shape[1],
        height=seen.shape[0],
        orientation=orientation,
        stored_levels=stored_levels,
        seen_levels=seen_levels,
        hidden_channel=int(hidden),
        more_frames=header.more_frames if header else 0,
        cmyk=header.cmyk if header else 0,
    )


def _decode(data: Pixels, flags: int) -> Pixels:
    pixels = cv2.imdecode(data, flags)
    if pixels is None:
        raise ValueError('OpenCV, which training reads images with, cannot decode it')
    return pixels


def _find_turn(seen: Pixels, stored: Pixels, tag: int) -> int:
    """The EXIF orientation that turns the stored pixels into those seen; where several do, `tag`, or else none."""
    fitting = [number for number, turn in TURNS.items() if np.array_equal(turn(stored), seen)]
    return tag if tag in fitting else next(iter(fitting), 1)


def _has_end(raw: bytes) -> bool:
    """Whether a JPEG file has its end marker after the last start of pixels (thumbnails have their own)."""
    return raw.rfind(b'\xff\xd9') > raw.rfind(b'\xff\xda')


@contextmanager
def lenient_pil() -> Iterator[None]:
    """Silence PIL where it warns of defects besides the pixels, and refuses images of more than 179 megapixels.

    OpenCV has a limit of its own, and that is what counts.
    """
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
