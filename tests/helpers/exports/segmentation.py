"""Folders with label maps, as data sets and tools have them."""

import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.helpers.exports.table import LABEL_MAPS, export
from tests.helpers.painted import CLASSES, SCENES, Scene, color_map, label_map, paint

VALUES = {name: value for value, name in enumerate(CLASSES, 1)}  # 0 is the background
MAP_COLORS = {'cat': (64, 0, 128), 'dog': (128, 64, 0), 'bird': (0, 128, 192)}
TABLE = {'background': (0, 0, 0), **MAP_COLORS}
TRAIN_AND_VAL = {split: SCENES[split] for split in ('train', 'val')}

Draw = Callable[[Scene], Image.Image]


def values(scene: Scene) -> Image.Image:
    return label_map(scene, VALUES)


def colors(scene: Scene) -> Image.Image:
    return color_map(scene, MAP_COLORS)


def palette(numbers: dict[str, int], border: bool = False) -> Draw:
    """Label maps with VOC's palette, and possibly its border of 255 around objects."""

    def draw(scene: Scene) -> Image.Image:
        image = label_map(scene, numbers)
        if border:
            for x in range(image.width):  # in place of the border, a line that no object touches
                image.putpixel((x, 0), 255)
        image.putpalette([channel for value in range(256) for channel in voc_color(value)])
        return image

    return draw


def voc_color(value: int) -> tuple[int, int, int]:
    channels = [0, 0, 0]
    for bit in range(8):
        channels[bit % 3] |= (value >> bit & 1) << 7 - bit // 3
    return channels[0], channels[1], channels[2]


def save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_lines(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n')


def write(
    root: Path,
    images: str,
    maps: str,
    draw: Draw = values,
    names: dict[str, str] | None = None,
    scenes: dict[str, list[Scene]] = SCENES,
) -> None:
    """Write images and label maps.

    Args:
        root: The data folder.
        images: Path of an image, with `{split}` and `{stem}`.
        maps: Path of a label map, alike.
        draw: Draws a label map.
        names: What a split is called. Default: as here.
        scenes: What is painted.
    """
    for split, listed in scenes.items():
        for scene in listed:
            parts = {'split': (names or {}).get(split, split), 'stem': scene.stem}
            paint(root / images.format(**parts), scene)
            save(draw(scene), root / maps.format(**parts))


def write_names(root: Path, file: str = 'classes.txt') -> None:
    write_lines(root / file, 'background', *CLASSES)


# Pascal VOC


@export(LABEL_MAPS, 'Pascal VOC masks')
def voc(root: Path) -> None:
    write_voc(root, palette({'cat': 8, 'dog': 12, 'bird': 3}, border=True))


@export(LABEL_MAPS, 'Pascal VOC masks', scenes=TRAIN_AND_VAL)
def voc_with_trainval_and_unlabeled_test(root: Path) -> None:
    voc(root)
    (root / 'ImageSets/Segmentation/val.txt').unlink()
    names = [scene.stem for split in ('train', 'val') for scene in SCENES[split]]
    write_lines(root / 'ImageSets/Segmentation/trainval.txt', *names)
    for scene in SCENES['test']:
        (root / f'SegmentationClass/{scene.stem}.png').unlink()
    paint(root / 'JPEGImages/of_boxes_only.jpg', SCENES['train'][0])


@export(LABEL_MAPS, 'Pascal VOC masks', divided=True)
def voc_without_lists(root: Path) -> None:
    write(root, 'JPEGImages/{stem}.jpg', 'SegmentationClassAug/{stem}.png')
    write_names(root)


@export(LABEL_MAPS, 'Pascal VOC masks', scenes=TRAIN_AND_VAL)
def voc_with_augmented_label_maps(root: Path) -> None:
    write_voc(root, palette({'cat': 8, 'dog': 12, 'bird': 3}), maps='SegmentationClassAug')
    (root / 'ImageSets/Segmentation/test.txt').unlink()
    (root / 'ImageSets/Segmentation/train.txt').rename(root / 'ImageSets/Segmentation/trainaug.txt')
    write_lines(root / 'ImageSets/Segmentation/train.txt', SCENES['train'][0].stem)
    save(values(SCENES['train'][0]), root / f'SegmentationClass/{SCENES["train"][0].stem}.png')


@export(LABEL_MAPS, 'Pascal VOC masks', divided=True)
def labelme2voc(root: Path) -> None:
    write(root, 'JPEGImages/{stem}.jpg', 'SegmentationClass/{stem}.png', palette(VALUES))
    write(root, 'JPEGImages/{stem}.jpg', 'SegmentationClassVisualization/{stem}.jpg', colors)
    write_lines(root / 'class_names.txt', '_background_', *CLASSES)


@export(LABEL_MAPS, 'Pascal VOC masks', divided=True)
def cvat_masks(root: Path) -> None:
    write_cvat(root, colors)


@export(LABEL_MAPS, 'Pascal VOC masks')
def cvat_masks_of_several_subsets(root: Path) -> None:
    write_cvat(root, colors)
    (root / 'ImageSets/Segmentation/default.txt').unlink()
    write_voc_lists(root, {'train': 'Train', 'val': 'Validation', 'test': 'Test'})


@export(LABEL_MAPS, 'Pascal VOC masks', divided=True)
def cvat_masks_with_palette(root: Path) -> None:
    """The numbers of an adaptive palette say nothing: its colors count."""
    write_cvat(root, lambda scene: colors(scene).convert('P', palette=Image.Palette.ADAPTIVE))


def write_voc(root: Path, draw: Draw, maps: str = 'SegmentationClass') -> None:
    write(root, 'JPEGImages/{stem}.jpg', f'{maps}/{{stem}}.png', draw)
    write(root, 'JPEGImages/{stem}.jpg', 'SegmentationObject/{stem}.png', draw)
    write_voc_lists(root)


def write_voc_lists(root: Path, names: dict[str, str] | None = None) -> None:
    for split, listed in SCENES.items():
        name = (names or {}).get(split, split)
        write_lines(root / f'ImageSets/Segmentation/{name}.txt', *(scene.stem for scene in listed))


def write_cvat(root: Path, draw: Draw) -> None:
    write_voc(root, draw)
    for path in root.glob('ImageSets/Segmentation/*.txt'):
        path.unlink()
    stems = [scene.stem for listed in SCENES.values() for scene in listed]
    write_lines(root / 'ImageSets/Segmentation/default.txt', *stems)
    rows = [f'{name}:{red},{green},{blue}::' for name, (red, green, blue) in TABLE.items()]
    write_lines(root / 'labelmap.txt', '# label:color_rgb:parts:actions', *rows)


# Cityscapes


CITYSCAPES = {'cat': 26, 'dog': 24, 'bird': 33}
CALLED = {'cat': 'car', 'dog': 'person', 'bird': 'bicycle'}


@export(LABEL_MAPS, 'Cityscapes', scenes=TRAIN_AND_VAL, background='ignore', called=CALLED)
def cityscapes(root: Path) -> None:
    write_cityscapes(root)
    write(root, 'leftImg8bit/{split}/bern/{stem}_leftImg8bit.png', 'gtFine/{split}/bern/{stem}_gtFine_labelIds.png',
          lambda scene: Image.new('L', scene.size), scenes={'test': SCENES['test']})  # fmt: skip


@export(LABEL_MAPS, 'Cityscapes', scenes=TRAIN_AND_VAL, background='ignore', called=CALLED)
def cityscapes_train_ids(root: Path) -> None:
    write_cityscapes(root)
    train_ids = {'cat': 13, 'dog': 11, 'bird': 18}
    write(root, 'leftImg8bit/{split}/ulm/{stem}_leftImg8bit.png', 'gtFine/{split}/ulm/{stem}_gtFine_labelTrainIds.png',
          lambda scene: label_map(scene, train_ids, background=255), scenes=TRAIN_AND_VAL)  # fmt: skip


@export(LABEL_MAPS, 'Cityscapes', divided=True)
def cityscapes_of_cvat(root: Path) -> None:
    write(root, 'imgsFine/leftImg8bit/default/{stem}_leftImg8bit.png', 'gtFine/default/{stem}_gtFine_labelIds.png')
    write(root, 'imgsFine/leftImg8bit/default/{stem}_leftImg8bit.png', 'gtFine/default/{stem}_gtFine_color.png', colors)
    write_label_colors(root)


def write_cityscapes(root: Path) -> None:
    for kind in ('color', 'instanceIds', 'labelIds'):
        maps = f'gtFine/{{split}}/ulm/{{stem}}_gtFine_{kind}.png'
        write(root, 'leftImg8bit/{split}/ulm/{stem}_leftImg8bit.png', maps,
              lambda scene: label_map(scene, CITYSCAPES, background=4), scenes=TRAIN_AND_VAL)  # fmt: skip
    for path in root.glob('gtFine/*/*/*_color.png'):
        path.with_name(path.name.replace('color.png', 'polygons.json')).write_text(json.dumps({'objects': []}))


# Roboflow


@export(LABEL_MAPS, 'Roboflow masks')
def roboflow_masks(root: Path) -> None:
    stem = '{split}/{stem}_jpg.rf.0a1b2c'
    write(root, f'{stem}.jpg', f'{stem}_mask.png', names={'val': 'valid'})
    for split in ('train', 'valid', 'test'):
        rows = [f'{value}, {name}' for value, name in enumerate(('background', *CLASSES))]
        write_lines(root / f'{split}/_classes.csv', 'Pixel Value, Class', *rows)


@export(LABEL_MAPS, 'Roboflow masks', divided=True)
def roboflow_masks_without_splits(root: Path) -> None:
    write(root, 'train/{stem}_png.rf.0a1b2c.png', 'train/{stem}_png.rf.0a1b2c_mask.png')
    write_lines(root / 'train/_classes.csv', 'Pixel Value, Class', '0, background', '1, cat', '2, dog', '3, bird')


# MMSegmentation


@export(LABEL_MAPS, 'MMSegmentation')
def mmseg_folders(root: Path) -> None:
    write(root, 'img_dir/{split}/{stem}.jpg', 'ann_dir/{split}/{stem}.png')
    write_names(root)


@export(LABEL_MAPS, 'MMSegmentation', scenes=TRAIN_AND_VAL)
def mmseg_folders_with_suffixes(root: Path) -> None:
    write(root, 'img_dir/{split}/{stem}_leftImg8bit.png', 'ann_dir/{split}/{stem}_gtFine_labelTrainIds.png',
          scenes=TRAIN_AND_VAL)  # fmt: skip
    paint(root / 'img_dir/test/a.png', SCENES['test'][0])  # unlabeled
    write_names(root)


# Images and masks


@export(LABEL_MAPS, 'images and masks')
def camvid_of_kaggle(root: Path) -> None:
    write(root, '{split}/{stem}.png', '{split}_labels/{stem}_L.png', colors)
    rows = [f'{name},{red},{green},{blue}' for name, (red, green, blue) in TABLE.items()]
    write_lines(root / 'class_dict.csv', 'name,r,g,b', *rows)


@export(LABEL_MAPS, 'images and masks')
def camvid_of_segnet(root: Path) -> None:
    write(root, '{split}/{stem}.png', '{split}annot/{stem}.png')
    for split, listed in SCENES.items():
        pairs = [
            f'/SegNet/CamVid/{split}/{item.stem}.png /SegNet/CamVid/{split}annot/{item.stem}.png' for item in listed
        ]
        write_lines(root / f'{split}.txt', *pairs)
    write_names(root)


@export(LABEL_MAPS, 'images and masks', divided=True)
def camvid_of_cvat(root: Path) -> None:
    write(root, 'default/{stem}.jpg', 'defaultannot/{stem}.png', colors)
    stems = [scene.stem for listed in SCENES.values() for scene in listed]
    write_lines(root / 'default.txt', *(f'/default/{stem}.jpg /defaultannot/{stem}.png' for stem in stems))
    write_label_colors(root)


@export(LABEL_MAPS, 'images and masks', divided=True)
def camvid_itself(root: Path) -> None:
    write(root, '701_StillsRaw_full/{stem}.png', 'LabeledApproved_full/{stem}_L.png', colors)
    write_label_colors(root, separator='\t\t')


def write_label_colors(root: Path, separator: str = ' ') -> None:
    rows = [f'{red} {green} {blue}{separator}{name}' for name, (red, green, blue) in TABLE.items()]
    write_lines(root / 'label_colors.txt', *rows)


@export(LABEL_MAPS, 'images and masks', scenes={'train': SCENES['train'] + SCENES['test'], 'val': SCENES['val']})
def camvid_of_fastai(root: Path) -> None:
    write(root, 'images/{stem}.png', 'labels/{stem}_P.png', lambda scene: label_map(scene, VALUES))
    write_lines(root / 'codes.txt', 'background', *CLASSES, 'Void')
    write_lines(root / 'valid.txt', *(f'{scene.stem}.png' for scene in SCENES['val']))


@export(LABEL_MAPS, 'images and masks')
def images_and_masks(root: Path) -> None:
    write(root, 'images/{split}/{stem}.jpg', 'masks/{split}/{stem}.png')
    write_names(root)


@export(LABEL_MAPS, 'images and masks', divided=True)
def images_and_masks_without_splits(root: Path) -> None:
    write(root, 'images/{stem}.png', 'masks/{stem}_mask.png')
    write_names(root)


@export(LABEL_MAPS, 'images and masks')
def images_and_masks_with_lists(root: Path) -> None:
    write(root, 'photos/{stem}.jpg', 'SegmentationMasks/{stem}.png')
    for split, listed in SCENES.items():
        write_lines(root / f'{split}.txt', *(scene.stem for scene in listed))
    write_names(root)


@export(LABEL_MAPS, 'images and masks')
def splits_with_images_and_masks(root: Path) -> None:
    write(root, '{split}/Images/{stem}.jpg', '{split}/Labels/{stem}_label.png', names={'val': 'validation'})
    write_names(root)


@export(LABEL_MAPS, 'images and masks')
def images_and_masks_named_by_split(root: Path) -> None:
    write(root, '{split}_images/{stem}.jpg', '{split}_masks/{stem}.png')
    write_names(root)


@export(LABEL_MAPS, 'images and masks')
def masks_beside_images(root: Path) -> None:
    write(root, '{split}/{stem}_sat.jpg', '{split}/{stem}_mask.png', names={'val': 'valid'})
    write_names(root)


@export(LABEL_MAPS, 'images and masks', divided=True)
def masks_beside_images_without_splits(root: Path) -> None:
    write(root, '{stem}.png', '{stem}_mask.png')
    write_names(root)


@export(LABEL_MAPS, 'images and masks', divided=True)
def other_beginnings(root: Path) -> None:
    write(root, 'imgs/img_{stem}.jpg', 'gt/mask_{stem}.png')
    write_names(root)


@export(LABEL_MAPS, 'images and masks', scenes=TRAIN_AND_VAL)
def unlabeled_test_images(root: Path) -> None:
    write(root, 'images/{split}/{stem}.jpg', 'labels/{split}/{stem}.png', scenes=TRAIN_AND_VAL)
    paint(root / 'images/test/a.jpg', SCENES['test'][0])
    write_names(root)


@export(LABEL_MAPS, 'images and masks', divided=True, background='ignore')
def unlabeled_pixels(root: Path) -> None:
    """Nothing but the classes has a name, so that label 0 is unlabeled."""
    write(root, 'images/{stem}.jpg', 'annotations/{stem}.png')
    write_lines(root / 'classes.txt', *CLASSES)


@export(LABEL_MAPS, 'images and masks', divided=True)
def nothing_named(root: Path) -> None:
    write(root, 'images/{stem}.jpg', 'masks/{stem}.png')


@export(LABEL_MAPS, 'images and masks', divided=True, background='ignore')
def void_in_a_color_table(root: Path) -> None:
    write(root, 'images/{stem}.jpg', 'masks/{stem}.png', colors)
    write_label_colors(root)
    file = root / 'label_colors.txt'
    file.write_text(file.read_text().replace('background', 'Void'))


@export(LABEL_MAPS, 'images and masks')
def other_suffixes(root: Path) -> None:
    write(root, 'train/images/{stem}.tif', 'train/masks/{stem}.tif', scenes={'train': SCENES['train']})
    write(root, '{split}/images/{stem}.JPG', '{split}/masks/{stem}.JPG.png',
          scenes={split: SCENES[split] for split in ('val', 'test')})  # fmt: skip
    write_names(root)


# Binary masks: a single class, `cat`


def only_cats(scenes: dict[str, list[Scene]]) -> dict[str, list[Scene]]:
    return {
        split: [
            Scene(item.stem, item.size, tuple(part for part in item.objects if part.name == 'cat')) for item in listed
        ]
        for split, listed in scenes.items()
    }


CATS = only_cats(SCENES)


@export(LABEL_MAPS, 'images and masks', scenes=CATS, divided=True)
def binary_of_0_and_255(root: Path) -> None:
    write(root, 'images/{stem}.jpg', 'masks/{stem}.png', lambda scene: label_map(scene, {'cat': 255}), scenes=CATS)
    write_lines(root / 'classes.txt', 'cat')


@export(LABEL_MAPS, 'images and masks', scenes=CATS)
def binary_of_0_and_1(root: Path) -> None:
    write(root, '{split}/images/{stem}.jpg', '{split}/masks/{stem}.png', lambda scene: label_map(scene, {'cat': 1}),
          scenes=CATS)  # fmt: skip
    write_lines(root / 'classes.txt', 'background', 'cat')


@export(LABEL_MAPS, 'images and masks', scenes=CATS)
def binary_in_colors(root: Path) -> None:
    """Black and white, stored in three channels."""
    white = {'cat': (255, 255, 255)}
    write(root, '{split}/{stem}.jpg', '{split}/{stem}_mask.png', lambda scene: color_map(scene, white), scenes=CATS)
    write_lines(root / 'classes.txt', 'background', 'cat')
