"""Text on a colored ground, small pictures that drawings are labeled with."""

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ..errors import printable
from .class_colors import Color

_LONGEST = 32  # characters of a name; longer ones are shortened
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # shares of red, green and blue


def class_name(index: int, classes: Sequence[str]) -> str:
    """Name of a class as it is drawn: one line of letters that a font has, whatever the name is."""
    name = ' '.join(classes[index].split()) if 0 <= index < len(classes) else ''
    return shorten(font_for(printable(name))[1] or f'class {index}', _LONGEST)


def fitting_label(name: str, value: str, size: int, color: Color, width: int) -> npt.NDArray[np.uint8]:
    """Draw a name, shortened to fit into a width in pixels if need be, and a value behind it; see :func:`label`."""
    picture = label(f'{name} {value}'.strip(), size, color)
    length = len(name)
    while picture.shape[1] > width and length > 1:
        length = min(length - 1, length * width // picture.shape[1] + 1)
        picture = label(f'{shorten(name, length)} {value}'.strip(), size, color)
    return picture


def shorten(text: str, length: int) -> str:
    """Replace the middle of a text of more than `length` characters: names often differ at their end."""
    if len(text) <= length:
        return text
    end = (length - 1) // 3
    return f'{text[: length - 1 - end]}…{text[len(text) - end :]}'


@lru_cache(maxsize=4096)
def label(text: str, size: int, color: Color) -> npt.NDArray[np.uint8]:
    """Draw a line of text, black or white, on a colored ground.

    Args:
        text: Printable text.
        size: Size of the font in pixels.
        color: Color of the ground.

    Shape:
        Returns ``(H, W, 3)`` in RGB; the height depends on `size` only.
    """
    path, text = font_for(text)
    font = _font(path, size)
    padding, height = max(2, round(size / 4)), text_height(size)
    left, _, right, _ = font.getbbox(text, anchor='lm')
    picture = Image.new('RGB', (int(right - min(left, 0)) + 2 * padding, height), color)
    ink = (0, 0, 0) if _contrast_of_black(color) else (255, 255, 255)
    # Between capital letters and those that go below the line, rather than the middle of the font, which is lower.
    ImageDraw.Draw(picture).text((padding - min(left, 0), height / 2), text, ink, font, anchor='lm')
    return np.asarray(picture)


def text_height(size: int) -> int:
    """Height in pixels of a :func:`label`."""
    return round(size * 1.3) + 1


def _contrast_of_black(color: Color) -> bool:
    """Whether black is read better than white on a ground of this color, as the WCAG 2 measure contrast."""
    luminance = float((np.array(color) / 255) ** 2.2 @ _LUMINANCE)
    return (luminance + 0.05) ** 2 > 0.05 * 1.05


@cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache(maxsize=4096)
def font_for(text: str) -> tuple[str, str]:
    """A font for a text, and the text with what no font has escaped."""
    usual = _usual_font()
    if text.isascii():
        return usual, text
    needed = {ord(char) for char in text}
    for path in (usual, *_other_fonts()):
        if needed <= _characters(path):
            return path, text
    has = _characters(usual)
    return usual, ''.join(char if ord(char) in has else char.encode('unicode_escape').decode() for char in text)


@cache
def _usual_font() -> str:
    """Matplotlib's own font, which has Latin, Greek, Cyrillic, Arabic and Hebrew letters and many symbols."""
    import matplotlib

    return str(Path(matplotlib.get_data_path(), 'fonts/ttf/DejaVuSans.ttf'))


@cache
def _other_fonts() -> tuple[str, ...]:
    """The fonts of this machine, upright sans serif of regular weight first."""
    from matplotlib.font_manager import findSystemFonts

    def fancy(path: str) -> tuple[int, str]:
        name = Path(path).stem.lower()
        words = ('bold', 'italic', 'oblique', 'light', 'thin', 'black', 'mono', 'serif', 'condensed', 'medium')
        return sum(word in name.replace('sansserif', '') for word in words), path

    return tuple(sorted(findSystemFonts(), key=fancy))


@cache
def _characters(path: str) -> frozenset[int]:
    """The characters that a font file has; none if it cannot be used."""
    from matplotlib.ft2font import FT2Font

    try:
        _font(path, 12)
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError, ValueError):  # broken, or made of pictures, as the fonts of emoji are
        return frozenset()
