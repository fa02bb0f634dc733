"""Folders with a JSON file per split: CreateML and VGG Image Annotator."""

from pathlib import Path

from tests.helpers.exports.plain import write_json
from tests.helpers.exports.table import BOXES, export
from tests.helpers.painted import SCENES, SCENES_WITH_MASKS, Object, Scene, paint

ALL = [scene for listed in SCENES.values() for scene in listed]


def createml(scenes: list[Scene], name: str = '{}.jpg') -> list[dict]:
    """The list of images."""
    return [
        {
            'image': name.format(scene.stem),
            'annotations': [
                {'label': item.name, 'coordinates': {'x': x + w / 2, 'y': y + h / 2, 'width': w, 'height': h}}
                for item in scene.objects
                for x, y, w, h in [item.box]
            ],
        }
        for scene in scenes
    ]


@export(BOXES, 'CreateML')
def roboflow_createml(root: Path) -> None:
    for split, scenes in SCENES.items():
        folder = root / {'val': 'valid'}.get(split, split)
        write_json(folder / '_annotations.createml.json', createml(scenes))
        for scene in scenes:
            paint(folder / f'{scene.stem}.jpg', scene)


@export(BOXES, 'CreateML', divided=True)
def createml_list_beside_the_folder_of_images(root: Path) -> None:
    write_json(root / 'labels.json', createml(ALL, 'C:\\photos\\{}.PNG'))
    for scene in ALL:
        paint(root / f'photos/{scene.stem}.PNG', scene)


def via(scenes: list[Scene], version: int, attribute: str | None = 'type') -> dict:
    """The images with their regions."""

    def region(item: Object, number: int) -> dict:
        polygon = {'name': 'polygon', 'all_points_x': list(item.polygon[::2]), 'all_points_y': list(item.polygon[1::2])}
        value = {item.name: True} if number % 2 else item.name  # a checkbox or a list to choose from
        return {'shape_attributes': polygon, 'region_attributes': {attribute: value} if attribute else {}}

    listed = {}
    for scene in scenes:
        regions = [region(item, number) for number, item in enumerate(scene.objects)]
        entry = {'filename': f'{scene.stem}.jpg', 'size': 12345, 'file_attributes': {}}
        entry['regions'] = regions if version == 2 else {str(n): item for n, item in enumerate(regions)}
        listed[f'{scene.stem}.jpg12345'] = entry
    return listed


@export(BOXES, 'VIA', scenes=SCENES_WITH_MASKS)
def via_region_data(root: Path) -> None:
    for split, scenes in SCENES_WITH_MASKS.items():
        write_json(root / f'{split}/via_region_data.json', via(scenes, 1))
        for scene in scenes:
            paint(root / f'{split}/{scene.stem}.jpg', scene)


@export(BOXES, 'VIA', scenes=SCENES_WITH_MASKS)
def via_projects(root: Path) -> None:
    for split, scenes in SCENES_WITH_MASKS.items():
        content = {'_via_settings': {'ui': {}}, '_via_img_metadata': via(scenes, 2), '_via_attributes': {'region': {}}}
        write_json(root / f'{split}.json', content)
        for scene in scenes:
            paint(root / f'images/{scene.stem}.jpg', scene)
