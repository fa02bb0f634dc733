"""The generated data set "shapes": textured, overlapping, partly hidden shapes, in COCO and ADE20K layout at once.

Like a real thing, a shape has a usual colour: about 80 % of a class's instances have the class's own hue, the rest the
hue of another class, where only the outline tells. Layout of the folder:

    images/{training,validation}/NNNNNN.jpg
    annotations/{train,val}.json                     COCO form, `file_name` relative to images/, categories from 1
    annotations/{training,validation}/NNNNNN.png     semantic masks: label n = line n of classes.txt
    classes.txt                                      `background`, then the four shapes
    shapes.json                                      what made the set: it marks the folder as complete and ours

Label 0 is ignored in ADE20K form, so the background is a class of its own (label 1): a semantic model would otherwise
never be told where the shapes end. No pixel has label 0.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ..errors import UserError

# Each outline: the radii of its corners, at equal angles.
OUTLINES = {'circle': np.ones(40), 'square': np.ones(4), 'triangle': np.ones(3), 'star': np.tile([1, 0.45], 5)}
CLASSES = tuple(OUTLINES)
SPLITS = {'train': 'training', 'val': 'validation'}  # name in COCO form: name of the folders
USUAL_HUE_SHARE = 0.8
MAX_HIDDEN = 0.5  # share of an instance that later ones may cover
MAX_OBJECTS = 4
RADIUS = (0.1, 0.34)  # range, as a share of the image's side
VERSION = 2  # of the generator: raise it when the images change, so that sets made before are made anew


@dataclass
class Shape:
    """One drawn object: index into CLASSES, outline [x0, y0, x1, y1, ...] in px, whole and visible mask, bool[H, W]."""

    label: int
    polygon: list[float]
    whole: np.ndarray
    visible: np.ndarray


def usual_hue(label: int) -> float:
    """Hue in degrees, [0, 360), of most instances of CLASSES[label]."""
    return 360 / len(CLASSES) * label


def _wave(rng: np.random.Generator, size: int, angle: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size
    return np.sin(2 * np.pi * rng.uniform(6, 20) * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 2 * np.pi))


def _texture(rng: np.random.Generator, size: int) -> np.ndarray:
    """Clouds, stripes or a weave: float[size, size] in [-1, 1]."""
    kind = rng.choice(['clouds', 'stripes', 'weave'])
    if kind == 'clouds':
        coarse = rng.standard_normal((rng.integers(6, 32),) * 2)
        return np.clip(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) / 2, -1, 1)
    angle = rng.uniform(0, np.pi)
    stripes = _wave(rng, size, angle)
    return stripes if kind == 'stripes' else stripes * _wave(rng, size, angle + np.pi / 2)


def _surface(rng: np.random.Generator, size: int, hue: float, saturation: float, value: float) -> np.ndarray:
    """A textured surface about one colour (degrees, 0..1, 0..1): BGR float32[size, size, 3], 1 is white."""
    texture = _texture(rng, size)
    hsv = np.dstack(
        [
            (hue + 10 * _texture(rng, size)) % 360,
            saturation * (0.9 - 0.1 * texture),
            value * (1 + rng.uniform(0.15, 0.4) * texture),
        ]
    )
    return cv2.cvtColor(np.float32(hsv), cv2.COLOR_HSV2BGR)


def _place(rng: np.random.Generator, size: int, label: int) -> Shape:
    radius = size * np.exp(rng.uniform(*np.log(RADIUS)))  # log-uniform: as many small as large ones
    centre = rng.uniform(radius + 1, size - radius - 1, 2)
    radii = OUTLINES[CLASSES[label]]
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    corners = centre + radius * (radii * [np.cos(angles), np.sin(angles)]).T
    polygon = corners.round(2).ravel().tolist()
    # pycocotools draws the outline, so that whoever reads the polygon back gets this mask to the pixel.
    whole = coco_mask.decode(coco_mask.frPyObjects([polygon], size, size))[..., 0].astype(bool)
    return Shape(label, polygon, whole, whole)


def draw_image(seed: int, split: str, index: int, size: int) -> tuple[np.ndarray, list[Shape]]:
    """Draw image `index` of a split: BGR uint8[size, size, 3], and its shapes from the undermost to the topmost.

    Depends on the arguments alone, not on what was drawn before.
    """
    rng = np.random.default_rng([VERSION, seed, list(SPLITS).index(split), index])
    canvas = _surface(rng, size, rng.uniform(0, 360), rng.uniform(0.05, 0.35), rng.uniform(0.25, 0.75))
    shapes = []
    for _ in range(rng.integers(1, MAX_OBJECTS + 1)):
        label = int(rng.integers(len(CLASSES)))
        for _ in range(20):
            new = _place(rng, size, label)
            below = [old.visible & ~new.whole for old in shapes]
            if all(rest.sum() >= (1 - MAX_HIDDEN) * old.whole.sum() for rest, old in zip(below, shapes, strict=True)):
                break
        else:
            continue  # no room left for this one
        for old, rest in zip(shapes, below, strict=True):
            old.visible = rest
        other = (label + rng.integers(1, len(CLASSES))) % len(CLASSES)
        hue = usual_hue(label if rng.random() < USUAL_HUE_SHARE else other) + rng.uniform(-15, 15)
        surface = _surface(rng, size, hue, rng.uniform(0.55, 0.95), rng.uniform(0.45, 0.9))
        canvas[new.whole] = surface[new.whole]
        shapes.append(new)
    canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 0.8))  # an imperfect lens and sensor
    canvas += rng.normal(0, rng.uniform(0.005, 0.04), canvas.shape)
    return np.uint8(canvas.clip(0, 1) * 255 + 0.5), shapes


def _annotation(shape: Shape) -> dict:
    rle = coco_mask.encode(np.asfortranarray(shape.visible, np.uint8))
    hidden = shape.visible.sum() < shape.whole.sum()
    return {
        'category_id': shape.label + 1,
        'bbox': coco_mask.toBbox(rle).tolist(),
        'area': int(coco_mask.area(rle)),
        'iscrowd': 0,
        'segmentation': {**rle, 'counts': rle['counts'].decode()} if hidden else [shape.polygon],
    }


def _write_image(path: Path, image: np.ndarray) -> None:
    # Encoded in memory, because cv2.imwrite fails in silence, on a full disk for one.
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == '.jpg' else []
    path.write_bytes(cv2.imencode(path.suffix, image, options)[1])


def _write_split(root: Path, split: str, count: int, seed: int, size: int) -> None:
    folder = SPLITS[split]
    (root / 'images' / folder).mkdir(parents=True)
    (root / 'annotations' / folder).mkdir(parents=True)
    images, annotations = [], []
    for index in range(1, count + 1):
        image, shapes = draw_image(seed, split, index, size)
        semantic = np.ones((size, size), np.uint8)
        for shape in shapes:
            semantic[shape.whole] = shape.label + 2
            annotations.append({'id': len(annotations) + 1, 'image_id': index, **_annotation(shape)})
        images.append({'id': index, 'file_name': f'{folder}/{index:06}.jpg', 'width': size, 'height': size})
        _write_image(root / f'images/{folder}/{index:06}.jpg', image)
        _write_image(root / f'annotations/{folder}/{index:06}.png', semantic)
    categories = [{'id': n, 'name': name} for n, name in enumerate(CLASSES, 1)]
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    (root / f'annotations/{split}.json').write_text(json.dumps(content))


def _files(parameters: dict) -> Iterator[str]:
    """Every file of a set, relative to its folder."""
    yield from ('classes.txt', 'shapes.json')
    for split, folder in SPLITS.items():
        yield f'annotations/{split}.json'
        for index in range(1, parameters[f'num_{split}'] + 1):
            yield f'images/{folder}/{index:06}.jpg'
            yield f'annotations/{folder}/{index:06}.png'


def _is_complete(root: Path, parameters: dict) -> bool:
    """Whether the set is there already. Raises UserError if the folder holds anything that we did not write."""
    present = {path.relative_to(root).as_posix() for path in root.rglob('*') if not path.is_dir()}
    try:
        written = json.loads((root / 'shapes.json').read_text())
        ours = set(_files(written))
    except (OSError, ValueError, KeyError, TypeError):
        written, ours = None, set()
    if written == parameters and ours <= present:
        return True
    if present - ours:
        raise UserError(
            f'{root} holds files that are not part of the generated shapes data set, such as '
            f'{min(present - ours)}: choose another folder or move them away'
        )
    return False


def generate_shapes(
    root: str | Path = 'data/shapes', *, num_train: int = 1000, num_val: int = 150, size: int = 128, seed: int = 0
) -> Path:
    """Write the data set into `root`, unless the very same set is there already, and return `root`.

    The same arguments give the same files. The folder appears whole or not at all: a killed run leaves at most a hidden
    `.shapes-*` folder beside it. A set of ours made with other arguments is replaced.

    Args:
        num_train, num_val: images of a split, from 1 to 999,999.
        size: side of the square images in px, at least 64.
        seed: from 0.

    Raises:
        UserError: an argument out of range, a folder that holds other files, or one that can't be written.
    """
    parameters = {
        'generator': 'mmbackbones.datasets.shapes',
        'version': VERSION,
        'num_train': num_train,
        'num_val': num_val,
        'size': size,
        'seed': seed,
    }
    for name, low, high in (('num_train', 1, 999_999), ('num_val', 1, 999_999), ('size', 64, 4096), ('seed', 0, 2**32)):
        if not low <= parameters[name] <= high:
            raise UserError(f'shapes: {name} is {parameters[name]}, but must be between {low} and {high}')
    root = Path(root)
    target = root.resolve()  # a link stays a link
    try:
        if target.exists() and _is_complete(target, parameters):
            return root
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix='.shapes-', dir=target.parent) as temporary:
            new = Path(temporary) / 'new'
            _write_split(new, 'train', num_train, seed, size)
            _write_split(new, 'val', num_val, seed, size)
            (new / 'classes.txt').write_text('\n'.join(('background', *CLASSES)) + '\n')
            (new / 'shapes.json').write_text(json.dumps(parameters) + '\n')
            if target.exists():
                if _is_complete(target, parameters):  # another process was faster
                    return root
                target.rename(Path(temporary) / 'old')
            new.rename(target)
    except OSError as error:
        if target.is_dir() and _is_complete(target, parameters):  # faster by a moment
            return root
        raise UserError(f'the shapes data set can not be written to {root}: {error}') from error
    return root
