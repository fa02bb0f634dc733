"""Label maps: what is listed, what is converted, and what is refused with one sentence."""

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
from mmbackbones.datasets.shapes import CLASSES as SHAPES
from mmbackbones.datasets.shapes import generate_shapes
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_image, write_text
from tests.helpers.files import read_files
from tests.helpers.segmentation_folders import CLASSES, LABELS, SIZE, STEMS, listed, name_classes, stems, write_labels

TRAINING, MAPS = 'images/training', 'annotations/training'
FIRST = f'{MAPS}/a1.png'


def test_pairs(ade20k_root, out_dir):
    before = read_files(ade20k_root)
    data = load_segmentation(ade20k_root, out_dir)
    assert has_label_maps(ade20k_root)
    assert data.classes == CLASSES
    assert data.table.classes == {1: 0, 2: 1, 3: 2}
    assert list(data.splits) == ['train', 'val']
    for split, folder in (('train', 'training'), ('val', 'validation')):
        assert listed(data, split) == [
            (f'{ade20k_root}/images/{folder}/{stem}.jpg', f'{ade20k_root}/annotations/{folder}/{stem}.png')
            for stem in STEMS[folder]
        ]
    assert data.summary == f'{ade20k_root}: ADE20K, 3 classes; train 4 images, val 2 images'
    assert len(data.notes) == 1
    assert 'label 0 is in 6 of 6 label maps: its pixels, 25.0 % of all, are ignored' in data.notes[0]
    assert read_files(ade20k_root) == before


def test_shapes(tmp_path, out_dir):
    data = load_segmentation(generate_shapes(tmp_path / 'shapes', num_train=6, num_val=2, size=64), out_dir)
    assert data.classes == ('background', *SHAPES)
    assert (data.splits['train'].images, data.splits['val'].images) == (6, 2)
    assert not any('label 0' in note for note in data.notes)


def test_splits_restrict_the_check(ade20k_root, out_dir):
    (ade20k_root / FIRST).write_text('broken')
    data = load_segmentation(ade20k_root, out_dir, splits=['val', 'test'])
    assert list(data.splits) == ['val']
    assert sorted(path.name for path in out_dir.iterdir()) == ['val.json']


def test_order_of_the_classes_given(ade20k_root, out_dir):
    asked = ('tree', 'road', 'car')
    data = load_segmentation(ade20k_root, out_dir, classes=list(asked))
    assert data.classes == asked
    assert [data.table.name(label) for label in (1, 2, 3)] == list(CLASSES)
    with pytest.raises(UserError, match=r"classes\.txt: .* of the model; missing: 'cow'; unexpected: .*'tree'"):
        load_segmentation(ade20k_root, out_dir, classes=['car', 'cow'])


def test_label_maps_are_decoded_once(ade20k_root, out_dir, monkeypatch):
    write_labels(ade20k_root / FIRST, LABELS > 0)  # of one bit a pixel, which are truths to Python
    first = load_segmentation(ade20k_root, out_dir)
    monkeypatch.setattr(label_maps, '_decode', None)
    assert load_segmentation(ade20k_root, out_dir) == first


# How label maps are stored

FORMS = {
    'bytes': (LABELS, False),
    '16 bits': (LABELS.astype(np.uint16), True),
    'equal colors': (np.dstack([LABELS] * 3), True),
    'equal colors, transparent': (np.dstack([LABELS] * 4), True),
    'gray, transparent': (np.dstack([LABELS] * 2), True),
}


@pytest.mark.parametrize(('stored', 'converted'), FORMS.values(), ids=FORMS)
def test_label_maps_in_other_forms_are_converted(stored, converted, ade20k_root, out_dir):
    write_labels(ade20k_root / FIRST, stored)
    before = read_files(ade20k_root)
    data = load_segmentation(ade20k_root, out_dir)
    path = Path(listed(data, 'train')[0][1])
    assert path == (out_dir if converted else ade20k_root) / FIRST
    with Image.open(path) as image:
        assert image.mode == 'L'
        assert (np.array(image) == LABELS).all()
    note = f'label maps that are not stored as one byte per pixel are converted, in {out_dir}: 1'
    assert (note in data.notes) == converted
    assert read_files(ade20k_root) == before


def test_a_palette_is_read_as_its_indices(ade20k_root, out_dir):
    image = Image.fromarray(LABELS)
    image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200, 9, 9, 9])
    image.save(ade20k_root / FIRST)
    assert listed(load_segmentation(ade20k_root, out_dir), 'train')[0][1] == str(ade20k_root / FIRST)
    image = Image.fromarray(LABELS + 1)
    image.putpalette([0, 0, 0] * 5)
    image.save(ade20k_root / FIRST)
    with pytest.raises(UserError, match=r'a1\.png has the label 4'):
        load_segmentation(ade20k_root, out_dir)


def png(bits: int, color: int, rows: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with `bits` per sample, which Pillow itself does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))

    packed = b''
    for row in rows:
        packed += b'\0' + np.packbits([value >> bit & 1 for value in row for bit in range(bits)[::-1]]).tobytes()
    header = struct.pack('>IIBBBBB', rows.shape[1] // (3 if color == RGB else 1), rows.shape[0], bits, color, 0, 0, 0)
    parts = [(b'IHDR', header), *chunks, (b'IDAT', zlib.compress(packed)), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*part) for part in parts)


GRAY, RGB, PALETTE = 0, 2, 3  # PNG's types of color
COLORS = b'PLTE', bytes(range(48))
PACKED = {
    'palette of 4 bits': ((4, PALETTE, LABELS, COLORS), False),
    'palette of 2 bits': ((2, PALETTE, LABELS, (b'PLTE', bytes(12))), False),
    'transparent palette': ((8, PALETTE, LABELS, COLORS, (b'tRNS', bytes([0, 255, 9, 0]))), False),
    'transparent palette of 4 bits': ((4, PALETTE, LABELS, COLORS, (b'tRNS', bytes([0, 255, 9, 0]))), False),
    'transparent gray': ((8, GRAY, LABELS, (b'tRNS', bytes([0, 1]))), False),
    'garbage in EXIF': ((8, GRAY, LABELS, (b'eXIf', b'nonsense')), False),
    'gray of 4 bits': ((4, GRAY, LABELS), True),
    'gray of 2 bits': ((2, GRAY, LABELS), True),
}


@pytest.mark.parametrize(('stored', 'converted'), PACKED.values(), ids=PACKED)
def test_few_bits_and_transparency(stored, converted, ade20k_root, out_dir):
    (ade20k_root / FIRST).write_bytes(png(*stored))
    path = Path(listed(load_segmentation(ade20k_root, out_dir), 'train')[0][1])
    assert path == (out_dir if converted else ade20k_root) / FIRST
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
        for folder, names in STEMS.items():
            for stem in names:
                write_labels(root / f'annotations/{folder}/{stem}.png', change(LABELS).astype(np.uint8))

    return store_all


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
    'all ignored': (every(lambda labels: 0 * labels), r'all 6 label maps, such as .*a1\.png, have no label but 0, '),
    'colored': (store(np.dstack([LABELS, LABELS, 0 * LABELS])), r'a1\.png.*it is a color image.*; 1 of its 4'),
    'truncated': (cut(FIRST), r'a1\.png.* cannot be read .*; 1 of its 4 masks is unreadable'),
    'truncated image': (cut(f'{TRAINING}/a1.jpg'), r'a1\.jpg.* cannot be read .*; 1 of its 4 images is unreadable'),
    'text': (lambda root: write_text(root / FIRST, 'labels'), r'a1\.png.* cannot be read'),
    'JPEG inside': (store(LABELS, format='JPEG'), r'a1\.png.*it is a JPEG file by its content'),
    'TIFF inside': (
        store(LABELS.astype(np.float32), format='TIFF'),
        r'a1\.png.*its pixels are no labels, but of the kind F',
    ),
    'empty names': (name_classes(' \n'), r'classes\.txt must name 1 to 254 labels, but names 0'),
    'blank name': (name_classes('road\n\ntree\n'), r'classes\.txt has no name for class 2'),
    'name twice': (name_classes('road\ncar\nroad\n'), r"classes\.txt: 'road' names more than one label"),
    'one class': (name_classes('car\n'), r'a1\.png has the value 2, 25\.0 % of .*classes\.txt names no class for it'),
    'too many': (name_classes('\n'.join(map(str, range(255)))), r'classes\.txt must name 1 to 254 .* names 255'),
    'many names': (name_classes('\n'.join(map(str, range(100_000)))), r'classes\.txt must name 1 to 254 .* 100000'),
    'a book': (name_classes('road\n' * 300_000), r'classes\.txt has 1500000 bytes: too large for 1 to 254 names'),
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
        r'classes\.txt is not a readable text file: it is not a regular file',
    ),
    'endless names': (
        lambda root: ((root / 'classes.txt').unlink(), (root / 'classes.txt').symlink_to('/dev/zero')),
        r'classes\.txt is not a readable text file: it is not a regular file',
    ),
    'names in UTF-16': (name_classes('road\n'.encode('utf-16')), r'classes\.txt is not a readable text file'),
}


@pytest.mark.parametrize(('change', 'message'), REFUSED.values(), ids=REFUSED)
def test_refused(change, message, ade20k_root, out_dir):
    change(ade20k_root)
    with pytest.raises(UserError, match=message) as caught:
        load_segmentation(ade20k_root, out_dir)
    assert '\n' not in str(caught.value)
    assert str(ade20k_root) in str(caught.value)
    assert not out_dir.exists()


def test_a_root_with_two_dots(ade20k_root, out_dir, monkeypatch):
    (ade20k_root / 'images/elsewhere').mkdir()
    monkeypatch.chdir(ade20k_root / 'images/elsewhere')
    data = load_segmentation('../../../user', out_dir)
    assert stems(data, 'train') == ['a1', 'a2', 'a3', 'a4']
    assert listed(data, 'val')[0][0] == str(ade20k_root / 'images/validation/b1.jpg')


def test_names_with_spaces(ade20k_root, out_dir):
    for kind, suffix in (('images', 'jpg'), ('annotations', 'png')):
        (ade20k_root / kind / f'training/a1.{suffix}').rename(ade20k_root / kind / f'training/a 1 (copy).{suffix}')
    write_text(ade20k_root / 'classes.txt', 'wet road\n[car]\ntree: small\n')
    data = load_segmentation(ade20k_root, out_dir)
    assert stems(data, 'train')[0] == 'a 1 (copy)'
    assert data.classes == ('wet road', '[car]', 'tree: small')


def test_no_folder(tmp_path, out_dir):
    with pytest.raises(UserError, match='nowhere does not exist'):
        load_segmentation(tmp_path / 'nowhere', out_dir)


def test_classes_that_occur_nowhere_are_reported(ade20k_root, out_dir):
    name_classes('\n'.join([*CLASSES, 'sky', 'sea']))(ade20k_root)
    notes = load_segmentation(ade20k_root, out_dir, background='ignore').notes
    assert "2 of the 5 classes occur nowhere, such as 'sky'" in notes
