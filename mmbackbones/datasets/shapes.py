"""The generated data set "shapes": textured, overlapping, partly hidden shapes in COCO and ADE20K form at once.

Like real objects, shapes have a usual color: about 80 % of the instances of a class have its own hue, the others that
of another class, so that only the outline tells the class. Layout of the folder:

    images/{training,validation}/NNNNNN.jpg
    annotations/{train,val}.json                     COCO form, `file_name` relative to images/, categories from 1
    annotations/{training,validation}/NNNNNN.png     semantic masks: label n = line n of classes.txt
    classes.txt                                      `background`, then the four shapes
    shapes.json                                      arguments of the generator; marks the folder as complete and ours

Label 0 is ignored in ADE20K form, so the background is a class of its own (label 1): otherwise a segmentor would never
learn where the shapes end. No pixel has label 0.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ..errors import UserError

Pixels = np.ndarray[Any, Any]

# The radii of the corners of each outline, at equal angles.
OUTLINES: dict[str, Pixels] = {
    'circle': np.ones(40),
    'square': np.ones(4),
    'triangle': np.ones(3),
    'star': np.tile([1, 0.45], 5),
}
CLASSES = tuple(OUTLINES)
SPLITS = {'train': 'training', 'val': 'validation'}  # name in COCO form: name of the image and label map folders
USUAL_HUE_SHARE = 0.8
MAX_HIDDEN = 0.5  # share of an instance that later ones may cover
MAX_SHAPES = 4  # per image
MAX_TRIES = 20  # to place a shape without hiding too much of others
RADIUS = (0.1, 0.34)  # range, as a share of the image's side
VERSION = 2  # of the generator: raise it when the images change, so that existing sets are generated again
# In shapes.json: the name of the module when the first sets were generated, which stay valid.
_GENERATOR = 'mmbackbones.data.shapes'
_LIMITS = {'num_train': (1, 999_999), 'num_val': (1, 999_999), 'size': (64, 4096), 'seed': (0, 2**32)}


@dataclass
class Shape:
    """One drawn object.

    Attributes:
        label: Index into ``CLASSES``.
        polygon: Outline ``[x0, y0, x1, y1, ...]`` in pixels.
        whole: Mask of the whole object, bool ``(H, W)``.
        visible: Mask of the part that later objects do not cover, bool ``(H, W)``.
    """

    label: int
    polygon: list[float]
    whole: Pixels
    visible: Pixels


def usual_hue(label: int) -> float:
    """Hue in degrees, from 0 to below 360, of most instances of ``CLASSES[label]``."""
    return 360 / len(CLASSES) * label


def _wave(rng: np.random.Generator, size: int, angle: float) -> Pixels:
    y, x = np.mgrid[:size, :size] / size
    phase = 2 * np.pi * rng.uniform(6, 20) * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 2 * np.pi)
    wave: Pixels = np.sin(phase)
    return wave


def _texture(rng: np.random.Generator, size: int) -> Pixels:
    """Clouds, stripes or a weave: float ``(size, size)`` from -1 to 1."""
    kind = rng.choice(['clouds', 'stripes', 'weave'])
    if kind == 'clouds':
        coarse = rng.standard_normal((rng.integers(6, 32),) * 2)
        clouds: Pixels = np.clip(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) / 2, -1, 1)
        return clouds
    angle = rng.uniform(0, np.pi)
    stripes = _wave(rng, size, angle)
    return stripes if kind == 'stripes' else stripes * _wave(rng, size, angle + np.pi / 2)


def _surface(rng: np.random.Generator, size: int, hue: float, saturation: float, value: float) -> Pixels:
    """A textured surface around one color: BGR float32 ``(size, size, 3)``, where 1 is white.

    Args:
        rng: Source of randomness.
        size: Side in pixels.
        hue: Mean hue in degrees.
        saturation: Mean saturation, from 0 to 1.
        value: Mean value, from 0 to 1.
    """
    texture = _texture(rng, size)
    hsv = np.dstack(
        [
            (hue + 10 * _texture(rng, size)) % 360,
            saturation * (0.9 - 0.1 * texture),
            value * (1 + rng.uniform(0.15, 0.4) * texture),
        ]
    )
    surface: Pixels = cv2.cvtColor(np.float32(hsv), cv2.COLOR_HSV2BGR)
    return surface


def _place(rng: np.random.Generator, size: int, label: int) -> Shape:
    radius = size * np.exp(rng.uniform(*np.log(RADIUS)))  # log-uniform: as many small ones as large ones
    center = rng.uniform(radius + 1, size - radius - 1, 2)
    radii = OUTLINES[CLASSES[label]]
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    corners = center + radius * (radii * [np.cos(angles), np.sin(angles)]).T
    polygon = corners.round(2).ravel().tolist()
    # pycocotools draws the outline, so that whoever decodes the polygon gets exactly this mask.
    whole = coco_mask.decode(coco_mask.frPyObjects([polygon], size, size))[..., 0].astype(bool)
    return Shape(label, polygon, whole, whole)


def draw_image(seed: int, split: str, index: int, size: int) -> tuple[Pixels, list[Shape]]:
    """Draw one image, which depends on the arguments alone, not on images drawn before.

    Args:
        seed: Seed of the data set.
        split: ``train`` or ``val``.
        index: Number of the image in the split.
        size: Side of the image in pixels.

    Returns:
        The image, BGR uint8 ``(size, size, 3)``, and its shapes from bottom to top.
    """
    rng = np.random.default_rng([VERSION, seed, list(SPLITS).index(split), index])
    canvas = _surface(rng, size, rng.uniform(0, 360), rng.uniform(0.05, 0.35), rng.uniform(0.25, 0.75))
    shapes: list[Shape] = []
    for _ in range(rng.integers(1, MAX_SHAPES + 1)):
        label = int(rng.integers(len(CLASSES)))
        for _ in range(MAX_TRIES):
            new = _place(rng, size, label)
            below = [old.visible & ~new.whole for old in shapes]
            if all(rest.sum() >= (1 - MAX_HIDDEN) * old.whole.sum() for rest, old in zip(below, shapes, strict=True)):
                break
        else:
            continue  # no room is left for it
        for old, rest in zip(shapes, below, strict=True):
            old.visible = rest
        other = (label + rng.integers(1, len(CLASSES))) % len(CLASSES)
        hue = usual_hue(label if rng.random() < USUAL_HUE_SHARE else other) + rng.uniform(-15, 15)
        surface = _surface(rng, size, hue, rng.uniform(0.55, 0.95), rng.uniform(0.45, 0.9))
        canvas[new.whole] = surface[new.whole]
        shapes.append(new)
    # An imperfect lens and sensor.
    canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, 0.8))
    canvas += rng.normal(0, rng.uniform(0.005, 0.04), canvas.shape)  # type: ignore[arg-type]
    return np.uint8(canvas.clip(0, 1) * 255 + 0.5), shapes


def _annotation(shape: Shape) -> dict[str, Any]:
    rle = coco_mask.encode(np.asfortranarray(shape.visible, np.uint8))
    hidden = shape.visible.sum() < shape.whole.sum()
    return {
        'category_id': shape.label + 1,
        'bbox': coco_mask.toBbox(rle).tolist(),
        'area': int(coco_mask.area(rle)),
        'iscrowd': 0,
        'segmentation': {**rle, 'counts': rle['counts'].decode()} if hidden else [shape.polygon],
    }


def _write_image(path: Path, image: Pixels) -> None:
    # Encoded in memory, because cv2.imwrite fails silently, on a full disk for one.
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == '.jpg' else []
    path.write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes())


def _write_split(root: Path, split: str, count: int, seed: int, size: int) -> None:
    folder = SPLITS[split]
    (root / 'images' / folder).mkdir(parents=True)
    (root / 'annotations' / folder).mkdir(parents=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(1, count + 1):
        image, shapes = draw_image(seed, split, index, size)
        semantic = np.ones((size, size), np.uint8)
        for shape in shapes:
            semantic[shape.whole] = shape.label + 2
            annotations.append({'id': len(annotations) + 1, 'image_id': index, **_annotation(shape)})
        images.append({'id': index, 'file_name': f'{folder}/{index:06}.jpg', 'width': size, 'height': size})
        _write_image(root / f'images/{folder}/{index:06}.jpg', image)
        _write_image(root / f'annotations/{folder}/{index:06}.png', semantic)
    categories = [{'id': number, 'name': name} for number, name in enumerate(CLASSES, 1)]
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    (root / f'annotations/{split}.json').write_text(json.dumps(content))


def _files(parameters: dict[str, Any]) -> Iterator[str]:
    """Every file of a set, relative to its folder."""
    yield from ('classes.txt', 'shapes.json')
    for split, folder in SPLITS.items():
        yield f'annotations/{split}.json'
        for index in range(1, parameters[f'num_{split}'] + 1):
            yield f'images/{folder}/{index:06}.jpg'
            yield f'annotations/{folder}/{index:06}.png'


def _is_complete(root: Path, parameters: dict[str, Any]) -> bool:
    """Whether the folder already holds the data set.

    Raises:
        UserError: The folder holds files that the generator did not write.
    """
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
    """Write the data set into a folder, unless it already holds the same set.

    Equal arguments give equal files. The folder is written atomically: a killed process leaves at most a hidden
    ``.shapes-*`` folder beside it. A generated set of other arguments is replaced.

    Args:
        root: Folder of the data set.
        num_train: Number of training images, from 1 to 999,999.
        num_val: Number of validation images, from 1 to 999,999.
        size: Side of the square images in pixels, from 64 to 4096.
        seed: Seed, from 0 to 2 ** 32.

    Returns:
        `root`.

    Raises:
        ValueError: An argument is out of range.
        UserError: The folder holds other files, or cannot be written to.
    """
    parameters: dict[str, Any] = {
        'generator': _GENERATOR,
        'version': VERSION,
        'num_train': num_train,
        'num_val': num_val,
        'size': size,
        'seed': seed,
    }
    for name, (low, high) in _LIMITS.items():
        if not low <= parameters[name] <= high:
            raise ValueError(f'{name} must be between {low} and {high}, got {parameters[name]}')
    root = Path(root)
    target = root.resolve()  # a symlink stays one
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
        raise UserError(f'cannot write the generated shapes data set to {root}: {error.strerror or error}') from error
    return root
