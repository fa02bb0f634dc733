"""COCO files of any name: which of them are which split, and what is said where nothing tells."""

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.formats.coco.anywhere import MAX_FILES, CocoFiles, LabelStudioCoco
from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import check_val
from tests.helpers.detection_folders import TRUTH, write_coco, write_image, write_text
from tests.helpers.exports.plain import coco, write_json
from tests.helpers.painted import SCENES, paint


def write_files(root, *files):
    for file in files:
        write_coco(root / file, TRUTH['val'])


@pytest.mark.parametrize(
    ('files', 'expected'),
    [
        (['a.json'], {'train': 'a.json'}),
        (['photos/a.JSON'], {'train': 'photos/a.JSON'}),
        (['val.json'], {'val': 'val.json'}),
        (['train.json', 'Validation.json'], {'train': 'train.json', 'val': 'Validation.json'}),
        (['cats_train.json', 'cats_val.json'], {'train': 'cats_train.json', 'val': 'cats_val.json'}),
        (['json/train.json', 'json/val.json'], {'train': 'json/train.json', 'val': 'json/val.json'}),
        (['train/a.json', 'val/a.json'], {'train': 'train/a.json', 'val': 'val/a.json'}),
        (['train/x/a.json', 'dev/x/a.json'], {'train': 'train/x/a.json', 'val': 'dev/x/a.json'}),
        (['labels/train/a.json', 'labels/val/a.json'], {'train': 'labels/train/a.json', 'val': 'labels/val/a.json'}),
        (['annotations/annotations/a.json'], {'train': 'annotations/annotations/a.json'}),
        (['train.json', 'val.json', 'all.json'], {'train': 'train.json', 'val': 'val.json'}),
        (['train.json', 'val.json', 'train_old.json'], {'train': 'train.json', 'val': 'val.json'}),
        (['a.json', 'predictions.json'], {'train': 'a.json'}),
        (['a.json', 'test/predictions.json', 'test/ground_truth.json'], {'train': 'a.json'}),
        (['ground_truth.json', 'predictions.json'], {'train': 'ground_truth.json'}),
        (['a.json', 'captions_val2017.json'], {'train': 'a.json'}),
        (['train.json', 'all.json'], {}),
        (['val.json', 'all.json'], {}),
        (['a.json', 'b.json'], {}),
        (['cats/annotations/train.json', 'cats/annotations/val.json'], {}),  # one folder too high
        (['annotations/train.json', 'annotations/val.json'], {}),  # plain COCO
        (['train/_annotations.coco.json'], {}),  # Roboflow
        ([], {}),
    ],
)
def test_find_files(files, expected, tmp_path):
    write_files(tmp_path, *files)
    assert CocoFiles.find_files(Folder(tmp_path)) == expected
    assert CocoFiles.match(Folder(tmp_path)) == bool(expected)


def test_other_json_files_do_not_matter(tmp_path, out_dir):
    for split in ('train', 'val'):
        write_coco(tmp_path / f'{split}.json', TRUTH[split])
        for stem in TRUTH[split]:
            write_image(tmp_path / f'photos/{stem}.jpg')
            write_text(tmp_path / f'photos/{stem}.json', '{"shapes": []}')
            write_coco(tmp_path / f'{stem}.json', TRUTH[split])  # one per image
            write_image(tmp_path / f'{stem}.jpg')
    for name in ('package', 'meta'):
        write_text(tmp_path / f'{name}.json', '{"name": "x", "images": ["a"]}')
    write_text(tmp_path / 'tasks.json', '[{"categories": [], "images": []}]')
    assert check_val(tmp_path, out_dir) == [f'{tmp_path} is in the format labelme as well, which is not used']


def test_files_per_image_are_not_looked_at(tmp_path):
    write_files(tmp_path, *(f'labels/{number}.json' for number in range(MAX_FILES + 1)))
    assert not CocoFiles.match(Folder(tmp_path))
    assert CocoFiles.explain_mismatch(Folder(tmp_path)) is None


def test_unused_files_are_reported(tmp_path, out_dir):
    for split in ('train', 'val'):
        write_coco(tmp_path / f'{split}.json', TRUTH[split])
        for stem in TRUTH[split]:
            write_image(tmp_path / f'photos/{stem}.jpg')
    write_files(tmp_path, 'all.json')
    assert check_val(tmp_path, out_dir) == [f'{tmp_path}: not used: all.json']


def test_nothing_tells_the_splits(tmp_path, out_dir):
    write_files(tmp_path, 'cats.json', 'dogs.json')
    with pytest.raises(
        UserError,
        match=r'several COCO files \(cats\.json, dogs\.json\) whose names do not say which is for training and which '
        r'for validation: rename them to train\.json and val\.json, or leave one there',
    ):
        load_detection(tmp_path, out_dir)


def test_two_files_for_one_split(tmp_path, out_dir):
    write_files(tmp_path, 'train.json', 'val.json', 'valid.json')
    with pytest.raises(UserError, match=r"several that could be the split 'val': val\.json, valid\.json; keep one"):
        load_detection(tmp_path, out_dir)


def test_another_format_comes_first(tmp_path, out_dir):
    folders.yolo(tmp_path)
    write_files(tmp_path, 'val_coco.json')
    assert load_detection(tmp_path, out_dir).format == 'YOLO'


@pytest.mark.parametrize(
    ('file', 'message'),
    [
        ('result.json', r'put them into images/ of .* \(Label Studio exports them as "COCO with Images"\)'),
        ('annotations/instances_default.json', r'put them into images/default/ .*CVAT exports them if "Save images"'),
        ('data.json', 'put them into images/ or train/ of'),
    ],
)
def test_no_images(file, message, tmp_path, out_dir):
    write_files(tmp_path, file)
    with pytest.raises(UserError, match=f'the images of .*{file} are missing: {message}'):
        load_detection(tmp_path, out_dir)


def test_an_image_is_missing(tmp_path, out_dir):
    write_files(tmp_path, 'data.json')
    write_image(tmp_path / 'photos/b1.jpg')
    with pytest.raises(UserError, match=r"'b2\.jpg' is not in .*photos; 1 of its 2 images is missing"):
        load_detection(tmp_path, out_dir)


@pytest.mark.parametrize('content', ['{"result": []}', '[]', '{'])
def test_another_result(content, tmp_path):
    write_text(tmp_path / 'result.json', content)
    assert not LabelStudioCoco.match(Folder(tmp_path))


def test_a_file_of_one_of_several_folders(tmp_path, out_dir):
    """The folder above several data sets is none of them."""
    write_json(tmp_path / 'user/mine/all.json', coco(SCENES['train']))
    for scene in SCENES['train']:
        paint(tmp_path / f'user/mine/{scene.stem}.jpg', scene)
    assert load_detection(tmp_path / 'user', out_dir).format == 'COCO files'
    paint(tmp_path / 'user/more/a.jpg', SCENES['val'][0])
    with pytest.raises(UserError, match=r'beside those of mine/ alone: name .*/user/mine, or move|did you mean .*mine'):
        load_detection(tmp_path / 'user', out_dir)
