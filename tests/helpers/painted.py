"""Images with painted objects, so that what a format says of an object can be compared with its pixels.

Every object of a class is painted in the color of the class, and nothing else is. A writer in `tests/helpers/exports/`
paints `SCENES` into a folder as a tool would export it; `check_boxes` and `check_label_maps` then look at the pixels
under each box, mask and label.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.registry import DATASETS
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask

import mmbackbones.engine  # noqa: F401  # registers what configs name
from mmbackbones.datasets import DetectionData, SegmentationData
from mmbackbones.datasets.checks.label_maps import IGNORE_INDEX

COLORS = {'cat': (220, 40, 40), 'dog': (40, 200, 60), 'bird': (50, 70, 230)}
CLASSES = tuple(COLORS)
BACKGROUND = (128, 128, 128)
TOLERANCE = 45  # per channel: JPEG changes colors
SHARE = 0.95  # of the pixels under a box or mask that have the color of its class
COVERED = 0.9  # of an object's pixels that lie under its mask; pycocotools shifts outlines by half a pixel


@dataclass(frozen=True)
class Object:
    """A painted object: its class and its outline, `x1, y1, x2, y2, ...` in pixels, corner pixels' outer corners."""

    name: str
    polygon: tuple[int, ...]

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom; the last two exclusive."""
        xs, ys = self.polygon[::2], self.polygon[1::2]
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width, height."""
        left, top, right, bottom = self.corners
        return left, top, right - left, bottom - top


@dataclass(frozen=True)
class Scene:
    """An image: its name without suffix, its width and height, and its objects, which do not overlap."""

    stem: str
    size: tuple[int, int]
    objects: tuple[Object, ...]


def rectangle(name: str, x: int, y: int, width: int, height: int) -> Object:
    return Object(name, (x, y, x + width, y, x + width, y + height, x, y + height))


def diamond(name: str, x: int, y: int, radius: int) -> Object:
    return Object(name, (x, y - radius, x + radius, y, x, y + radius, x - radius, y))


def _scene(number: int, polygons: bool) -> Scene:
    width, height = (96, 72) if number % 2 else (80, 100)
    first, second = CLASSES[number % 3], CLASSES[(number + 1) % 3]
    other = diamond(second, 56, 50, 18) if polygons else rectangle(second, 42, 36, 25 + number % 4, 30)
    return Scene(f'image_{number:02}', (width, height), (rectangle(first, 6, 8, 26 + number % 5, 22), other))


def _scenes(polygons: bool) -> dict[str, list[Scene]]:
    empty = Scene('image_09', (96, 72), ())
    return {
        'train': [*(_scene(number, polygons) for number in range(9)), empty],
        'val': [_scene(number, polygons) for number in range(20, 23)],
        'test': [_scene(number, polygons) for number in range(30, 32)],
    }


# split -> its scenes: of rectangles alone, and of rectangles and diamonds. The last of `train` has no object.
SCENES = _scenes(polygons=False)
SCENES_WITH_MASKS = _scenes(polygons=True)


def paint(path: Path, scene: Scene, orientation: int = 1) -> None:
    """Write an image in the format of its suffix."""
    image = Image.new('RGB', scene.size, BACKGROUND)
    draw_objects(image, scene, COLORS)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {'quality': 95, 'subsampling': 0} if path.suffix.lower() in ('.jpg', '.jpeg') else {}
    image.save(path, **options)


def draw_objects(image: Image.Image, scene: Scene, values: dict) -> None:
    """Fill the objects of a scene, each with the value of its class: a color, or a label."""
    for item in scene.objects:
        mask = Image.fromarray(object_mask(item, scene.size).astype(np.uint8) * 255)
        image.paste(values[item.name], (0, 0), mask)


def object_mask(item: Object, size: tuple[int, int]) -> np.ndarray:
    """The pixels of an object, `(H, W)`, whose centers lie in its outline."""
    if len(item.polygon) == 8 and len(set(item.polygon[::2])) == 2:
        mask = np.zeros(size[::-1], bool)
        left, top, right, bottom = item.corners
        mask[top:bottom, left:right] = True
        return mask
    large = Image.new('1', (size[0] * 4, size[1] * 4))
    ImageDraw.Draw(large).polygon([4 * value for value in item.polygon], fill=1)
    return np.array(large)[2::4, 2::4]


def label_map(scene: Scene, values: dict[str, int], background: int = 0) -> Image.Image:
    """A label map of one byte per pixel."""
    image = Image.new('L', scene.size, background)
    draw_objects(image, scene, values)
    return image


def color_map(scene: Scene, colors: dict[str, tuple[int, int, int]], background=(0, 0, 0)) -> Image.Image:
    """A label map in colors."""
    image = Image.new('RGB', scene.size, background)
    draw_objects(image, scene, colors)
    return image


def has_color(pixels: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    return (abs(pixels.astype(int) - np.array(color)) <= TOLERANCE).all(axis=-1)


def check_boxes(data: DetectionData, scenes: dict[str, list[Scene]] = SCENES, divided: bool = False) -> None:
    """Assert that each box and mask lies on an object of its class, and that no object is left out.

    Args:
        data: What was read.
        scenes: What was painted.
        divided: Whether the folder names no validation split, so that `train` and `val` share all scenes.
    """
    expected = {split: {scene.stem: scene for scene in listed} for split, listed in scenes.items()}
    assert set(data.classes) == set(CLASSES)
    found: dict[str, set[str]] = {}
    for split, part in data.splits.items():
        content = json.loads(part.ann_file.read_text(encoding='utf-8'))
        names = {item['id']: item['name'] for item in content['categories']}
        assert tuple(names.values()) == data.classes
        known = {scene.stem: scene for listed in scenes.values() for scene in listed} if divided else expected[split]
        for image in content['images']:
            stem = Path(image['file_name']).stem
            found.setdefault(split, set()).add(stem)
            pixels = np.array(Image.open(part.image_dir / image['file_name']).convert('RGB'))
            assert (image['width'], image['height']) == known[stem].size == pixels.shape[1::-1]
            objects = [item for item in content['annotations'] if item['image_id'] == image['id']]
            assert sorted(names[item['category_id']] for item in objects) == sorted(
                item.name for item in known[stem].objects
            ), stem
            for item in objects:
                _check_object(item, names[item['category_id']], known[stem], pixels)
    if divided:
        assert found['train'].isdisjoint(found['val'])
        assert set.union(*found.values()) == {scene.stem for listed in scenes.values() for scene in listed}
        assert any('80/20' in note for note in data.notes)
    else:
        assert found == {split: set(stems) for split, stems in expected.items()}


def _check_object(item: dict, name: str, scene: Scene, pixels: np.ndarray) -> None:
    height, width = pixels.shape[:2]
    colored = has_color(pixels, COLORS[name])
    x, y, w, h = item['bbox']
    under = np.zeros((height, width), bool)
    under[round(y) : round(y + h), round(x) : round(x + w)] = True
    truth = min(scene.objects, key=lambda other: abs(np.subtract(other.box, item['bbox'])).sum())
    assert truth.name == name
    assert abs(np.subtract(truth.box, item['bbox'])).max() <= 1, (truth.box, item['bbox'])
    if polygons := item.get('segmentation'):
        encoded = isinstance(polygons, dict) and isinstance(polygons['counts'], str)
        rle = polygons if encoded else coco_mask.frPyObjects(polygons, height, width)
        mask = coco_mask.decode(coco_mask.merge(rle) if isinstance(rle, list) else rle).astype(bool)
        assert (mask & colored).sum() >= SHARE * mask.sum()
        assert (mask & under).sum() >= SHARE * mask.sum()
        assert (mask & colored).sum() >= COVERED * (colored & under).sum()
    elif len(set(truth.polygon[::2])) == 2:  # a rectangle fills its box
        assert (under & colored).sum() >= SHARE * under.sum()


def check_label_maps(
    data: SegmentationData,
    scenes: dict[str, list[Scene]] = SCENES,
    background: str = 'class',
    divided: bool = False,
    called: dict[str, str] | None = None,
) -> None:
    """Assert that what a model is trained on is what was painted, pixel by pixel.

    Classes may be called by their names; `class N`, for the N-th of `CLASSES`, where nothing names them; or
    `foreground`, for all of them. There may be others, which do not occur. With `background='class'` there is another
    one, the first.

    Args:
        data: What was read.
        scenes: What was painted; the names of images contain those of the scenes.
        background: Whether the pixels of no object are a class (`class`), or ignored (`ignore`).
        divided: As for `check_boxes`.
        called: What classes of `CLASSES` are called instead.
    """
    first = int(background == 'class')
    objects = data.classes[first:]
    if objects == tuple(f'class {number}' for number in range(1, 4)):
        objects = CLASSES
    meant = {(called or {}).get(name, name): {name} for name in CLASSES} | {'foreground': set(CLASSES)}
    assert set(objects) & set(meant)
    found: dict[str, set[str]] = {}
    stems = {scene.stem for listed in scenes.values() for scene in listed}
    for split, part in data.splits.items():
        for image, labels in _trained_on(data, part.list_file):
            (stem,) = (stem for stem in stems if stem in Path(image).stem)
            found.setdefault(split, set()).add(stem)
            pixels = np.array(Image.open(image).convert('RGB'))
            assert labels.shape == pixels.shape[:2]
            for index, name in enumerate(objects, first):
                colored = [has_color(pixels, COLORS[painted]) for painted in meant.get(name, ())]
                _check_same_pixels(labels == index, np.any(colored, axis=0) if colored else np.zeros_like(labels, bool))
            nothing = np.all([~has_color(pixels, color) for color in COLORS.values()], axis=0)
            _check_same_pixels(labels == (0 if first else IGNORE_INDEX), nothing)
    expected = {split: {scene.stem for scene in listed} for split, listed in scenes.items()}
    if divided:
        assert found['train'].isdisjoint(found['val'])
        assert set.union(*found.values()) == set.union(*expected.values())
        assert any('80/20' in note for note in data.notes)
    else:
        assert found == expected


def _trained_on(data: SegmentationData, list_file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Each image of a split, and its labels as MMSegmentation reads them."""
    dataset = DATASETS.build(
        dict(
            type='PairedSegDataset',
            ann_file=str(list_file),
            metainfo=dict(classes=data.classes),
            pipeline=[dict(type='mmseg.LoadAnnotations')],
            serialize_data=False,  # which would collect garbage, for half a second
            **data.table.settings,
        )
    )
    for sample in dataset:
        yield sample['img_path'], sample['gt_seg_map']


def _check_same_pixels(found: np.ndarray, painted: np.ndarray) -> None:
    assert (found & painted).sum() >= SHARE * found.sum()
    assert (found & painted).sum() >= COVERED * painted.sum()
