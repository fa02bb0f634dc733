"""Large images in tiles: cut, predicted one by one and as a whole, and merged."""

from .cut import CutTiles, TiledImage
from .model import TiledModel
from .windows import Window, place_windows

__all__ = ['CutTiles', 'TiledImage', 'TiledModel', 'Window', 'place_windows']
