"""Label maps that are numbered from 0 or from 1: what their labels tell, and what the user has to say."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets import load_segmentation
from mmbackbones.datasets.checks.label_numbering import check_numbering_options, infer_background
from mmbackbones.datasets.checks.label_table import LabelTable
from mmbackbones.datasets.shapes import generate_shapes
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_image, write_text
from tests.helpers.segmentation_folders import CLASSES, SIZE, ade, write_labels

CITYSCAPES = tuple(f'class {index}' for index in range(19))


def labeled(root: Path, labels, names=CLASSES, form=np.uint8) -> Path:
    """A data set whose label maps all hold `labels`, each the same number of pixels, but for the remainder."""
    ade(root)
    write_text(root / 'classes.txt', '\n'.join(names) + '\n')
    pixels = np.resize(np.array(labels, form), SIZE[::-1])
    for path in root.glob('annotations/*/*.png'):
        write_labels(path, pixels)
    return root


UNCLEAR = {
    'numbered from 0': ([0, 1, 2], CLASSES),
    'without the first class': ([1, 2], CLASSES),
    'without a class in the middle': ([0, 2], CLASSES),
    'without the last class': ([0, 1], CLASSES),
    'with 255': ([0, 1, 2, 255], CLASSES),
    'two classes': ([0, 1], CLASSES[:2]),
    "Cityscapes' train ids": ([*range(19), 255], CITYSCAPES),
    "Cityscapes' train ids, no bicycle": ([*range(18), 255], CITYSCAPES),
    'a rare last class, counted from 1': ([0, 1, 2], (*CLASSES, 'rare')),
    'a background that 0 may be': ([0, 1, 2], ('background', *CLASSES)),
}


@pytest.mark.parametrize(('labels', 'names'), UNCLEAR.values(), ids=UNCLEAR)
def test_what_labels_do_not_tell_is_asked(labels, names, tmp_path, out_dir):
    root = labeled(tmp_path / 'user', labels, names)
    last = len(names)
    message = (
        rf"numbered from 0 or from 1: no pixel has label {last} \('{names[-1]}'\); choose with --background class .*"
    )
    with pytest.raises(UserError, match=message + '--background ignore'):
        load_segmentation(root, out_dir)
    assert not out_dir.exists()
    for background in ('ignore', 'class'):
        data = load_segmentation(root, out_dir, background=background)
        assert (data.table.background, data.classes) == (background, names)


def test_the_table_of_labels(tmp_path, out_dir):
    root = labeled(tmp_path / 'user', [0, 0, 0, 255, 1, 1], ('road', 'car\x1b', 'tree'))
    with pytest.raises(UserError) as caught:
        load_segmentation(root, out_dir)
    assert [re.split('  +', row.strip()) for row in str(caught.value).splitlines()[1:]] == [
        ['label', 'pixels', '--background class', '--background ignore'],
        ['0', '50.0 %', "'road'", 'ignored'],
        ['1', '33.3 %', r"'car\x1b'", "'road'"],
        ['255', '16.7 %', 'ignored', 'ignored'],
    ]


def test_the_table_of_many_labels(tmp_path, out_dir):
    root = labeled(tmp_path / 'user', range(19), CITYSCAPES)
    with pytest.raises(UserError) as caught:
        load_segmentation(root, out_dir)
    assert len(str(caught.value).splitlines()) == 13
    assert str(caught.value).endswith('  and 9 more labels')


CLEAR = {
    'all': [0, 1, 2, 3],
    'all and 255': [0, 1, 2, 3, 255],
    'only the last': [0, 3],
    'the last and no 0': [2, 3],
}


@pytest.mark.parametrize('labels', CLEAR.values(), ids=CLEAR)
def test_the_last_label_tells_that_they_are_counted_from_1(labels, tmp_path, out_dir):
    root = labeled(tmp_path / 'user', labels)
    assert load_segmentation(root, out_dir).table.background == 'ignore'
    with pytest.raises(UserError, match=r'has the label 3, but .*classes\.txt names only the labels 0 to 2 \(255 is'):
        load_segmentation(root, out_dir, background='class')


def test_the_last_label_may_be_in_the_validation_part_only(tmp_path, out_dir):
    root = labeled(tmp_path / 'user', [0, 1, 2])
    write_labels(root / 'annotations/validation/b1.png', np.full(SIZE[::-1], 3, np.uint8))
    assert load_segmentation(root, out_dir).table.background == 'ignore'


def test_a_background_that_is_never_0_is_label_1(tmp_path, out_dir):
    root = labeled(tmp_path / 'user', [1, 2], ('Background', *CLASSES))
    assert load_segmentation(root, out_dir).table.background == 'ignore'
    assert load_segmentation(generate_shapes(tmp_path / 'shapes', num_train=1, num_val=1, size=64), out_dir)


def test_a_background_beside_0_and_the_last_label(tmp_path, out_dir):
    """Either 0 or the last label is what nobody has labeled."""
    names = ('background', *CLASSES)
    root = labeled(tmp_path / 'user', [0, 1, 2, 3, 4], names)
    message = r"both 0 and 4 occur, and 'background' may be label 0 or label 1; .*class --ignore-label 4"
    with pytest.raises(UserError, match=message):
        load_segmentation(root, out_dir)
    for options in (dict(background='ignore'), dict(background='class', ignore_label=4)):
        assert load_segmentation(root, out_dir, **options).table.background == options['background']


def test_ade20k_numbers_its_names(tmp_path, out_dir):
    root = labeled(tmp_path / 'user', [0, 1, 2])
    (root / 'classes.txt').unlink()
    write_text(root / 'objectInfo150.txt', '\n'.join(f'{n}\t0\t0\t0\t0\tthing {n}' for n in range(151)))
    assert load_segmentation(root, out_dir).table.background == 'ignore'
    with pytest.raises(UserError, match=r'objectInfo150\.txt numbers its names from 1'):
        load_segmentation(root, out_dir, background='class')


def test_labels_counted_from_0_are_told(tmp_path, out_dir):
    notes = load_segmentation(labeled(tmp_path / 'user', [0, 1, 2]), out_dir, background='class').notes
    assert "labels are counted from 0: label 0 is 'road'" in notes
    assert not any('ignored' in note for note in notes)


# Label 255, and others that are ignored


def test_label_255_is_told(tmp_path, out_dir):
    notes = load_segmentation(labeled(tmp_path / 'user', [1, 2, 3, 255]), out_dir).notes
    assert any(
        note.startswith(
            'label 255 is in 6 of 6 label maps: its pixels, 25.0 % of all, are ignored in training and evaluation; '
        )
        for note in notes
    )


@pytest.mark.parametrize(
    ('labels', 'names', 'background'),
    [
        ([1, 255], ('background', 'object'), None),
        ([2, 255], CLASSES[:2], None),
        ([0, 255], CLASSES, 'class'),
        ([0, 1, 255], CLASSES, 'ignore'),
    ],
)
def test_an_object_of_label_255_is_not_ignored_in_silence(labels, names, background, tmp_path, out_dir):
    root = labeled(tmp_path / 'user', labels, names)
    share = rf'{100 / len(labels):.1f} %'
    with pytest.raises(UserError, match=f'255, {share} of the pixels, is always ignored.*--ignore-label 255'):
        load_segmentation(root, out_dir, background=background)
    assert load_segmentation(root, out_dir, background=background, ignore_label=255).table.ignore_label == 255


def test_black_and_white(tmp_path, out_dir):
    message = 'have no label but 0 and 255, which are ignored: give .* --background class, and give what is labeled'
    with pytest.raises(UserError, match=message):
        load_segmentation(labeled(tmp_path / 'user', [0, 255]), out_dir)
    with pytest.raises(UserError, match='have no label but 0, which is ignored: '):
        load_segmentation(labeled(tmp_path / 'black', [0]), out_dir)


def test_another_label_to_ignore(tmp_path, out_dir):
    root = labeled(tmp_path / 'user', [1, 2, 3, 200])
    with pytest.raises(UserError, match='has the label 200, but .*; --ignore-label 200 ignores its pixels'):
        load_segmentation(root, out_dir)
    data = load_segmentation(root, out_dir, ignore_label=200)
    assert data.table.ignore_label == 200
    assert any(
        'label 200 is in 6 of 6 label maps: its pixels, 25.0 % of all, are ignored' in note for note in data.notes
    )


def test_a_label_to_ignore_beyond_bytes(tmp_path, out_dir):
    root = labeled(tmp_path / 'user', [1, 2, 3, 65535], form=np.uint16)
    data = load_segmentation(root, out_dir, ignore_label=65535)
    (_, label_map), *_ = json.loads(data.splits['train'].list_file.read_text())
    with Image.open(label_map) as image:
        assert set(np.unique(np.array(image))) == {1, 2, 3, 255}


def test_several_strange_labels_are_not_said_to_be_one(tmp_path, out_dir):
    with pytest.raises(UserError, match=r'has the label 100, .* have such labels$'):
        load_segmentation(labeled(tmp_path / 'user', [1, 2, 3, 100, 200]), out_dir)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(background='0'), "background must be 'ignore' or 'class', got '0'"),
        (dict(ignore_label=-1), 'ignore_label must be a label from 0 to 65535, got -1'),
        (dict(ignore_label='255'), "ignore_label must be a label from 0 to 65535, got '255'"),
    ],
)
def test_options_that_there_are_not(options, message, tmp_path, out_dir):
    with pytest.raises(UserError, match=message):
        load_segmentation(tmp_path, out_dir, **options)


def test_a_part_with_only_some_classes(tmp_path, out_dir):
    root = labeled(tmp_path / 'user', [0, 1, 2, 3])
    for stem in ('b1', 'b2'):
        write_labels(root / f'annotations/validation/{stem}.png', np.full(SIZE[::-1], 2, np.uint8))
    data = load_segmentation(root, out_dir, classes=CLASSES, splits=['val'], background='ignore')
    assert data.classes == CLASSES


def test_every_class_is_trained_on_after_a_division(tmp_path, out_dir):
    root = labeled(tmp_path / 'user', [1, 2])
    for folder in ('images', 'annotations'):
        for path in (root / folder / 'validation').iterdir():
            path.unlink()
        (root / folder / 'validation').rmdir()
    for index in range(20):
        write_image(root / f'images/training/c{index}.jpg', SIZE)
        write_labels(root / f'annotations/training/c{index}.png', np.full(SIZE[::-1], 1, np.uint8))
    for index in (5, 6):
        write_labels(root / f'annotations/training/c{index}.png', np.full(SIZE[::-1], 3, np.uint8))
    lists = {split: found.list_file for split, found in load_segmentation(root, out_dir).splits.items()}
    rare = {split: sum(f'/c{index}.jpg' in file.read_text() for index in (5, 6)) for split, file in lists.items()}
    assert rare == {'train': 1, 'val': 1}


# The functions by themselves


@pytest.mark.parametrize(
    ('table', 'expected'),
    [
        (LabelTable.consecutive(CLASSES, 'ignore'), [None, 'road', 'car', 'tree', None, None]),
        (LabelTable.consecutive(CLASSES, 'class'), ['road', 'car', 'tree', None, None, None]),
        (LabelTable.consecutive(CLASSES, 'class', ignore_label=1), ['road', None, 'tree', None, None, None]),
    ],
)
def test_names_of_labels(table, expected):
    assert [table.name(label) for label in (0, 1, 2, 3, 4, 255)] == expected


@pytest.mark.parametrize('background', [None, 'ignore', 'class'])
@pytest.mark.parametrize('ignore_label', [None, 0, 65535])
def test_numbering_options_that_there_are(background, ignore_label):
    assert check_numbering_options(background, ignore_label) is None


@pytest.mark.parametrize(
    ('background', 'ignore_label', 'message'),
    [('none', None, 'background'), (None, 65536, 'ignore_label'), (None, -1, 'ignore_label'), (None, True, 'got True')],
)
def test_numbering_options_that_there_are_not(background, ignore_label, message):
    with pytest.raises(UserError, match=message):
        check_numbering_options(background, ignore_label)


@pytest.mark.parametrize(
    ('labels', 'names', 'expected'),
    [
        ((0, 3), CLASSES, 'ignore'),
        ((1, 2), ('__background__', 'car'), 'ignore'),
        ((0, 1), ('background', 'car'), 'class'),
        ((0, 1), CLASSES, None),
        ((0, 1, 2), ('background', 'car'), None),
        ((0, 1, 255), (*CLASSES, *map(str, range(4, 256))), None),  # 255 is ignored, not the last label
    ],
)
def test_infer_background(labels, names, expected):
    arguments = dict.fromkeys(labels, 1), names, None, Path('user/classes.txt'), Path('user')
    if expected:
        assert infer_background(*arguments) == expected
        return
    with pytest.raises(UserError, match='^the label maps in user may be numbered from 0 or from 1'):
        infer_background(*arguments)
