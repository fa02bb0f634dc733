"""Folders that need no tool: plain COCO, ADE20K with `classes.txt`."""

import json
from pathlib import Path

from tests.helpers.exports.table import BOXES, LABEL_MAPS, export
from tests.helpers.painted import CLASSES, SCENES, SCENES_WITH_MASKS, Scene, label_map, paint


def coco(scenes: list[Scene], file_name: str = '{}.jpg', masks: bool = False, first_id: int = 1) -> dict:
    """Scenes in COCO form."""
    ids = {name: number for number, name in enumerate(CLASSES, first_id)}
    images, annotations = [], []
    for number, scene in enumerate(scenes, 1):
        width, height = scene.size
        images.append({'id': number, 'file_name': file_name.format(scene.stem), 'width': width, 'height': height})
        for item in scene.objects:
            x, y, w, h = item.box
            entry = {'id': len(annotations) + 1, 'image_id': number, 'category_id': ids[item.name], 'iscrowd': 0}
            entry |= {'bbox': [x, y, w, h], 'area': w * h}
            annotations.append(entry | ({'segmentation': [list(item.polygon)]} if masks else {}))
    categories = [{'id': number, 'name': name, 'supercategory': ''} for name, number in ids.items()]
    return {'images': images, 'annotations': annotations, 'categories': categories}


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_plain(root: Path, scenes: dict[str, list[Scene]], masks: bool) -> None:
    for split, listed in scenes.items():
        write_json(root / f'annotations/{split}.json', coco(listed, masks=masks))
        for scene in listed:
            paint(root / f'images/{scene.stem}.jpg', scene)


@export(BOXES, 'plain COCO')
def plain_coco(root: Path) -> None:
    write_plain(root, SCENES, masks=False)


@export(BOXES, 'plain COCO', scenes=SCENES_WITH_MASKS)
def plain_coco_with_masks(root: Path) -> None:
    write_plain(root, SCENES_WITH_MASKS, masks=True)


ADE20K_FOLDERS = {'train': 'training', 'val': 'validation', 'test': 'testing'}


@export(LABEL_MAPS, 'ADE20K', scenes=SCENES_WITH_MASKS, background='ignore')
def ade20k(root: Path) -> None:
    for split, listed in SCENES_WITH_MASKS.items():
        (root / 'annotations' / ADE20K_FOLDERS[split]).mkdir(parents=True)
        for scene in listed:
            paint(root / f'images/{ADE20K_FOLDERS[split]}/{scene.stem}.jpg', scene)
            labels = {name: number for number, name in enumerate(CLASSES, 1)}
            label_map(scene, labels).save(root / f'annotations/{ADE20K_FOLDERS[split]}/{scene.stem}.png')
    (root / 'classes.txt').write_text('\n'.join(CLASSES))
