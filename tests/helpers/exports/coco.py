"""COCO files as CVAT, Label Studio, Roboflow, FiftyOne, Supervisely, Datumaro and X-AnyLabeling leave them, and people.

CVAT and Datumaro: `annotations/instances_<subset>.json` and `images/<subset>/`, or `images/` in older versions; what is
drawn with CVAT's brush is a crowd. Label Studio: ids from 0, `result.json`, the separators of its machine, and since
version 1.16 paths into its own folders. FiftyOne: `labels.json` and `data/`. Supervisely: a folder per data set.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tests.helpers.exports.plain import coco, write_json
from tests.helpers.exports.table import BOXES, export
from tests.helpers.painted import SCENES, SCENES_WITH_MASKS, Scene, object_mask, paint

EVERYTHING = [scene for scenes in SCENES.values() for scene in scenes]
EVERYTHING_WITH_MASKS = [scene for scenes in SCENES_WITH_MASKS.values() for scene in scenes]
TWO_SPLITS = {split: SCENES[split] for split in ('train', 'val')}


def paint_all(folder: Path, scenes: Iterable[Scene], suffix: str = '.jpg') -> None:
    for scene in scenes:
        paint(folder / f'{scene.stem}{suffix}', scene)


def write_splits(root: Path, file: str, images: str, names: dict[str, str], **options) -> None:
    """A COCO file per split; ``{}`` in paths stands for its name."""
    for split, name in names.items():
        write_json(root / file.format(name), coco(SCENES[split], **options))
        paint_all(root / images.format(name), SCENES[split])


# CVAT and Datumaro


def add_attributes(data: dict) -> dict:
    """What CVAT adds to COCO's keys."""
    for image in data['images']:
        image |= {'license': 0, 'flickr_url': '', 'coco_url': '', 'date_captured': 0}
    for annotation in data['annotations']:
        annotation['attributes'] = {'occluded': False, 'rotation': 0.0}
    return {'licenses': [{'name': '', 'id': 0, 'url': ''}], 'info': {'contributor': '', 'date_created': ''}} | data


@export(BOXES, 'CVAT COCO', divided=True)
def cvat_task(root: Path) -> None:
    write_json(root / 'annotations/instances_default.json', add_attributes(coco(EVERYTHING)))
    paint_all(root / 'images/default', EVERYTHING)


@export(BOXES, 'CVAT COCO', divided=True)
def cvat_task_of_older_versions(root: Path) -> None:
    write_json(root / 'annotations/instances_default.json', add_attributes(coco(EVERYTHING)))
    paint_all(root / 'images', EVERYTHING)


@export(BOXES, 'CVAT COCO', divided=True)
def cvat_task_beside_its_images(root: Path) -> None:
    """Exported without images, and unpacked where the images are."""
    write_json(root / 'annotations/instances_default.json', add_attributes(coco(EVERYTHING)))
    paint_all(root, EVERYTHING)


@export(BOXES, 'CVAT COCO', divided=True, scenes=SCENES_WITH_MASKS)
def cvat_brush(root: Path) -> None:
    data = coco(EVERYTHING_WITH_MASKS)
    objects = [(item, scene.size) for scene in EVERYTHING_WITH_MASKS for item in scene.objects]
    for annotation, (item, size) in zip(data['annotations'], objects, strict=True):
        mask = object_mask(item, size)
        annotation |= {'segmentation': run_lengths(mask), 'area': int(mask.sum()), 'iscrowd': 1}
    write_json(root / 'annotations/instances_default.json', add_attributes(data))
    paint_all(root / 'images/default', EVERYTHING_WITH_MASKS)


@export(BOXES, 'CVAT COCO', divided=True)
def cvat_rotated_boxes(root: Path) -> None:
    """Each box as it is before its rotation, a quarter of a turn."""
    data = add_attributes(coco(EVERYTHING))
    for annotation in data['annotations']:
        x, y, width, height = annotation['bbox']
        annotation['bbox'] = [x + (width - height) / 2, y + (height - width) / 2, height, width]
        annotation['attributes']['rotation'] = 270.0
    write_json(root / 'annotations/instances_default.json', data)
    paint_all(root / 'images/default', EVERYTHING)


def run_lengths(mask: np.ndarray) -> dict:
    """RLE with plain numbers: lengths of runs of zeros and ones in turn, column by column."""
    flat = mask.T.ravel()
    edges = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist(), flat.size]
    counts = np.diff(edges).tolist()
    return {'counts': [0, *counts] if flat[0] else counts, 'size': list(mask.shape)}


@export(BOXES, 'plain COCO')
def cvat_project(root: Path) -> None:
    names = {'train': 'Train', 'val': 'Validation', 'test': 'Test'}
    write_splits(root, 'annotations/instances_{}.json', 'images/{}', names)


@export(BOXES, 'plain COCO')
def cvat_project_with_a_task_in_no_subset(root: Path) -> None:
    names = {'train': 'default', 'val': 'Validation', 'test': 'Test'}
    write_splits(root, 'annotations/instances_{}.json', 'images/{}', names)


@export(BOXES, 'one COCO file', divided=True)
def cvat_project_with_one_subset(root: Path) -> None:
    write_json(root / 'annotations/instances_Train.json', add_attributes(coco(EVERYTHING)))
    paint_all(root / 'images/Train', EVERYTHING)


@export(BOXES, 'plain COCO')
def datumaro(root: Path) -> None:
    names = {'train': 'train', 'val': 'val', 'test': 'test'}
    write_splits(root, 'annotations/instances_{}.json', 'images/{}', names)


# Label Studio


def label_studio(root: Path, file_name: str) -> None:
    data = coco(EVERYTHING, file_name=file_name, first_id=0)
    data['images'] = [image | {'id': number} for number, image in enumerate(data['images'])]
    for number, annotation in enumerate(data['annotations']):
        annotation |= {'id': number, 'image_id': annotation['image_id'] - 1, 'segmentation': [], 'ignore': 0}
    data['categories'] = [{'id': item['id'], 'name': item['name']} for item in data['categories']]
    write_json(root / 'result.json', data | {'info': {'contributor': 'Label Studio'}})
    for scene in EVERYTHING:
        paint(root / 'images' / f'3f2a-{scene.stem}.jpg', scene)


def rename_scenes(prefix: str) -> dict[str, list[Scene]]:
    return {
        split: [Scene(prefix + scene.stem, scene.size, scene.objects) for scene in scenes]
        for split, scenes in SCENES.items()
    }


LABEL_STUDIO_SCENES = rename_scenes('3f2a-')


@export(BOXES, 'Label Studio COCO', divided=True, scenes=LABEL_STUDIO_SCENES)
def label_studio_on_linux(root: Path) -> None:
    label_studio(root, 'images/3f2a-{}.jpg')


@export(BOXES, 'Label Studio COCO', divided=True, scenes=LABEL_STUDIO_SCENES)
def label_studio_on_windows(root: Path) -> None:
    label_studio(root, 'images\\3f2a-{}.jpg')


@export(BOXES, 'Label Studio COCO', divided=True, scenes=LABEL_STUDIO_SCENES)
def label_studio_with_the_project_in_names(root: Path) -> None:
    label_studio(root, 'images\\1/3f2a-{}.jpg')


@export(BOXES, 'Label Studio COCO', divided=True, scenes=LABEL_STUDIO_SCENES)
def label_studio_with_paths_of_its_server(root: Path) -> None:
    label_studio(root, '..\\..\\label-studio\\media\\upload\\4\\3f2a-{}.jpg')


@export(BOXES, 'Label Studio COCO', divided=True, scenes=LABEL_STUDIO_SCENES)
def label_studio_with_local_storage(root: Path) -> None:
    label_studio(root, '/data/local-files/?d=photos%2F3f2a-{}.jpg')


# Roboflow


def roboflow(root: Path, names: dict[str, str], masks: bool = False) -> None:
    for split, folder in names.items():
        scenes = (SCENES_WITH_MASKS if masks else SCENES)[split]
        data = coco(scenes, masks=masks)
        data['categories'].insert(0, {'id': 0, 'name': 'animals', 'supercategory': 'none'})
        for category in data['categories'][1:]:
            category['supercategory'] = 'animals'
        write_json(root / folder / '_annotations.coco.json', data)
        paint_all(root / folder, scenes)
    (root / 'README.dataset.txt').write_text('animals\n')


@export(BOXES, 'Roboflow COCO')
def roboflow_coco(root: Path) -> None:
    roboflow(root, {'train': 'train', 'val': 'valid', 'test': 'test'})


@export(BOXES, 'Roboflow COCO', scenes=SCENES_WITH_MASKS)
def roboflow_coco_segmentation(root: Path) -> None:
    roboflow(root, {'train': 'Train', 'val': 'Validation', 'test': 'Test'}, masks=True)


@export(BOXES, 'Roboflow COCO', scenes={'train': SCENES['train']}, divided=True)
def roboflow_coco_of_one_split(root: Path) -> None:
    roboflow(root, {'train': 'train'})


@export(BOXES, 'Roboflow COCO', scenes={'train': SCENES['train']}, divided=True)
def roboflow_coco_of_one_folder(root: Path) -> None:
    roboflow(root, {'train': 'export'})


@export(BOXES, 'Roboflow COCO', scenes={'train': SCENES['train']}, divided=True)
def roboflow_coco_in_the_folder_itself(root: Path) -> None:
    roboflow(root, {'train': '.'})


# Files of any name


@export(BOXES, 'COCO files', divided=True)
def one_file_and_one_folder(root: Path) -> None:
    write_json(root / 'data.json', coco(EVERYTHING))
    paint_all(root / 'photos', EVERYTHING, '.jpg')
    write_json(root / 'package.json', {'name': 'x', 'images': ['a']})
    write_json(root / 'metadata.json', [{'annotations': []}])
    write_json(root / 'photos/notes.json', {'annotations': [{'text': 'blurred'}]})


@export(BOXES, 'COCO files')
def files_at_the_top_with_one_folder(root: Path) -> None:
    write_splits(root, '{}.json', 'photos', {'train': 'train', 'val': 'val', 'test': 'test'})


@export(BOXES, 'COCO files', scenes=TWO_SPLITS)
def files_at_the_top_with_a_folder_each(root: Path) -> None:
    write_splits(root, '{}_annotations.json', '{}_images', {'train': 'train', 'val': 'val'})


@export(BOXES, 'COCO files', scenes=TWO_SPLITS)
def files_at_the_top_with_years(root: Path) -> None:
    write_splits(root, 'instances_{}2020.JSON', '{}', {'train': 'train', 'val': 'val'})


@export(BOXES, 'COCO files', divided=True)
def file_beside_the_images(root: Path) -> None:
    write_json(root / 'annotations.json', coco(EVERYTHING))
    paint_all(root, EVERYTHING)


@export(BOXES, 'COCO files', scenes=TWO_SPLITS)
def files_beside_the_images(root: Path) -> None:
    write_splits(root, '{}.json', '.', {'train': 'train', 'val': 'val'})


@export(BOXES, 'COCO files')
def files_in_folders_of_splits(root: Path) -> None:
    write_splits(root, '{}/labels.json', '{}', {'train': 'train', 'val': 'val', 'test': 'test'})


@export(BOXES, 'COCO files', divided=True)
def fiftyone(root: Path) -> None:
    write_json(root / 'labels.json', coco(EVERYTHING))
    paint_all(root / 'data', EVERYTHING)


@export(BOXES, 'COCO files')
def fiftyone_splits(root: Path) -> None:
    write_splits(root, '{}/labels.json', '{}/data', {'train': 'train', 'val': 'validation', 'test': 'test'})


@export(BOXES, 'one COCO file', divided=True)
def supervisely(root: Path) -> None:
    write_json(root / 'annotations/instances.json', coco(EVERYTHING))
    paint_all(root / 'images', EVERYTHING)


@export(BOXES, 'COCO files', scenes=TWO_SPLITS)
def supervisely_with_two_data_sets(root: Path) -> None:
    write_splits(root, '{}/annotations/instances.json', '{}/images', {'train': 'train', 'val': 'val'})


@export(BOXES, 'COCO files', divided=True)
def x_anylabeling(root: Path) -> None:
    """Its file goes into a folder of its own, `annotations` since version 2.5, beside the images; names are bare."""
    data = coco(EVERYTHING)
    for annotation in data['annotations']:
        annotation |= {'ignore': 0, 'segmentation': []}
    write_json(root / 'annotations/coco_detection.json', data | {'type': 'instances'})
    paint_all(root, EVERYTHING)


@export(BOXES, 'one COCO file', divided=True)
def names_with_the_folder(root: Path) -> None:
    write_json(root / 'annotations/all.json', coco(EVERYTHING, file_name='images/{}.jpg'))
    paint_all(root / 'images', EVERYTHING)


@export(BOXES, 'COCO files', scenes=TWO_SPLITS)
def names_from_another_machine(root: Path) -> None:
    """The folders of the splits hold images of the same name."""
    for split in TWO_SPLITS:
        name = f'C:\\Users\\me\\data\\{split}\\photos\\{{}}.jpg'
        write_json(root / f'{split}.json', coco(TWO_SPLITS[split], file_name=name))
        paint_all(root / split / 'photos', TWO_SPLITS[split])
    paint(root / 'val/photos' / 'image_00.jpg', SCENES['test'][0])


@export(BOXES, 'COCO files', scenes=TWO_SPLITS)
def names_in_another_case(root: Path) -> None:
    for split in TWO_SPLITS:
        write_json(root / f'{split}.json', coco(TWO_SPLITS[split], file_name='{}.jpg'))
        paint_all(root / 'photos', TWO_SPLITS[split], '.JPG')


@export(BOXES, 'COCO files', divided=True)
def byte_order_mark(root: Path) -> None:
    (root / 'photos').mkdir(parents=True)
    (root / 'labels.json').write_text(json.dumps(coco(EVERYTHING), indent=4), encoding='utf-8-sig')
    paint_all(root / 'photos', EVERYTHING)


@export(BOXES, 'COCO files', divided=True, scenes=SCENES_WITH_MASKS)
def masks_without_boxes(root: Path) -> None:
    data = coco(EVERYTHING_WITH_MASKS, masks=True)
    objects = [(item, scene.size) for scene in EVERYTHING_WITH_MASKS for item in scene.objects]
    for number, (annotation, (item, size)) in enumerate(zip(data['annotations'], objects, strict=True)):
        del annotation['bbox'], annotation['area'], annotation['iscrowd']
        if number % 2:
            annotation['segmentation'] = run_lengths(object_mask(item, size))
    write_json(root / 'labels.json', data)
    paint_all(root / 'photos', EVERYTHING_WITH_MASKS)
