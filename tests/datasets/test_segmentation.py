"""ADE20K's layout: what is paired and listed, what is converted, and what is refused with one sentence."""

import json
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets import has_label_maps, load_segmentation
from mmbackbones.datasets.checks import label_maps
from mmbackbones.datasets.checks.images import ORIENTATION
from mmbackbones.datasets.formats import pairs
from mmbackbones.datasets.shapes import CLASSES as SHAPES
from mmbackbones.datasets.shapes import generate_shapes
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_image, write_text
from tests.helpers.segmentation_folders import CLASSES, LABELS, SIZE, STEMS, ade, write_labels

TRAINING, MAPS = 'images/training', 'annotations/training'
FIRST = f'{MAPS}/a1.png'


@pytest.fixture
def root(tmp_path) -> Path:
    ade(tmp_path / 'user')
    return tmp_path / 'user'


def listed(data, split: str) -> list[tuple[str, str]]:
    """The pairs of a split; all files are there."""
    pairs = json.loads(data.splits[split].list_file.read_text())
    assert len(pairs) == data.splits[split].images
    assert all(Path(path).is_absolute() and Path(path).is_file() for pair in pairs for path in pair)
    return [tuple(pair) for pair in pairs]


def stems(data, split: str) -> list[str]:
    return [Path(image).stem for image, _ in listed(data, split)]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob('*') if path.is_file()}


def test_pairs(root, out_dir):
    before = contents(root)
    data = load_segmentation(root, out_dir)
    assert has_label_maps(root)
    assert (data.classes, data.label_map) == (CLASSES, None)
    assert list(data.splits) == ['train', 'val']
    for split, folder in (('train', 'training'), ('val', 'validation')):
        assert listed(data, split) == [
            (f'{root}/images/{folder}/{stem}.jpg', f'{root}/annotations/{folder}/{stem}.png') for stem in STEMS[folder]
        ]
    assert data.notes[0] == f'{root}: ADE20K, 3 classes; train 4 images, val 2 images'
    assert len(data.notes) == 2
    assert 'label 0 is in 6 of 6 label maps: its pixels are ignored' in data.notes[1]
    assert contents(root) == before


def test_shapes(tmp_path, out_dir):
    data = load_segmentation(generate_shapes(tmp_path / 'shapes', num_train=6, num_val=2, size=64), out_dir)
    assert data.classes == ('background', *SHAPES)
    assert (data.splits['train'].images, data.splits['val'].images) == (6, 2)
    assert not any('label 0' in note for note in data.notes)


def test_images_of_any_format_in_folders_of_their_own(root, out_dir):
    for name in ('b.png', 'c.bmp', 'd.JPEG', 'day/e.f.tif', 'night/old/e.webp'):
        write_image(root / TRAINING / name, SIZE)
        write_labels(root / MAPS / f'{name[: name.rindex(".")]}.png')
    found = stems(load_segmentation(root, out_dir), 'train')
    assert sorted(found) == ['a1', 'a2', 'a3', 'a4', 'b', 'c', 'd', 'e', 'e.f']


def test_label_maps_with_an_upper_case_ending(root, out_dir):
    (root / FIRST).rename(root / MAPS / 'a1.PNG')
    assert listed(load_segmentation(root, out_dir), 'train')[0][1] == str(root / MAPS / 'a1.PNG')


@pytest.mark.parametrize('name', ['.DS_Store', '._a1.jpg', '._a1.png', 'Thumbs.db', '.checkpoints/a1.png', 'notes.txt'])
def test_what_systems_leave_behind_is_no_data(name, root, out_dir):
    for kind in (TRAINING, MAPS):
        write_text(root / kind / name, 'neither image nor label map')
    data = load_segmentation(root, out_dir)
    assert stems(data, 'train') == ['a1', 'a2', 'a3', 'a4']
    assert not any('left out' in note for note in data.notes)


def test_links_are_followed(root, tmp_path, out_dir):
    for kind in ('images', 'annotations'):
        (root / kind / 'training').rename(tmp_path / kind)
        (root / kind / 'training').mkdir()
        (root / kind / 'training/elsewhere').symlink_to(tmp_path / kind)
    assert stems(load_segmentation(root, out_dir), 'train') == ['a1', 'a2', 'a3', 'a4']
    (tmp_path / 'images/a2.jpg').unlink()
    (tmp_path / 'images/a2.jpg').symlink_to('nowhere')
    with pytest.raises(UserError, match=r"'elsewhere/a2\.jpg' is not in .*; 1 of its 4 images is missing"):
        load_segmentation(root, out_dir)


@pytest.mark.parametrize('target', ['.', '..', '../..'])
def test_links_to_a_parent_are_not_followed(target, root, out_dir):
    for kind in (TRAINING, MAPS):
        (root / kind / 'loop').symlink_to(target)
    data = load_segmentation(root, out_dir)
    assert stems(data, 'train') == ['a1', 'a2', 'a3', 'a4']
    assert not any('left out' in note for note in data.notes)


def test_spare_label_maps_are_told(root, out_dir):
    for stem in 'zy':
        write_labels(root / MAPS / f'{stem}.png')
    data = load_segmentation(root, out_dir)
    assert 'annotations/training: left out, because it has no image: y.png and 1 more' in data.notes
    assert stems(data, 'train') == ['a1', 'a2', 'a3', 'a4']


def test_no_validation_folder(root, out_dir):
    for kind in ('images', 'annotations'):
        shutil.rmtree(root / kind / 'validation')
    data = load_segmentation(root, out_dir)
    assert (data.splits['train'].images, data.splits['val'].images) == (3, 1)
    assert sorted(stems(data, 'train') + stems(data, 'val')) == list(STEMS['training'])
    assert '80/20 by a fixed seed: train (3 images) and val (1 images)' in data.notes[-1]
    again = load_segmentation(root, out_dir / 'again', splits=['val'])
    assert list(again.splits) == ['val']
    assert listed(again, 'val') == listed(data, 'val')


def test_splits_restrict_the_check(root, out_dir):
    (root / FIRST).write_text('broken')
    data = load_segmentation(root, out_dir, splits=['val', 'test'])
    assert list(data.splits) == ['val']
    assert sorted(path.name for path in out_dir.iterdir()) == ['val.json']


def test_order_of_the_classes_asked_for(root, out_dir):
    asked = ('tree', 'road', 'car')
    data = load_segmentation(root, out_dir, classes=list(asked))
    assert data.classes == asked
    assert [asked[index] for index in data.label_map] == list(CLASSES)
    with pytest.raises(UserError, match=r"classes\.txt: .* the classes of the model: it lacks 'cow' and .* 'tree'"):
        load_segmentation(root, out_dir, classes=['car', 'cow'])


def test_label_maps_are_looked_into_once(root, out_dir, monkeypatch):
    write_labels(root / FIRST, LABELS > 0)  # of one bit a pixel, which are truths to Python
    first = load_segmentation(root, out_dir)
    monkeypatch.setattr(label_maps, '_decode', None)
    assert load_segmentation(root, out_dir) == first


# How label maps are stored

FORMS = {
    'bytes': (LABELS, False),
    '16 bits': (LABELS.astype(np.uint16), True),
    'equal colours': (np.dstack([LABELS] * 3), True),
    'equal colours, transparent': (np.dstack([LABELS] * 4), True),
    'grey, transparent': (np.dstack([LABELS] * 2), True),
}


@pytest.mark.parametrize(('stored', 'converted'), FORMS.values(), ids=FORMS)
def test_forms(stored, converted, root, out_dir):
    write_labels(root / FIRST, stored)
    before = contents(root)
    data = load_segmentation(root, out_dir)
    path = Path(listed(data, 'train')[0][1])
    assert path == (out_dir if converted else root) / FIRST
    with Image.open(path) as image:
        assert image.mode == 'L'
        assert (np.array(image) == LABELS).all()
    note = f'label maps that are not stored as one byte per pixel are converted, in {out_dir}: 1'
    assert (note in data.notes) == converted
    assert contents(root) == before


def test_a_palette_is_read_as_its_indices(root, out_dir):
    image = Image.fromarray(LABELS)
    image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200, 9, 9, 9])
    image.save(root / FIRST)
    assert listed(load_segmentation(root, out_dir), 'train')[0][1] == str(root / FIRST)
    image = Image.fromarray(LABELS + 1)
    image.putpalette([0, 0, 0] * 5)
    image.save(root / FIRST)
    with pytest.raises(UserError, match=r'a1\.png has the label 4'):
        load_segmentation(root, out_dir)


def png(bits: int, color: int, rows: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of `bits` a sample, which Pillow itself does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))

    packed = b''
    for row in rows:
        packed += b'\0' + np.packbits([value >> bit & 1 for value in row for bit in range(bits)[::-1]]).tobytes()
    header = struct.pack('>IIBBBBB', rows.shape[1] // (3 if color == RGB else 1), rows.shape[0], bits, color, 0, 0, 0)
    parts = [(b'IHDR', header), *chunks, (b'IDAT', zlib.compress(packed)), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*part) for part in parts)


GREY, RGB, PALETTE = 0, 2, 3  # PNG's types of color
COLORS = b'PLTE', bytes(range(48))
PACKED = {
    'palette of 4 bits': ((4, PALETTE, LABELS, COLORS), False),
    'palette of 2 bits': ((2, PALETTE, LABELS, (b'PLTE', bytes(12))), False),
    'transparent palette': ((8, PALETTE, LABELS, COLORS, (b'tRNS', bytes([0, 255, 9, 0]))), False),
    'transparent palette of 4 bits': ((4, PALETTE, LABELS, COLORS, (b'tRNS', bytes([0, 255, 9, 0]))), False),
    'transparent grey': ((8, GREY, LABELS, (b'tRNS', bytes([0, 1]))), False),
    'garbage in EXIF': ((8, GREY, LABELS, (b'eXIf', b'nonsense')), False),
    'grey of 4 bits': ((4, GREY, LABELS), True),
    'grey of 2 bits': ((2, GREY, LABELS), True),
}


@pytest.mark.parametrize(('stored', 'converted'), PACKED.values(), ids=PACKED)
def test_labels_of_few_bits_and_transparent_ones(stored, converted, root, out_dir):
    (root / FIRST).write_bytes(png(*stored))
    path = Path(listed(load_segmentation(root, out_dir), 'train')[0][1])
    assert path == (out_dir if converted else root) / FIRST
    with Image.open(path) as image:
        assert (np.array(image) == LABELS).all()


# What is refused

EXIF = Image.Exif()
EXIF[ORIENTATION] = 6  # a quarter turn


def rename(old: str, new: str) -> Callable[[Path], object]:
    return lambda root: (root / old).rename(root / new)


def store(labels: np.ndarray, name: str = FIRST, **options) -> Callable[[Path], object]:
    return lambda root: write_labels(root / name, labels, **options)


def every(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    def store_all(root: Path) -> None:
        for folder, stems in STEMS.items():
            for stem in stems:
                write_labels(root / f'annotations/{folder}/{stem}.png', change(LABELS).astype(np.uint8))

    return store_all


def name_classes(content: bytes | str) -> Callable[[Path], object]:
    return lambda root: (root / 'classes.txt').write_bytes(content if type(content) is bytes else content.encode())


def cut(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:-30])


def only_one_image(root: Path) -> None:
    for path in ('images/validation', 'annotations/validation'):
        shutil.rmtree(root / path)
    for stem in STEMS['training'][1:]:
        (root / TRAINING / f'{stem}.jpg').unlink()


REFUSED = {
    'missing': (lambda root: (root / FIRST).unlink(), r'training lacks .* 1 of the 4 images: a1\.jpg needs .* a1\.png'),
    'other name': (rename(FIRST, f'{MAPS}/a1_mask.png'), r'needs the PNG a1\.png; did you mean a1_mask\.png\?'),
    'JPEG': (rename(FIRST, f'{MAPS}/a1.jpg'), r'needs the PNG a1\.png; did you mean a1\.jpg\?'),
    'no label maps': (
        lambda root: shutil.rmtree(root / 'annotations/validation'),
        r'annotations/validation lacks .* 2 of the 2 images: b1\.jpg needs the PNG b1\.png$',
    ),
    'no images': (lambda root: [path.unlink() for path in (root / TRAINING).iterdir()], 'training holds no images'),
    'one image': (only_one_image, 'too few images to split'),
    'two images': (lambda root: write_image(root / TRAINING / 'a1.bmp', SIZE), r'has two .*a1\.bmp and a1\.jpg'),
    'two label maps': (
        store(LABELS, f'{MAPS}/a1.PNG'),
        r'training has two files of the same name.*a1\.PNG and a1\.png',
    ),
    'other size': (store(LABELS[1:]), r'a1\.png is 12x7 pixels, but its image a1\.jpg is 12x8; 1 of 4 pairs'),
    'turned': (
        lambda root: write_image(root / TRAINING / 'a1.jpg', SIZE, exif=EXIF),
        r'a1\.png is 12x8 pixels, .* a1\.jpg is 8x12, turned by its EXIF orientation',
    ),
    'beyond the classes': (store(LABELS + 2), r'a1\.png has the label 4, but .*classes\.txt names .* 1 to 3 '),
    'beyond bytes': (store(LABELS + np.uint16(299)), r'a1\.png has the label 299'),
    'negative': (store(LABELS.astype(np.uint16) - np.uint16(1)), r'a1\.png has the label 65535'),
    'black and white': (every(lambda labels: 255 * (labels > 1)), r'a1\.png, have no label but 0 and 255, which are'),
    'all ignored': (every(lambda labels: 0 * labels), r'All 4 label maps, such as .*a1\.png, have no label but 0, '),
    'coloured': (store(np.dstack([LABELS, LABELS, 0 * LABELS])), r'a1\.png.*it is a coloured picture.*; 1 of its 4'),
    'truncated': (cut(FIRST), r'a1\.png.* cannot be read .*; 1 of its 4 masks is unreadable'),
    'truncated image': (cut(f'{TRAINING}/a1.jpg'), r'a1\.jpg.* cannot be read .*; 1 of its 4 images is unreadable'),
    'text': (lambda root: write_text(root / FIRST, 'labels'), r'a1\.png.* cannot be read'),
    'JPEG inside': (store(LABELS, format='JPEG'), r'a1\.png.*it is a JPEG file by its content'),
    'TIFF inside': (store(LABELS.astype(np.float32), format='TIFF'), r'a1\.png.*it is a TIFF file by its content'),
    'no names': (lambda root: (root / 'classes.txt').unlink(), r'must hold a file classes\.txt, whose line n names'),
    'empty names': (name_classes(' \n'), r'classes\.txt must name 2 to 254 labels, but names 0'),
    'blank name': (name_classes('road\n\ntree\n'), r'classes\.txt has no name for class 2'),
    'name twice': (name_classes('road\ncar\nroad\n'), r"classes\.txt: 'road' names more than one label"),
    'one class': (name_classes('car\n'), r'classes\.txt must name 2 to 254 labels, but names 1: .* background'),
    'too many': (name_classes('\n'.join(map(str, range(255)))), r'classes\.txt must name 2 to 254 .* names 255'),
    'many names': (name_classes('\n'.join(map(str, range(100_000)))), r'classes\.txt must name 2 to 254 .* 100000'),
    'a book': (name_classes('road\n' * 300_000), r'classes\.txt has 1500000 bytes: too large for 2 to 254 names'),
    'channels of 16 bits': (
        lambda root: (root / FIRST).write_bytes(png(16, RGB, LABELS.repeat(3, axis=1))),
        r'a1\.png.*it has several channels of 16 bits',
    ),
    'pipe': (lambda root: ((root / FIRST).unlink(), os.mkfifo(root / FIRST)), r'a1\.png.* is not a regular file'),
    'device': (
        lambda root: ((root / FIRST).unlink(), (root / FIRST).symlink_to('/dev/zero')),
        r'a1\.png.* is not a regular file',
    ),
    'image from a pipe': (
        lambda root: ((root / f'{TRAINING}/a1.jpg').unlink(), os.mkfifo(root / f'{TRAINING}/a1.jpg')),
        r'a1\.jpg.* is not a regular file',
    ),
    'names in a pipe': (
        lambda root: ((root / 'classes.txt').unlink(), os.mkfifo(root / 'classes.txt')),
        r'must hold a file classes\.txt',
    ),
    'endless names': (
        lambda root: ((root / 'classes.txt').unlink(), (root / 'classes.txt').symlink_to('/dev/zero')),
        r'must hold a file classes\.txt',
    ),
    'names in UTF-16': (name_classes('road\n'.encode('utf-16')), r'classes\.txt is not a readable text file'),
}


@pytest.mark.parametrize(('change', 'message'), REFUSED.values(), ids=REFUSED)
def test_refused(change, message, root, out_dir):
    change(root)
    with pytest.raises(UserError, match=message) as caught:
        load_segmentation(root, out_dir)
    assert '\n' not in str(caught.value)
    assert str(root) in str(caught.value)
    assert not out_dir.exists()


@pytest.mark.parametrize(
    ('place', 'found'),
    [
        (
            {'images/training': 'images/train', 'images/validation': 'images/val'},
            'annotations/training/, annotations/validation/, images/train/, images/val/',
        ),
        ({'annotations': 'masks'}, 'images/training/, images/validation/, masks/training/, masks/validation/'),
        (
            {'images/training': 'images/images', 'images/validation': 'a', 'images': 'b', 'annotations': 'c'},
            'a/, b/images/, c/training/, c/validation/',
        ),
    ],
)
def test_another_layout(place, found, root, out_dir):
    for old, new in place.items():
        (root / old).rename(root / new)
    assert not has_label_maps(root)
    with pytest.raises(UserError, match='user is in none of the known formats') as caught:
        load_segmentation(root, out_dir)
    assert f'(it holds {found}); the formats are:\n  ADE20K: images/{{training,validation}}/' in str(caught.value)


@pytest.mark.parametrize(
    ('place', 'there'),
    [
        ({'images/validation': 'images/val', 'annotations/validation': 'annotations/val'}, 'images/val'),
        ({'images/validation': 'images/Validation'}, 'images/Validation'),
        ({'images/validation': 'elsewhere'}, 'annotations/validation'),
        *(
            ({f'{kind}/validation': f'{kind}/{name}' for kind in ('images', 'annotations')}, f'images/{name}')
            for name in ('valid', 'val2017', 'VAL', 'dev', 'eval', 'evaluation', 'validate')
        ),
        ({'images/validation': 'val', 'annotations/validation': 'val/annotations'}, 'val'),
        ({'images/validation': 'valid', 'annotations/validation': 'valid/masks'}, 'valid'),
    ],
)
def test_a_validation_part_of_another_name_is_not_left_out(place, there, root, out_dir):
    for old, new in place.items():
        (root / old).rename(root / new)
    with pytest.raises(UserError, match=f'user/{there} is there, but images/validation is not'):
        load_segmentation(root, out_dir)


@pytest.mark.parametrize(
    'leave',
    [
        lambda path: path.symlink_to('nowhere'),
        lambda path: path.write_text('../elsewhere'),
        os.mkfifo,
    ],
    ids=['broken link', 'what Windows makes of a link', 'pipe'],
)
def test_a_validation_part_that_is_no_folder(leave, root, out_dir):
    for kind in ('images', 'annotations'):
        shutil.rmtree(root / kind / 'validation')
    leave(root / 'images/validation')
    with pytest.raises(UserError, match='user/images/validation is there, but images/validation is no folder'):
        load_segmentation(root, out_dir)


def test_a_list_of_a_validation_part_is_not_left_out(root, out_dir):
    for kind in ('images', 'annotations'):
        shutil.rmtree(root / kind / 'validation')
    write_text(root / 'valid.txt', 'a1\na2\n')
    with pytest.raises(UserError, match=r'user/valid\.txt is there, but images/validation is not'):
        load_segmentation(root, out_dir)


@pytest.mark.parametrize('name', ['test', 'testing'])
def test_a_test_part(name, root, out_dir):
    for stem in ('c1', 'c2', 'c3'):
        write_image(root / f'images/{name}/{stem}.jpg', SIZE)
        write_labels(root / f'annotations/{name}/{stem}.png')
    data = load_segmentation(root, out_dir)
    assert data.notes[0].endswith('train 4 images, val 2 images, test 3 images')
    assert stems(load_segmentation(root, out_dir, splits=['val', 'test']), 'test') == ['c1', 'c2', 'c3']
    (root / f'annotations/{name}/c2.png').unlink()
    with pytest.raises(UserError, match=rf'{name} lacks the label maps of 1 of the 3 images: c2\.jpg'):
        load_segmentation(root, out_dir)


@pytest.mark.parametrize('name', ['test', 'testing', 'extra', 'train', 'val'])
def test_folders_that_are_not_used_are_told(name, root, out_dir):
    write_image(root / f'images/{name}/c1.jpg', SIZE)
    (root / 'annotations/test').mkdir()
    (root / 'valid').mkdir()
    (note,) = (note for note in load_segmentation(root, out_dir).notes if 'left out' in note)
    assert note.startswith('left out, because it is no labeled split of the format: images/')
    for folder in (f'images/{name}', 'annotations/test', 'valid'):
        assert folder in note


def test_a_root_that_leads_up_and_down(root, out_dir, monkeypatch):
    (root / 'images/elsewhere').mkdir()
    monkeypatch.chdir(root / 'images/elsewhere')
    data = load_segmentation('../../../user', out_dir)
    assert stems(data, 'train') == ['a1', 'a2', 'a3', 'a4']
    assert listed(data, 'val')[0][0] == str(root / 'images/validation/b1.jpg')


def test_names_with_spaces(root, out_dir):
    for kind, suffix in (('images', 'jpg'), ('annotations', 'png')):
        (root / kind / f'training/a1.{suffix}').rename(root / kind / f'training/a 1 (copy).{suffix}')
    write_text(root / 'classes.txt', 'wet road\n[car]\ntree: small\n')
    data = load_segmentation(root, out_dir)
    assert stems(data, 'train')[0] == 'a 1 (copy)'
    assert data.classes == ('wet road', '[car]', 'tree: small')


def test_the_nearest_name_is_not_looked_for_among_thousands(root, out_dir, monkeypatch):
    """Comparing names takes time with the square of their length."""
    (root / FIRST).rename(root / MAPS / 'a1_mask.png')
    for index in range(2000):
        (root / MAPS / f'a0_{index:05}.png').touch()
    compared = []
    monkeypatch.setattr(pairs, 'get_close_matches', lambda name, names, **options: compared.extend(names) or names[:1])
    with pytest.raises(UserError, match=r'a1\.jpg needs the PNG a1\.png; did you mean '):
        load_segmentation(root, out_dir)
    assert 'a1_mask.png' in compared
    assert len(compared) <= 1000


def test_no_folder(tmp_path, out_dir):
    with pytest.raises(UserError, match='nowhere does not exist'):
        load_segmentation(tmp_path / 'nowhere', out_dir)


# Names of the classes


@pytest.mark.parametrize(
    'content',
    [
        'road\r\ncar\r\ntree\r\n',
        '\ufeffroad\ncar\ntree',
        ' road \ncar\t\ntree\n\n\n',
        '\ufeffroad\r\ncar\r\ntree\r\n\r\n',
        'road\rcar\rtree',
    ],
)
def test_class_files_of_all_systems(content, root, out_dir):
    name_classes(content)(root)
    assert load_segmentation(root, out_dir).classes == CLASSES


def test_only_ends_of_lines_part_names(root, out_dir):
    name_classes('wet\x0croad\ncar\u2028van\ntree\n')(root)
    assert load_segmentation(root, out_dir).classes == ('wet\x0croad', 'car\u2028van', 'tree')


def test_names_of_ade20k(root, out_dir):
    (root / 'classes.txt').unlink()
    rows = [
        'Idx\tRatio\tTrain\tVal\tStuff\tName',
        '1\t0.2\t9\t9\t1\tstairs, steps',
        '2\t0.1\t9\t9\t0\tcar;auto',
        '3\t0.1\t9\t9\t0\tstairs, stairway',
    ]
    write_text(root / 'objectInfo150.txt', '\n'.join(rows) + '\n')
    assert load_segmentation(root, out_dir).classes == ('stairs, steps', 'car', 'stairs, stairway')
    write_text(root / 'classes.txt', '\n'.join(CLASSES))
    assert load_segmentation(root, out_dir).classes == CLASSES  # a user's own list comes first


def test_classes_that_occur_nowhere_are_told(root, out_dir):
    name_classes('\n'.join([*CLASSES, 'sky', 'sea']))(root)
    notes = load_segmentation(root, out_dir, background='ignore').notes
    assert "of the 5 classes, 2 occur nowhere, such as 'sky'" in notes


@pytest.mark.parametrize('size', [(1, 8), (12, 1), (1, 1)])
def test_images_of_one_row_or_column(size, root, out_dir):
    """MMSegmentation squeezes their label maps to a line, and the test ends in an AssertionError."""
    write_image(root / 'images/validation/b1.jpg', size)
    write_labels(root / 'annotations/validation/b1.png', LABELS[: size[1], : size[0]])
    with pytest.raises(
        UserError, match=rf'b1\.jpg is {size[0]}x{size[1]} pixels: MMSeg.*; 1 of 2 images have such a size'
    ):
        load_segmentation(root, out_dir)
