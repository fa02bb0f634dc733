"""Folders with a JSON file per image: labelme, AnyLabeling, X-AnyLabeling and ISAT."""

import base64
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.exports.table import BOXES, export
from tests.helpers.painted import SCENES, SCENES_WITH_MASKS, Object, Scene, object_mask, paint

ALL = [scene for listed in SCENES.values() for scene in listed]


def points_of(item: Object) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in zip(item.polygon[::2], item.polygon[1::2], strict=True)]


def as_polygon(item: Object, scene: Scene) -> list[dict]:
    return [{'label': item.name, 'points': points_of(item), 'group_id': None, 'shape_type': 'polygon', 'flags': {}}]


def as_rectangle(item: Object, scene: Scene) -> list[dict]:
    """Two corners, of which the first is in turn each of the four."""
    left, top, right, bottom = item.corners
    points = [[right, top], [left, bottom]] if left % 2 else [[left, top], [right, bottom]]
    return [{'label': item.name, 'points': points, 'group_id': None, 'shape_type': 'rectangle', 'flags': {}}]


def as_mask(item: Object, scene: Scene) -> list[dict]:
    """What labelme's assistant makes: the pixels from the first to the last."""
    left, top, right, bottom = item.corners
    stream = io.BytesIO()
    Image.fromarray(object_mask(item, scene.size)[top:bottom, left:right].astype(np.uint8)).save(stream, 'PNG')
    return [
        {
            'label': item.name,
            'points': [[left, top], [right - 1, bottom - 1]],
            'group_id': None,
            'description': '',
            'shape_type': 'mask',
            'flags': {},
            'mask': base64.b64encode(stream.getvalue()).decode(),
        }
    ]


def as_two_parts(item: Object, scene: Scene) -> list[dict]:
    """Two halves of an object that have the same `group_id`."""
    corners = points_of(item)
    parts = [corners[:3], [corners[2], corners[3], corners[0]]]
    group = scene.objects.index(item)
    return [as_polygon(item, scene)[0] | {'points': points, 'group_id': group} for points in parts]


def labelme(scene: Scene, shapes: Callable[[Object, Scene], list[dict]] = as_polygon, **others) -> dict:
    """The content of a JSON file."""
    width, height = scene.size
    return {
        'version': '5.5.0',
        'flags': {},
        'shapes': [shape for item in scene.objects for shape in shapes(item, scene)],
        'imagePath': f'{scene.stem}.jpg',
        'imageData': None,
        'imageHeight': height,
        'imageWidth': width,
    } | others


def write(root: Path, scene: Scene, content: dict, image: str = '', label: str = '', suffix: str = '.jpg') -> None:
    """Write an image and its JSON file.

    Args:
        root: The data folder.
        scene: What is painted.
        content: Content of the JSON file.
        image: Folder of the image.
        label: Folder of the JSON file.
        suffix: Suffix of the image.
    """
    paint(root / image / f'{scene.stem}{suffix}', scene)
    file = root / label / f'{scene.stem}.json'
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding='utf-8')


@export(BOXES, 'labelme', divided=True)
def labelme_rectangles_beside_the_images(root: Path) -> None:
    for scene in ALL:
        write(root, scene, labelme(scene, as_rectangle, imageData=base64.b64encode(b'\xff' * 90_000).decode()))


@export(BOXES, 'labelme', scenes=SCENES_WITH_MASKS)
def labelme_polygons_in_split_folders(root: Path) -> None:
    for split, scenes in SCENES_WITH_MASKS.items():
        for scene in scenes:
            write(root, scene, labelme(scene), split, split)


@export(BOXES, 'labelme', scenes=SCENES_WITH_MASKS)
def labelme_masks_in_a_folder_of_their_own(root: Path) -> None:
    """The paths in the files are those of the computer on which they were written."""
    for split, scenes in SCENES_WITH_MASKS.items():
        for scene in scenes:
            content = labelme(scene, as_mask, imagePath=f'..\\..\\photos\\{scene.stem}.JPG')
            write(root, scene, content, f'images/{split}', f'labels/{split}', '.JPG')


@export(BOXES, 'labelme', scenes=SCENES_WITH_MASKS)
def labelme_parts_with_annotations_in_each_split(root: Path) -> None:
    names = {'train': 'Training', 'val': 'valid', 'test': 'Test'}
    for split, scenes in SCENES_WITH_MASKS.items():
        for scene in scenes:
            content = labelme(scene, as_two_parts, imagePath=f'/home/me/{scene.stem}.png')
            write(root, scene, content, f'{names[split]}/images', f'{names[split]}/annotations', '.png')


@export(BOXES, 'labelme', scenes=SCENES_WITH_MASKS)
def labelme_before_shape_types(root: Path) -> None:
    """labelme 3 and older: no types, sizes and groups, and images with nothing in them were not saved."""
    for split, scenes in SCENES_WITH_MASKS.items():
        for scene in scenes:
            shapes = [{'label': item.name, 'line_color': None, 'points': points_of(item)} for item in scene.objects]
            write(root, scene, {'version': '3.4.1', 'shapes': shapes, 'imagePath': f'{scene.stem}.jpg'}, split, split)
            if not shapes:
                (root / split / f'{scene.stem}.json').unlink()


@export(BOXES, 'labelme', divided=True)
def anylabeling_with_classes(root: Path) -> None:
    """Rectangles of four corners; `images/` and `json/`; a list of the classes."""
    for scene in ALL:
        content = labelme(scene, as_polygon, version='2.4.4', imageHeight=-1, imageWidth=-1)
        for shape in content['shapes']:
            shape |= {'shape_type': 'rectangle', 'difficult': False, 'flags': None, 'attributes': {}, 'score': None}
        write(root, scene, content, 'images', 'json')
    (root / 'classes.txt').write_text('__ignore__\n_background_\ndog\ncat\nbird\n')


def _turned(name: str, cx: int, cy: int, degrees: float) -> Object:
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    corners = [(-16, -9), (16, -9), (16, 9), (-16, 9)]
    return Object(
        name, tuple(round(v) for x, y in corners for v in (cx + x * cosine - y * sine, cy + x * sine + y * cosine))
    )


def _disk(name: str, cx: int, cy: int, radius: int) -> Object:
    angles = [2 * math.pi * number / 48 for number in range(48)]
    return Object(name, tuple(round(v) for a in angles for v in (cx + radius * math.cos(a), cy + radius * math.sin(a))))


def _round_scenes(split: str, number: int) -> list[Scene]:
    names = [('cat', 'dog'), ('dog', 'bird'), ('bird', 'cat')]
    return [
        Scene(f'{split}{n}', (120, 90), (_disk(names[n % 3][0], 24, 30, 18), _turned(names[n % 3][1], 80, 55, 30)))
        for n in range(number)
    ]


ROUND_SCENES = {'train': _round_scenes('train', 4), 'val': _round_scenes('val', 3)}


@export(BOXES, 'labelme', scenes=ROUND_SCENES)
def xanylabeling_circles_and_rotated_boxes(root: Path) -> None:
    def shapes(item: Object, scene: Scene) -> list[dict]:
        if item is not scene.objects[0]:
            return [as_polygon(item, scene)[0] | {'shape_type': 'rotation', 'direction': math.pi / 6}]
        return [as_polygon(item, scene)[0] | {'shape_type': 'circle', 'points': [[24.0, 30.0], [24.0, 48.0]]}]

    for split, scenes in ROUND_SCENES.items():
        for scene in scenes:
            write(root, scene, labelme(scene, shapes, imagePath='other.jpg'), split, split)


@export(BOXES, 'ISAT', scenes=SCENES_WITH_MASKS)
def isat(root: Path) -> None:
    for split, scenes in SCENES_WITH_MASKS.items():
        for scene in scenes:
            width, height = scene.size
            info = {'description': 'ISAT', 'folder': 'D:/data', 'name': f'{scene.stem}.jpg', 'width': width}
            objects = [
                {
                    'category': item.name,
                    'group': number,
                    'segmentation': shape['points'],
                    'area': 1.0,
                    'layer': 1.0,
                    'bbox': list(item.corners),
                    'iscrowd': False,
                    'note': '',
                }
                for number, item in enumerate(scene.objects, 1)
                for shape in as_two_parts(item, scene)
            ]
            write(root, scene, {'info': info | {'height': height}, 'objects': objects}, split, split)
