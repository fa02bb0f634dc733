"""From what a format says, the values that occur and the options to classes; label maps in colors from end to end."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets import load_segmentation, segmentation
from mmbackbones.datasets.checks.label_maps import LabelMap, Pair, read_label_maps
from mmbackbones.datasets.formats.base import LabeledImages, LabelNames, SegmentationFormat
from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.datasets.label_classes import describe_table, explicit_table, find_label_table
from mmbackbones.errors import UserError

FILE, ROOT = Path('user/table.csv'), Path('user')
UNNAMED = LabelNames(ROOT, None)
SPARSE = LabelNames(FILE, ('car', 'bus'), values=(3, 200), background_name='background')
FIXED = LabelNames(FILE, ('car', 'bus'), values=(7, 8), ignored=frozenset({0, 1}))
ONE = LabelNames(Path('user/classes.txt'), ('car',))
TWO = LabelNames(Path('user/classes.txt'), ('other', 'car'))
WITH_BACKGROUND = LabelNames(Path('user/classes.txt'), ('background', 'car'))
THREE = LabelNames(Path('user/classes.txt'), ('road', 'car', 'tree'))
COLORS = LabelNames(FILE, ('car', 'sky'), values=(0xFF0000, 0x0000FF), background_name='void', by_color=True)


def find(given, occurring, background=None, ignore_label=None, classes=None):
    maps = {Path('a.png'): LabelMap((10, 10), True, dict.fromkeys(sorted(occurring), 10), given.by_color)}
    return find_label_table(given, maps, background, ignore_label, classes, ROOT)


READ = {
    'black and white': (UNNAMED, {0, 255}, {}, {0: 'background', 255: 'foreground'}),
    '0 and 1': (UNNAMED, {0, 1, 255}, {}, {0: 'background', 1: 'foreground'}),
    'values': (UNNAMED, {0, 3, 255}, {}, {0: 'class 0', 3: 'class 3'}),
    'values without 0': (UNNAMED, {0, 3, 4}, dict(background='ignore'), {3: 'class 3', 4: 'class 4'}),
    'values of a model': (
        UNNAMED,
        {0, 1},
        dict(classes=['class 2', 'class 1', 'class 0']),
        {0: 'class 0', 1: 'class 1', 2: 'class 2'},
    ),
    'black of a model': (UNNAMED, {0}, dict(classes=['background', 'foreground']), {0: 'background', 1: 'foreground'}),
    'one name, 255': (ONE, {0, 255}, {}, {0: 'background', 255: 'car'}),
    'one name, 1': (ONE, {0, 1, 255}, {}, {0: 'background', 1: 'car'}),
    'one name that is taken': (
        LabelNames(FILE, ('background',)),
        {0, 255},
        {},
        {0: '_background_', 255: 'background'},
    ),
    'two names, 255': (TWO, {0, 255}, dict(background='class'), {0: 'other', 255: 'car'}),
    'two names, 1': (WITH_BACKGROUND, {0, 1}, {}, {0: 'background', 1: 'car'}),
    'two names, 2': (TWO, {0, 1, 2, 255}, {}, {1: 'other', 2: 'car'}),
    'names': (THREE, {0, 3, 255}, {}, {1: 'road', 2: 'car', 3: 'tree'}),
    'sparse': (SPARSE, {0, 3, 255}, {}, {0: 'background', 3: 'car', 200: 'bus'}),
    'sparse, background ignored': (SPARSE, {0, 3}, dict(background='ignore'), {3: 'car', 200: 'bus'}),
    'sparse, a class ignored': (SPARSE, {0, 3}, dict(ignore_label=3), {0: 'background', 200: 'bus'}),
    'sparse, another value ignored': (
        SPARSE,
        {0, 3, 4},
        dict(ignore_label=4),
        {0: 'background', 3: 'car', 200: 'bus'},
    ),
    'fixed': (FIXED, {0, 7, 8, 255}, {}, {7: 'car', 8: 'bus'}),
    'colors': (COLORS, {0, 0xFF0000}, {}, {0: 'void', 0xFF0000: 'car', 255: 'sky'}),
    'colors, background ignored': (COLORS, {0}, dict(background='ignore'), {0xFF0000: 'car', 255: 'sky'}),
}


@pytest.mark.parametrize(('given', 'occurring', 'options', 'expected'), READ.values(), ids=READ)
def test_which_class_a_value_is(given, occurring, options, expected):
    table = find(given, occurring, **options)
    assert {value: table.name(value) for value in table.classes} == expected
    assert not table.ignored & set(expected)
    assert table.ignored.issuperset(occurring - set(expected))


REFUSED = {
    'black': (UNNAMED, {0}, {}, r'all 1 label maps in user have no label but 0, which leaves .*: label the objects'),
    'white': (
        UNNAMED,
        {255},
        {},
        r'all 1 label maps in user have no label but 255, which leaves .*: label the objects',
    ),
    'white is ignored': (
        UNNAMED,
        {0, 255},
        dict(ignore_label=255),
        'no label but 0 and 255, .* without --ignore-label',
    ),
    'black is ignored': (UNNAMED, {0, 255}, dict(background='ignore'), "'foreground' as their only .*ground class, wh"),
    'classes of another model': (UNNAMED, {0, 255}, dict(classes=['car', 'bus']), r"knows them as 'bus', 'car': name"),
    'a value that a model lacks': (
        UNNAMED,
        {0, 1, 5},
        dict(classes=['class 0', 'class 1']),
        r'a\.png has the value 5, 33\.3 % of all pixels, but user names no class for it; 1 of 1 .*--ignore-label 5$',
    ),
    'antialiased': (
        SPARSE,
        {0, 3, *range(4, 60)},
        {},
        r'a\.png has the value 4, and the label maps together have 56 values .* antialiased or JPEG-compressed',
    ),
    'a value without a name': (
        SPARSE,
        {0, 3, 4},
        {},
        r'value 4, 33\.3 % .* but user.table\.csv names no class for it; .*name it in .*csv, or .* --ignore-label 4$',
    ),
    'values without names': (SPARSE, {0, 4, 5}, {}, r'value 4, .*: name it in user.table\.csv$'),
    'a color without a name': (
        COLORS,
        {0, 0xFF00},
        {},
        r"color \(0, 255, 0\), 50\.0 % .* user.table\.csv, and call it 'void' if it is to be ignored$",
    ),
    'no background': (FIXED, {7}, dict(background='class'), '--background class means nothing for these label maps'),
    'no numbers': (COLORS, {0}, dict(ignore_label=0), r"--ignore-label is a number, .*'void' in user.table\.csv"),
    'one name, other values': (ONE, {0, 2}, {}, r'has the value 2, 50\.0 % .*classes\.txt names no class for it'),
    'one name, no background': (ONE, {0, 1}, dict(background='ignore'), "'car' as their only class, .*--background cl"),
    'two names, 1': (TWO, {0, 1}, {}, 'may be numbered from 0 or from 1'),
    'two names, 255 ignored': (TWO, {0, 255}, dict(ignore_label=255), 'have no label but 0 and 255, which are ignored'),
    'three names, 255': (THREE, {0, 255}, {}, 'have no label but 0 and 255, which are ignored'),
    'too many names': (
        LabelNames(FILE, tuple(map(str, range(256))), values=tuple(range(256))),
        {0},
        {},
        r'table\.csv names 256 classes, .* hold at most 255$',
    ),
}


@pytest.mark.parametrize(('given', 'occurring', 'options', 'message'), REFUSED.values(), ids=REFUSED)
def test_refused(given, occurring, options, message):
    with pytest.raises(UserError, match=message):
        find(given, occurring, **options)


def test_255_of_a_table_may_be_a_class():
    given = LabelNames(FILE, ('car', 'bus'), values=(1, 255), background_name='background')
    assert explicit_table(given, None, None).ignored == set()
    assert explicit_table(given, None, 255).classes == {0: 0, 1: 1}


def test_notes():
    def note(given, occurring, **options):
        return describe_table(find(given, occurring, **options), given, ROOT)

    (line,) = note(UNNAMED, {0, 255})
    assert line.startswith("nothing names the classes, so they are 'background' and 'foreground'; a file classes.txt")
    (line,) = note(UNNAMED, {0, 2, 3, 4})
    assert "so they are 'class 0', 'class 2', 'class 3' and 1 more; a file classes.txt in user would, line n" in line
    (line,) = note(UNNAMED, {0, 50, 100})
    assert line.endswith(
        'a file _classes.csv in user would, with the lines "Pixel Value, Class", "0, NAME", "50, NAME" and so on'
    )
    assert note(ONE, {0, 1}) == ["labels are counted from 0: label 0 is 'background'"]
    assert note(SPARSE, {0}) == note(THREE, {3}) == []


# From end to end


class Stub(SegmentationFormat):
    """Images and label maps of the same names, the latter outside of the data folder."""

    name = 'stub'
    given: LabelNames
    label_dir: Path

    def __init__(self, folder):
        super().__init__(folder)
        self.splits = {'train': 'images', 'val': 'images'}

    @classmethod
    def match(cls, folder):
        return True

    def read_label_names(self):
        return self.given

    def read(self, split, out_dir):
        names = [path.name for path in sorted(self.label_dir.iterdir())]
        maps = read_label_maps(self.label_dir, self.label_dir, names, 'labels', self.given.by_color)
        pairs = zip(names, maps, strict=True)
        return LabeledImages([Pair(self.root / name, self.label_dir / name, found, 1) for name, found in pairs])


@pytest.fixture
def load(tmp_path, out_dir, monkeypatch):
    (tmp_path / 'labels').mkdir()
    (tmp_path / 'user').mkdir()

    def load(given, **options):
        monkeypatch.setattr(Stub, 'given', given, raising=False)
        monkeypatch.setattr(Stub, 'label_dir', tmp_path / 'labels', raising=False)
        monkeypatch.setattr(segmentation, 'find_format', lambda root, *_, **options: Stub(Folder(root)))
        data = load_segmentation(tmp_path / 'user', out_dir, **options)
        files = [Path(label) for _, label in json.loads(data.splits['train'].list_file.read_text())]
        return data, [np.array(Image.open(file)).tolist() for file in files], files

    return load


RGB = np.array([[[0, 0, 0], [255, 0, 0], [0, 0, 255]]], np.uint8)


def test_colors(load, tmp_path, out_dir):
    image = Image.fromarray(RGB)
    image.save(tmp_path / 'labels/a.png')
    image.save(tmp_path / 'labels/b.bmp')
    image.convert('RGBA').save(tmp_path / 'labels/c.tif')
    image.quantize(3).save(tmp_path / 'labels/d.png')
    image.quantize(3).save(tmp_path / 'labels/e.gif')
    data, stored, files = load(COLORS)
    assert data.classes == ('void', 'car', 'sky')
    assert stored == [[[0, 1, 2]]] * 5
    assert all(file.is_relative_to(out_dir) and file.suffix == '.png' for file in files)
    assert [row[0] for row in data.rows] == ['(0, 0, 0)', '(0, 0, 255)', '(255, 0, 0)']
    assert f'label maps in colors are converted to the numbers of the classes, in {out_dir}: 10' in data.notes
    data, stored, _ = load(COLORS, classes=['sky', 'car'], background='class', trained=['background'])
    assert stored == [[[255, 1, 0]]] * 5


def test_values_beyond_bytes(load, tmp_path):
    Image.fromarray(np.array([[0, 255, 700, 900]], np.uint16)).save(tmp_path / 'labels/a.png')
    given = LabelNames(FILE, ('car', 'bus'), values=(255, 700), background_name='background')
    data, stored, _ = load(given, ignore_label=900)
    assert stored == [[[0, 1, 2, 255]]]
    assert data.table.settings['values'] == []


def test_a_checkpoints_options_count_where_they_mean_something(load, tmp_path):
    Image.fromarray(np.array([[0, 7, 8]], np.uint8)).save(tmp_path / 'labels/a.png')
    classes = ['car', 'bus']
    data, *_ = load(FIXED, classes=classes, background='class', trained=['background'])
    assert data.table.background is None
    with pytest.raises(UserError, match='--background class means nothing'):
        load(FIXED, classes=classes, background='class')


def test_label_maps_outside_of_the_folder_are_read_where_they_are(load, tmp_path):
    Image.fromarray(np.array([[0, 3, 200]], np.uint8)).save(tmp_path / 'labels/a.png')
    data, _, files = load(SPARSE)
    assert files == [tmp_path / 'labels/a.png']
    assert data.rows[1] == ('3', 'car', 1 / 3)


@pytest.mark.parametrize(
    ('given', 'options', 'label', 'name'),
    [
        (FIXED, dict(ignore_label=7), 7, 'car'),
        (SPARSE, dict(background='ignore'), 0, 'background'),
        (THREE, dict(background='ignore', ignore_label=2), 2, 'car'),
        (THREE, dict(background='class', ignore_label=2), 2, 'tree'),
        (replace(FIXED, ignored_names={1: 'Void'}), {}, 1, 'Void'),
    ],
)
def test_names_of_what_is_ignored_are_said(given, options, label, name, load, tmp_path):
    values = [0, 1, 2] if given is THREE else [label, *given.values]
    Image.fromarray(np.array([values], np.uint8)).save(tmp_path / 'labels/a.png')
    data, *_ = load(given, **options)
    assert any(note.startswith(f"label {label} ('{name}') is in 1 of 1 label maps") for note in data.notes)
