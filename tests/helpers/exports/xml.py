"""Pascal VOC's XML files, as VOC itself and as many tools write them."""

from collections.abc import Iterable
from pathlib import Path

from tests.helpers.detection_folders import write_text
from tests.helpers.exports.table import BOXES, export
from tests.helpers.painted import SCENES, SCENES_WITH_MASKS, Object, Scene, paint

OBJECT = """<object><name>{}</name><pose>Unspecified</pose><truncated>0</truncated>{}<bndbox>
<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>{}</object>"""
PART = '<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></part>'
ROTATION = '<attributes><attribute><name>rotation</name><value>90.0</value></attribute></attributes>'
ALL = [scene for listed in SCENES.values() for scene in listed]


def polygon(item: Object) -> str:
    values = enumerate(item.polygon)
    return ''.join(
        f'<{"xy"[index % 2]}{index // 2 + 1}>{value}</{"xy"[index % 2]}{index // 2 + 1}>' for index, value in values
    )


def voc_xml(
    scene: Scene,
    from_one: bool = False,
    file_name: str = '{}.jpg',
    path: str = '',
    decimals: int = 0,
    size: tuple[int, int] | None = None,
    difficult: bool = True,
    polygons: bool = False,
    parts: bool = False,
    turned: bool = False,
) -> str:
    """A scene; with `from_one` corners are pixels counted from 1, and else distances from the edge.

    With `turned`, corners are those before a rotation by a quarter of a turn.
    """
    objects = []
    for item in scene.objects:
        left, top, right, bottom = item.corners
        if turned:
            x, y, a, b = (left + right) / 2, (top + bottom) / 2, (bottom - top) / 2, (right - left) / 2
            left, top, right, bottom = x - a, y - b, x + a, y + b
        corners = [f'{value:.{decimals}f}' for value in (left + from_one, top + from_one, right, bottom)]
        more = f'<polygon>{polygon(item)}</polygon>' if polygons else ''
        if parts:
            more += PART
        if turned:
            more += ROTATION
        objects.append(OBJECT.format(item.name, '<difficult>0</difficult>' * difficult, *corners, more))
    width, height = size or scene.size
    name = file_name.format(scene.stem)
    return (
        f'<annotation><folder>x</folder><filename>{name}</filename>{f"<path>{path}{name}</path>" if path else ""}'
        f'<source><database>Unknown</database></source><size><width>{width}</width><height>{height}</height>'
        f'<depth>3</depth></size><segmented>0</segmented>{"".join(objects)}</annotation>'
    )


def write_pairs(scenes: Iterable[Scene], images: Path, annotations: Path, suffix: str = '.jpg', **options) -> None:
    for scene in scenes:
        paint(images / f'{scene.stem}{suffix}', scene)
        write_text(annotations / f'{scene.stem}.xml', voc_xml(scene, **options))


def write_voc(root: Path, lists: str, line: str = '{}', names: dict[str, str] | None = None, **options) -> None:
    for split, listed in SCENES.items():
        write_pairs(listed, root / 'JPEGImages', root / 'Annotations', **options)
        name = (names or {}).get(split, split)
        write_text(root / lists / f'{name}.txt', ''.join(line.format(scene.stem) + '\n' for scene in listed))


@export(BOXES, 'Pascal VOC')
def voc(root: Path) -> None:
    write_voc(root, 'ImageSets/Main', from_one=True, parts=True)
    write_text(root / 'ImageSets/Main/cat_train.txt', 'image_00 -1\n')
    write_text(root / 'ImageSets/Segmentation/train.txt', '')


@export(BOXES, 'Pascal VOC')
def voc_lists_without_main(root: Path) -> None:
    write_voc(root, 'ImageSets', from_one=True)


@export(BOXES, 'Pascal VOC')
def voc_lists_of_paths_at_the_top(root: Path) -> None:
    write_voc(root, '.', '/content/VOC/JPEGImages/{}.jpg', {'val': 'valid'}, from_one=True)


@export(BOXES, 'Pascal VOC', divided=True)
def cvat_voc(root: Path) -> None:
    """A task without subsets: one list, names in quotes, corners as fractions of a pixel, a folder in each name."""
    for scene in ALL:
        paint(root / f'JPEGImages/day 1/{scene.stem}.jpg', scene)
        write_text(root / f'Annotations/day 1/{scene.stem}.xml', voc_xml(scene, decimals=2, file_name='day 1/{}.jpg'))
    write_text(root / 'ImageSets/Main/default.txt', ''.join(f'"day 1/{scene.stem}"\n' for scene in ALL))
    write_text(root / 'ImageSets/Main/cat_default.txt', '"day 1/image_00" 1\n')
    write_text(root / 'labelmap.txt', '# label:color_rgb:parts:actions\ncat:220,40,40::\n')


@export(BOXES, 'Pascal VOC')
def cvat_voc_of_a_project(root: Path) -> None:
    write_voc(root, 'ImageSets/Main', names={'train': 'Train', 'val': 'Validation', 'test': 'Test'}, decimals=1)


@export(BOXES, 'Pascal VOC')
def cvat_voc_with_a_task_in_no_subset(root: Path) -> None:
    write_voc(root, 'ImageSets/Main', names={'train': 'default', 'val': 'Validation'}, decimals=1)


@export(BOXES, 'Pascal VOC')
def cvat_voc_with_rotated_boxes(root: Path) -> None:
    write_voc(root, 'ImageSets/Main', decimals=2, turned=True)


@export(BOXES, 'Pascal VOC without lists', divided=True)
def voc_without_lists(root: Path) -> None:
    write_pairs(ALL, root / 'JPEGImages', root / 'Annotations', from_one=True)


@export(BOXES, 'Pascal VOC without lists', divided=True)
def labelimg(root: Path) -> None:
    """Beside the photographs, some of which have been renamed after they were labeled."""
    write_pairs(ALL, root, root, '.JPG', path='C:\\Users\\me\\', file_name='old_{}.JPG', size=(0, 0))
    write_text(root / 'predefined_classes.txt', 'cat\ndog\nbird\n')


@export(BOXES, 'Pascal VOC without lists')
def roboflow_voc(root: Path) -> None:
    for split, listed in SCENES.items():
        place = root / {'val': 'valid'}.get(split, split)
        write_pairs(listed, place, place, file_name='{}_jpg.rf.0123.jpg', difficult=False)
    write_text(root / 'README.roboflow.txt', '')


@export(BOXES, 'Pascal VOC without lists', scenes=SCENES_WITH_MASKS)
def roboflow_voc_with_polygons(root: Path) -> None:
    for split, listed in SCENES_WITH_MASKS.items():
        write_pairs(listed, root / split, root / split, polygons=True)


@export(BOXES, 'Pascal VOC without lists', divided=True)
def kaggle_xml(root: Path) -> None:
    write_pairs(ALL, root / 'images', root / 'annotations', '.png')


@export(BOXES, 'Pascal VOC without lists', divided=True)
def kaggle_xmls(root: Path) -> None:
    write_pairs(ALL, root / 'images', root / 'annotations/xmls')


@export(BOXES, 'Pascal VOC without lists')
def xml_in_labels(root: Path) -> None:
    for split, listed in SCENES.items():
        write_pairs(listed, root / 'images' / split, root / 'labels' / split)


@export(BOXES, 'Pascal VOC without lists')
def xml_of_all_splits_in_one_folder(root: Path) -> None:
    for split, listed in SCENES.items():
        write_pairs(listed, root / split, root / 'annotations')
