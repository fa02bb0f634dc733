"""Which column of a CSV file holds what, told by the usual names, or by the first row where there are none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...checks.images import SUFFIXES

Form = Literal['corners', 'sides', 'center']

# Names in lower case without anything but letters and digits; the first that is there counts.
_IMAGE = (
    *('filename', 'filepath', 'file', 'imagename', 'imagefile', 'imagefilename', 'imagepath', 'imageid', 'image'),
    *('imgname', 'imgpath', 'imgid', 'img', 'gcsfilepath', 'path', 'frame', 'url'),
)
_LABEL = (
    *('classname', 'class', 'labelname', 'label', 'categoryname', 'category', 'objectname', 'object', 'name'),
    *('classid', 'labelid', 'categoryid', 'target'),
)
_SPLIT = ('split', 'set', 'subset', 'mluse', 'datasplit', 'partition')
_CROWD = ('isgroupof', 'iscrowd', 'difficult')  # the first is OpenImages'
_LIST = ('bbox', 'box', 'boundingbox')  # a cell with x, y, width, height
_SIZES = (('imagewidth', 'imageheight'), ('imgwidth', 'imgheight'), ('width', 'height'))
_BOXES: dict[Form, tuple[tuple[str, str, str, str], ...]] = {
    'corners': (
        *(('xmin', 'ymin', 'xmax', 'ymax'), ('bboxxmin', 'bboxymin', 'bboxxmax', 'bboxymax')),
        *(('x1', 'y1', 'x2', 'y2'), ('bboxx1', 'bboxy1', 'bboxx2', 'bboxy2'), ('roix1', 'roiy1', 'roix2', 'roiy2')),
        *(('x0', 'y0', 'x1', 'y1'), ('left', 'top', 'right', 'bottom'), ('xtl', 'ytl', 'xbr', 'ybr')),
        *(('minx', 'miny', 'maxx', 'maxy'), ('startx', 'starty', 'endx', 'endy')),
        ('topleftx', 'toplefty', 'bottomrightx', 'bottomrighty'),
    ),
    'sides': (
        *(('bboxx', 'bboxy', 'bboxwidth', 'bboxheight'), ('bboxx', 'bboxy', 'bboxw', 'bboxh')),
        *(('x', 'y', 'w', 'h'), ('x', 'y', 'width', 'height'), ('xmin', 'ymin', 'w', 'h')),
        *(('xmin', 'ymin', 'width', 'height'), ('left', 'top', 'width', 'height')),
    ),
    'center': (
        *(('xcenter', 'ycenter', 'w', 'h'), ('xcenter', 'ycenter', 'width', 'height'), ('cx', 'cy', 'w', 'h')),
        *(('centerx', 'centery', 'width', 'height'), ('xc', 'yc', 'w', 'h')),
    ),
}


@dataclass(frozen=True)
class Columns:
    """The index of each column; None if there is none.

    Attributes:
        image: Name of the image.
        box: The four numbers of the box, or the one cell that holds all of them.
        form: What the numbers are: left, top, right, bottom; left, top, width, height; or the center, width, height.
        label: The class.
        split: The split.
        size: Width and height of the image.
        crowd: Whether it is a group of objects, or VOC's "difficult".
        header: Whether the first row names the columns.
    """

    image: int
    box: tuple[int, ...]
    form: Form
    label: int | None = None
    split: int | None = None
    size: tuple[int, int] | None = None
    crowd: int | None = None
    header: bool = True


# Columns of files without names: of keras-retinanet, of SKU-110K, of makesense.ai, of AutoML and Vertex AI.
_RETINANET = Columns(0, (1, 2, 3, 4), 'corners', label=5, header=False)
_SKU110K = Columns(0, (1, 2, 3, 4), 'corners', label=5, size=(6, 7), header=False)
_MAKESENSE = Columns(5, (1, 2, 3, 4), 'sides', label=0, size=(6, 7), header=False)
_AUTOML = Columns(1, (3, 4, 7, 8), 'corners', label=2, split=0, header=False)
_AUTOML_WITHOUT_SET = Columns(0, (2, 3, 6, 7), 'corners', label=1, header=False)


def find_columns(first: Sequence[str]) -> Columns | None:
    """The columns of a file with boxes, told by its first row; None if it holds no boxes, as far as that tells."""
    return _by_name(_simplify(first)) or _by_content([cell.strip() for cell in first])


def names_images(first: Sequence[str]) -> bool:
    """Whether the first row names a column of images, with boxes or without."""
    return not set(_simplify(first)).isdisjoint(_IMAGE)


def _simplify(names: Sequence[str]) -> list[str]:
    return [re.sub('[^a-z0-9]', '', name.lower()) for name in names]


def _by_name(names: list[str]) -> Columns | None:
    def find(*usual: str) -> int | None:
        return next((names.index(name) for name in usual if name in names), None)

    image = find(*_IMAGE)
    if image is None:
        return None
    forms = ((form, group) for form, groups in _BOXES.items() for group in groups if set(names).issuperset(group))
    form, group = next(forms, (None, ()))
    box = tuple(map(names.index, group))
    if not form:
        cell = find(*_LIST)
        if cell is None:
            return None
        form, box = 'sides', (cell,)
    sizes = ((names.index(w), names.index(h)) for w, h in _SIZES if {w, h} <= set(names))
    size = next((pair for pair in sizes if not set(pair) & set(box)), None)
    label, split, crowd = (find(*usual) for usual in (_LABEL, _SPLIT, _CROWD))
    return Columns(image, box, form, label, split, size, crowd)


def _by_content(cells: list[str]) -> Columns | None:
    candidates = {6: [_RETINANET], 8: [_SKU110K, _MAKESENSE], 10: [_AUTOML_WITHOUT_SET], 11: [_AUTOML]}
    for columns in candidates.get(len(cells), []):
        box = [cells[index] for index in columns.box]
        suffix = re.search(r'\.\w+$', cells[columns.image])
        if suffix and suffix[0].lower() in SUFFIXES and (not any(box) or all(map(is_number, box))):
            return columns
    return None


def is_number(text: str) -> bool:
    """Whether a cell holds a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
