"""Label maps that are drawn from the masks of objects."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from mmbackbones.datasets import has_label_maps, load_segmentation
from mmbackbones.datasets.checks.images import ORIENTATION
from mmbackbones.datasets.formats import find_format
from mmbackbones.datasets.formats.label_maps.drawn import Drawing, Region, draw
from mmbackbones.datasets.formats.label_maps.object_masks import ObjectMasks
from mmbackbones.errors import UserError
from tests.helpers.exports.coco import run_lengths

WIDTH, HEIGHT = 40, 30


def rectangle(x: int, y: int, w: int, h: int) -> list[list[int]]:
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def compressed(mask: np.ndarray) -> dict:
    """A mask in COCO's RLE as text, as pycocotools writes it."""
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {'size': rle['size'], 'counts': rle['counts'].decode()}


def annotate(category: int, polygons: list, image: int = 1, **entries) -> dict:
    xs, ys = [[value for polygon in polygons for value in polygon[start::2]] for start in (0, 1)]
    box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    return {'image_id': image, 'category_id': category, 'bbox': box, 'segmentation': polygons, **entries}


def write(root: Path, *annotations: dict, names=('cat', 'dog'), images=('a.jpg', 'b.jpg'), exif=None) -> None:
    """A folder with one image for each of `images`, of which the second has an object of each class."""
    content = {
        'images': [{'id': i, 'file_name': name, 'width': WIDTH, 'height': HEIGHT} for i, name in enumerate(images, 1)],
        'annotations': [*annotations, *(annotate(i, rectangle(i, 4, 8, 9), 2) for i in range(1, len(names) + 1))],
        'categories': [{'id': number, 'name': name} for number, name in enumerate(names, 1)],
    }
    for number, annotation in enumerate(content['annotations'], 1):
        annotation['id'] = number
    for split in ('train', 'val'):
        file = root / f'annotations/{split}.json'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    for number, name in enumerate(images):
        pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        file = root / 'images' / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file, **({'exif': exif} if exif else {}))


def read(root: Path, out_dir: Path, split: str = 'train') -> list[np.ndarray]:
    found = find_format(root, 'label maps', objects=True)
    assert isinstance(found, ObjectMasks)
    pairs = found.read(split, out_dir).pairs
    maps = []
    for pair in pairs:
        with Image.open(pair.label_path) as image:
            assert image.mode == 'L'
            maps.append(np.array(image))
        values, counts = np.unique(maps[-1], return_counts=True)
        assert pair.label.pixels == dict(zip(values.tolist(), counts.tolist(), strict=True))
        assert pair.label.size == maps[-1].shape[::-1]
        assert pair.label.as_stored
    return maps


def test_only_on_request(tmp_path):
    write(tmp_path)
    assert not has_label_maps(tmp_path)
    with pytest.raises(UserError, match='holds boxes'):
        find_format(tmp_path, 'label maps')
    assert find_format(tmp_path).task == 'boxes'


def test_label_maps_come_first(ade20k_root):
    write(ade20k_root)
    assert find_format(ade20k_root, 'label maps', objects=True).name == 'ADE20K'


def test_overlaps(tmp_path, out_dir):
    """Smaller objects lie on top of larger ones, whatever their order; of two of the same size the later one does."""
    small, large = annotate(1, rectangle(12, 12, 4, 4)), annotate(2, rectangle(2, 2, 30, 20))
    same = [annotate(1, rectangle(30, 20, 8, 8)), annotate(2, rectangle(32, 20, 8, 8))]
    write(tmp_path, small, large, *same)
    labels = read(tmp_path, out_dir)[0]
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[2:22, 2:32] = 2
    expected[12:16, 12:16] = 1
    expected[20:28, 30:38] = 1
    expected[20:28, 32:40] = 2
    assert (labels == expected).all()


@pytest.mark.parametrize('mark', ['iscrowd', 'ignore'])
def test_crowds_are_ignored_where_no_object_lies(mark, tmp_path, out_dir):
    write(tmp_path, annotate(1, rectangle(5, 5, 20, 10)), annotate(2, rectangle(10, 8, 4, 4), **{mark: 1}))
    labels = read(tmp_path, out_dir)[0]
    assert set(np.unique(labels)) == {0, 1}  # although the crowd is smaller
    write(tmp_path, annotate(1, rectangle(5, 5, 20, 10)), annotate(2, rectangle(20, 8, 10, 4), **{mark: 1}))
    labels = read(tmp_path, out_dir)[0]
    assert (labels[9, [10, 24, 25, 29, 30]] == [1, 1, 255, 255, 0]).all()


@pytest.mark.parametrize('name', ['background', 'Background', '_background_'])
@pytest.mark.parametrize('place', [0, 2])
def test_background_category(name, place, tmp_path, out_dir):
    """What is called background has value 0, whatever its id, and where it lies on an object as well."""
    names = ['cat', 'dog']
    names.insert(place, name)
    cat = names.index('cat') + 1
    write(tmp_path, annotate(cat, rectangle(2, 2, 30, 20)), annotate(place + 1, rectangle(5, 5, 4, 4)), names=names)
    known = find_format(tmp_path, 'label maps', objects=True).read_label_names()
    assert (known.names, known.values, known.background_name) == (('cat', 'dog'), (1, 2), name)
    assert (known.background, known.background_value) == ('class', 0)
    labels = read(tmp_path, out_dir)[0]
    assert (labels[6, [1, 3, 6, 12]] == [0, 1, 0, 1]).all()


def test_categories_in_another_order(tmp_path, out_dir):
    """The classes are those of the first split, whatever order and ids other splits have."""
    write(tmp_path, annotate(2, rectangle(2, 2, 30, 20)))
    file = tmp_path / 'annotations/val.json'
    content = json.loads(file.read_text())
    content['categories'] = [{'id': 2, 'name': 'cat'}, {'id': 1, 'name': 'dog'}]
    file.write_text(json.dumps(content))
    assert [read(tmp_path, out_dir, split)[0][5, 5] for split in ('train', 'val')] == [2, 1]


def test_images_that_are_listed_twice(tmp_path, out_dir):
    """Each entry has a part of the objects, and the label map has all."""
    write(tmp_path, annotate(1, rectangle(2, 2, 8, 8)), annotate(2, rectangle(20, 2, 8, 8), 3))
    for file in (tmp_path / 'annotations').iterdir():
        content = json.loads(file.read_text())
        content['images'].append(content['images'][0] | {'id': 3})
        file.write_text(json.dumps(content))
    maps = read(tmp_path, out_dir)
    assert len(maps) == 2
    assert (maps[0][4, [4, 15, 22]] == [1, 0, 2]).all()


def test_same_names_in_several_folders(tmp_path, out_dir):
    write(
        tmp_path, annotate(1, rectangle(2, 2, 8, 8)), images=('one/a.jpg', 'two/a.jpg', 'two/a.png', f'{"x" * 240}.jpg')
    )
    assert len({labels.tobytes() for labels in read(tmp_path, out_dir)}) == 3  # the last two have no objects
    assert len(list(out_dir.rglob('*.png'))) == 4


def test_turned_images(tmp_path, out_dir):
    """Masks, like boxes, are of the image as training turns it."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    write(tmp_path, annotate(1, rectangle(2, 2, 8, 8)), exif=exif)
    for file in (tmp_path / 'annotations').iterdir():
        content = json.loads(file.read_text())
        content['images'] = [image | {'width': HEIGHT, 'height': WIDTH} for image in content['images']]
        file.write_text(json.dumps(content))
    assert [labels.shape for labels in read(tmp_path, out_dir)] == [(WIDTH, HEIGHT)] * 2


def test_drawn_once(tmp_path, out_dir):
    """Label maps stay as long as their objects do, and those of changed or damaged ones are drawn anew."""
    write(tmp_path, annotate(1, rectangle(2, 2, 8, 8)))
    maps = read(tmp_path, out_dir)
    first, second = sorted(out_dir.rglob('*.png'))
    times = first.stat().st_mtime_ns, second.stat().st_mtime_ns
    read(tmp_path, out_dir)
    assert (first.stat().st_mtime_ns, second.stat().st_mtime_ns) == times
    write(tmp_path, annotate(1, rectangle(2, 2, 8, 9)))
    assert not (read(tmp_path, out_dir)[0] == maps[0]).all()
    assert first.stat().st_mtime_ns > times[0]
    assert second.stat().st_mtime_ns == times[1]
    second.write_bytes(second.read_bytes()[:20])
    assert (read(tmp_path, out_dir)[1] == maps[1]).all()


def test_masks_are_those_of_pycocotools():
    generator = np.random.default_rng(0)
    for number in range(50):
        low, high = (-6, 46) if number % 2 else (4, 26)
        polygons = [generator.uniform(low, high, 2 * generator.integers(3, 8)).tolist() for _ in range(2)]
        expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, HEIGHT, WIDTH)))
        for mask in (polygons, compressed(expected), run_lengths(expected)):
            assert (draw(Drawing('a.jpg', (WIDTH, HEIGHT), [Region(1, mask)])) == expected).all()
    outside = [[-9, -9, -4, -9, -4, -4], [90, 90, 95, 90, 95, 95]]
    assert not draw(Drawing('a.jpg', (WIDTH, HEIGHT), [Region(1, outside), Region(1, outside[1:])])).any()


def test_objects_without_masks(tmp_path, out_dir):
    write(tmp_path, {'image_id': 1, 'category_id': 1, 'bbox': [1, 2, 3, 4]})
    with pytest.raises(
        UserError, match='only 2 of its 3 annotations have a mask .* but a segmentor needs one for each; RetinaNet'
    ):
        read(tmp_path, out_dir)


@pytest.mark.parametrize('names', [[f'class {i}' for i in range(255)], ['background']], ids=len)
def test_number_of_categories(names, tmp_path):
    write(tmp_path, names=names)
    with pytest.raises(UserError, match='categories besides the background: label maps can hold 1 to 254'):
        find_format(tmp_path, 'label maps', objects=True).read_label_names()


@pytest.mark.parametrize(
    ('background', 'classes'), [(None, ('background', 'cat', 'dog')), ('ignore', ('cat', 'dog'))], ids=str
)
def test_background(background, classes, tmp_path, out_dir):
    write(tmp_path, annotate(1, rectangle(2, 2, 8, 8)))
    data = load_segmentation(tmp_path, out_dir, background=background)
    assert data.classes == classes
    assert any('smaller ones lie on top of larger ones' in note for note in data.notes)
    assert load_segmentation(tmp_path, out_dir, classes=classes[::-1], splits=['val']).classes == classes[::-1]


def test_a_test_split_without_annotations(tmp_path, out_dir):
    write(tmp_path)
    content = json.loads((tmp_path / 'annotations/val.json').read_text())
    (tmp_path / 'annotations/test.json').write_text(json.dumps(content | {'annotations': []}))
    data = load_segmentation(tmp_path, out_dir)
    assert list(data.splits) == ['train', 'val']
    assert any('the test split is left out' in note for note in data.notes)
    with pytest.raises(UserError, match='test.json has no annotations'):
        load_segmentation(tmp_path, out_dir, splits=['test'])
