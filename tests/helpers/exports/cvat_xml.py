"""CVAT for images 1.1."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from tests.helpers.detection_folders import write_text
from tests.helpers.exports.table import BOXES, export
from tests.helpers.painted import CLASSES, SCENES, SCENES_WITH_MASKS, Object, Scene, object_mask, paint

ALL = [scene for listed in SCENES.values() for scene in listed]
ALL_WITH_MASKS = [scene for listed in SCENES_WITH_MASKS.values() for scene in listed]


def box(item: Object, _: Scene) -> str:
    left, top, right, bottom = item.corners
    return (
        f'<box label="{item.name}" source="manual" occluded="0" xtl="{left}.00" ytl="{top}.00" xbr="{right}.00" '
        f'ybr="{bottom}.00" z_order="0"><attribute name="color">red</attribute></box>'
    )


def polygon(item: Object, _: Scene) -> str:
    points = ';'.join(f'{x}.00,{y}.00' for x, y in zip(item.polygon[::2], item.polygon[1::2], strict=True))
    return f'<polygon label="{item.name}" source="manual" occluded="0" points="{points}" z_order="0"></polygon>'


def mask(item: Object, scene: Scene) -> str:
    left, top, right, bottom = item.corners
    pixels = object_mask(item, scene.size)[top:bottom, left:right].ravel()
    runs = [len(list(run)) for _, run in groupby(pixels)]
    rle = ', '.join(map(str, [0, *runs] if pixels[0] else runs))
    return (
        f'<mask label="{item.name}" source="manual" occluded="0" rle="{rle}" left="{left}" top="{top}" '
        f'width="{right - left}" height="{bottom - top}" z_order="0"></mask>'
    )


def write_cvat(root: Path, scenes: Iterable[tuple[Scene, str]], name: str = '{}.jpg', shape=box) -> None:
    """Write `annotations.xml` with scenes and the subset of each; `name` is how it calls an image."""
    images = ''
    for number, (scene, subset) in enumerate(scenes):
        width, height = scene.size
        in_subset = f'subset="{subset}"' if subset else ''
        images += (
            f'<image id="{number}" name="{name.format(scene.stem)}" {in_subset} '
            f'width="{width}" height="{height}">{"".join(shape(item, scene) for item in scene.objects)}'
            '<points label="corner" points="1.00,2.00"></points></image>'
        )
    labels = ''.join(f'<label><name>{label}</name><attributes></attributes></label>' for label in (*CLASSES, 'corner'))
    meta = f'<meta><task><name>pets</name><mode>annotation</mode><labels>{labels}</labels></task></meta>'
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    write_text(root / 'annotations.xml', f'{head}<annotations><version>1.1</version>{meta}{images}</annotations>')


@export(BOXES, 'CVAT for images', divided=True)
def cvat_task(root: Path) -> None:
    write_cvat(root, ((scene, '') for scene in ALL), 'day 1/{}.jpg')
    for scene in ALL:
        paint(root / f'images/day 1/{scene.stem}.jpg', scene)


@export(BOXES, 'CVAT for images', divided=True)
def cvat_task_unpacked_beside_images(root: Path) -> None:
    write_cvat(root, ((scene, 'default') for scene in ALL))
    for scene in ALL:
        paint(root / f'{scene.stem}.jpg', scene)


@export(BOXES, 'CVAT for images')
def cvat_project(root: Path) -> None:
    subsets = {'train': 'Train', 'val': 'Validation', 'test': 'Test'}
    write_cvat(root, ((scene, subsets[split]) for split, listed in SCENES.items() for scene in listed))
    for split, listed in SCENES.items():
        for scene in listed:
            paint(root / f'images/{subsets[split]}/{scene.stem}.jpg', scene)


@export(BOXES, 'CVAT for images', scenes=SCENES_WITH_MASKS, divided=True)
def cvat_polygons(root: Path) -> None:
    write_cvat(root, ((scene, '') for scene in ALL_WITH_MASKS), shape=polygon)
    for scene in ALL_WITH_MASKS:
        paint(root / f'images/{scene.stem}.jpg', scene)


@export(BOXES, 'CVAT for images', scenes=SCENES_WITH_MASKS, divided=True)
def cvat_masks(root: Path) -> None:
    write_cvat(root, ((scene, '') for scene in ALL_WITH_MASKS), shape=mask)
    for scene in ALL_WITH_MASKS:
        paint(root / f'images/{scene.stem}.jpg', scene)
