"""CSV files with a row per box, as tutorials, tools and competitions have them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.helpers.detection_folders import write_text
from tests.helpers.exports.table import BOXES, export
from tests.helpers.painted import CLASSES, SCENES, Object, Scene, paint

ALL = [scene for listed in SCENES.values() for scene in listed]
TENSORFLOW = 'filename,width,height,class,xmin,ymin,xmax,ymax'
# Columns of a row for an object, or for an image without one.
Cells = Callable[[Scene, Object | None], Sequence[object]]


def tensorflow(scene: Scene, item: Object | None) -> Sequence[object]:
    name, corners = (item.name, item.corners) if item else ('', ('',) * 4)
    return (f'{scene.stem}.jpg', *scene.size, name, *corners)


def write_csv(
    file: Path, scenes: Iterable[Scene], cells: Cells, header: str = '', delimiter: str = ',', empty: bool = True
) -> None:
    """Write a row per object; `empty`: and one for each image without objects."""
    rows = [cells(scene, item) for scene in scenes for item in scene.objects or ([None] if empty else [])]
    lines = [header.replace(',', delimiter)] * bool(header)
    lines += [delimiter.join(f'"{cell}"' if ',' in str(cell) else str(cell) for cell in row) for row in rows]
    write_text(file, '\n'.join(lines) + '\n')


def paint_all(place: Path, scenes: Iterable[Scene], suffix: str = '.jpg') -> None:
    for scene in scenes:
        paint(place / f'{scene.stem}{suffix}', scene)


def fractions(scene: Scene, item: Object) -> list[float]:
    return [round(value / scene.size[index % 2], 6) for index, value in enumerate(item.corners)]


@export(BOXES, 'CSV')
def tensorflow_tutorial(root: Path) -> None:
    """No validation split of its own, so here with one: {train,valid,test}_labels.csv and folders of images."""
    for split, name in {'train': 'train', 'val': 'valid', 'test': 'test'}.items():
        write_csv(root / f'{name}_labels.csv', SCENES[split], tensorflow, TENSORFLOW)
        paint_all(root / 'images' / name, SCENES[split])


@export(BOXES, 'CSV')
def roboflow_csv(root: Path) -> None:
    for split, name in {'train': 'train', 'val': 'valid', 'test': 'test'}.items():
        write_csv(root / name / '_annotations.csv', SCENES[split], tensorflow, TENSORFLOW)
        paint_all(root / name, SCENES[split])


@export(BOXES, 'CSV')
def one_csv_for_folders_of_splits(root: Path) -> None:
    write_csv(root / 'annotations/labels.csv', ALL, tensorflow, TENSORFLOW)
    for split, listed in SCENES.items():
        paint_all(root / split / 'images', listed)


@export(BOXES, 'CSV', divided=True)
def excel_csv(root: Path) -> None:
    """Semicolons, decimal commas, a byte order mark, Windows paths, and other names of the columns."""

    def cells(scene: Scene, item: Object | None) -> Sequence[object]:
        corners = [f'{value},0' for value in item.corners] if item else [''] * 4
        return (f'C:\\photos\\day 1\\{scene.stem}.jpg', item.name if item else '', *corners)

    write_csv(root / 'boxes.csv', ALL, cells, '\ufeffImage Path,Class Name,X1,Y1,X2,Y2', ';')
    text = (root / 'boxes.csv').read_text().replace('"', '').replace('\n', '\r\n')
    (root / 'boxes.csv').write_bytes(text.encode())
    paint_all(root / 'photos/day 1', ALL)


@export(BOXES, 'CSV', divided=True)
def kaggle_csv_of_ids_and_boxes_in_one_cell(root: Path) -> None:
    """As global wheat detection, with classes."""

    def cells(scene: Scene, item: Object | None) -> Sequence[object]:
        box = [float(value) for value in item.box] if item else ''
        return (scene.stem, *scene.size, box, item.name if item else '')

    write_csv(root / 'train.csv', ALL, cells, 'image_id,width,height,bbox,label')
    write_text(root / 'sample_submission.csv', 'image_id,PredictionString\nabc,\n')
    paint_all(root / 'train', ALL, '.png')


@export(BOXES, 'CSV')
def csv_with_a_column_of_splits(root: Path) -> None:
    split_of = {scene.stem: split for split, listed in SCENES.items() for scene in listed}

    def cells(scene: Scene, item: Object | None) -> Sequence[object]:
        box = item.box if item else [''] * 4
        return (*box, scene.stem + '.jpg', item.name if item else '', split_of[scene.stem].title())

    write_csv(root / 'annotations.tsv', ALL, cells, 'x,y,width,height,file,label,split', '\t')
    paint_all(root / 'imgs', ALL)


@export(BOXES, 'CSV', divided=True)
def centers_as_fractions(root: Path) -> None:
    def cells(scene: Scene, item: Object | None) -> Sequence[object]:
        if item is None:
            return (scene.stem, '', '', '', '', '')
        x, y, w, h = item.box
        width, height = scene.size
        return (scene.stem, item.name, (x + w / 2) / width, (y + h / 2) / height, w / width, h / height)

    write_csv(root / 'labels.csv', ALL, cells, 'image,class,x_center,y_center,width,height')
    paint_all(root / 'images', ALL)


@export(BOXES, 'CSV')
def keras_retinanet(root: Path) -> None:
    def cells(scene: Scene, item: Object | None) -> Sequence[object]:
        name, corners = (item.name, item.corners) if item else ('', ('',) * 4)
        return (f'/home/me/pets/images/{scene.stem}.jpg', *corners, name)

    for split, listed in SCENES.items():
        write_csv(root / f'{split}_annotations.csv', listed, cells)
    write_csv(root / 'classes.csv', [], tensorflow, '\n'.join(f'{name},{index}' for index, name in enumerate(CLASSES)))
    paint_all(root / 'images', ALL)


@export(BOXES, 'CSV')
def automl(root: Path) -> None:
    names = {'train': 'TRAIN', 'val': 'VALIDATE', 'test': 'TEST'}
    split_of = {scene.stem: names[split] for split, listed in SCENES.items() for scene in listed}

    def cells(scene: Scene, item: Object | None) -> Sequence[object]:
        name = split_of[scene.stem] if scene.objects else 'UNASSIGNED'
        image = f'gs://my-bucket/pets/{scene.stem}.jpg'
        if item is None:
            return (name, image, *[''] * 9)
        left, top, right, bottom = fractions(scene, item)
        return (name, image, item.name, left, top, '', '', right, bottom, '', '')

    write_csv(root / 'all_data.csv', ALL, cells)
    paint_all(root / 'pets', ALL)


@export(BOXES, 'CSV')
def openimages(root: Path) -> None:
    codes = {name: f'/m/0{index}abc' for index, name in enumerate(CLASSES)}
    header = (
        'ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside'
    )

    def cells(scene: Scene, item: Object | None) -> Sequence[object]:
        if item is None:
            return (scene.stem, *[''] * 12)
        left, top, right, bottom = fractions(scene, item)
        return (scene.stem, 'xclick', codes[item.name], 1, left, right, top, bottom, 0, 0, 0, 0, 0)

    for split, name in {'train': 'train', 'val': 'validation', 'test': 'test'}.items():
        write_csv(root / f'{name}-annotations-bbox.csv', SCENES[split], cells, header)
        paint_all(root / name, SCENES[split])
    more = ['/m/09xyz,Turtle', *(f'{code},{name}' for name, code in codes.items())]
    write_text(root / 'class-descriptions-boxable.csv', '\n'.join(more))


@export(BOXES, 'CSV', divided=True)
def makesense(root: Path) -> None:
    def cells(scene: Scene, item: Object | None) -> Sequence[object]:
        name, box = (item.name, item.box) if item else ('', [''] * 4)
        return (name, *box, f'{scene.stem}.jpg', *scene.size)

    write_csv(root / 'labels_my-project_2024-05-01-10-11-12.csv', ALL, cells)
    paint_all(root, ALL)


@export(BOXES, 'CSV', divided=True)
def sku110k(root: Path) -> None:
    def cells(scene: Scene, item: Object | None) -> Sequence[object]:
        name, corners = (item.name, item.corners) if item else ('', [''] * 4)
        return (f'{scene.stem}.jpg', *corners, name, *scene.size)

    write_csv(root / 'annotations/annotations_train.csv', ALL, cells)
    paint_all(root / 'images', ALL)
