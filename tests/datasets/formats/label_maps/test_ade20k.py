"""ADE20K: which folders are splits."""

import os
import shutil

import pytest

from mmbackbones.datasets import has_label_maps, load_segmentation
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_image, write_text
from tests.helpers.segmentation_folders import SIZE, STEMS, listed, stems, write_labels


def test_no_validation_split(ade20k_root, out_dir):
    for kind in ('images', 'annotations'):
        shutil.rmtree(ade20k_root / kind / 'validation')
    data = load_segmentation(ade20k_root, out_dir)
    assert (data.splits['train'].images, data.splits['val'].images) == (3, 1)
    assert sorted(stems(data, 'train') + stems(data, 'val')) == list(STEMS['training'])
    assert '80/20 by a fixed seed: train (3 images) and val (1 image)' in data.notes[-1]
    again = load_segmentation(ade20k_root, out_dir / 'again', splits=['val'])
    assert list(again.splits) == ['val']
    assert listed(again, 'val') == listed(data, 'val')


def move(root, places: dict[str, str]) -> None:
    for old, new in places.items():
        (root / old).rename(root / new)


def test_other_folders_are_no_match(ade20k_root, out_dir):
    move(ade20k_root, {'images/training': 'images/images', 'images/validation': 'a', 'images': 'b', 'annotations': 'c'})
    assert not has_label_maps(ade20k_root)
    with pytest.raises(UserError, match='user is in none of the known formats') as caught:
        load_segmentation(ade20k_root, out_dir)
    found = 'a/, b/images/, c/training/, c/validation/'
    assert f', in {found}' in str(caught.value)


@pytest.mark.parametrize(
    'names', [('val', 'val'), ('Validation', 'validation'), ('val2017', 'val2017'), ('dev', 'DEV')]
)
def test_a_validation_split_of_another_name(names, ade20k_root, out_dir):
    images, maps = names
    move(ade20k_root, {'images/validation': f'images/{images}', 'annotations/validation': f'annotations/{maps}'})
    data = load_segmentation(ade20k_root, out_dir)
    assert (data.format, stems(data, 'val')) == ('ADE20K', list(STEMS['validation']))
    assert not any('left out' in note for note in data.notes)


@pytest.mark.parametrize(
    ('places', 'there'),
    [
        ({'images/validation': 'elsewhere'}, 'annotations/validation'),
        *(
            ({f'{kind}/validation': f'{kind}/{name}' for kind in ('images', 'annotations')}, f'images/{name}')
            for name in ('evaluation', 'validate')
        ),
        ({'images/validation': 'val', 'annotations/validation': 'val/annotations'}, 'val'),
        ({'images/validation': 'valid', 'annotations/validation': 'valid/masks'}, 'valid'),
    ],
)
def test_a_validation_split_elsewhere_is_refused(places, there, ade20k_root, out_dir):
    move(ade20k_root, places)
    with pytest.raises(UserError, match=f'user/{there} is there, but images/validation is not'):
        load_segmentation(ade20k_root, out_dir)


@pytest.mark.parametrize(
    'leave',
    [
        lambda path: path.symlink_to('nowhere'),
        lambda path: path.write_text('../elsewhere'),
        os.mkfifo,
    ],
    ids=['broken link', 'what Windows makes of a link', 'pipe'],
)
def test_a_validation_split_that_is_no_folder(leave, ade20k_root, out_dir):
    for kind in ('images', 'annotations'):
        shutil.rmtree(ade20k_root / kind / 'validation')
    leave(ade20k_root / 'images/validation')
    with pytest.raises(UserError, match='user/images/validation is there, but images/validation is no folder'):
        load_segmentation(ade20k_root, out_dir)


def test_a_list_of_validation_images_is_refused(ade20k_root, out_dir):
    for kind in ('images', 'annotations'):
        shutil.rmtree(ade20k_root / kind / 'validation')
    write_text(ade20k_root / 'valid.txt', 'a1\na2\n')
    with pytest.raises(UserError, match=r'user/valid\.txt is there, but images/validation is not'):
        load_segmentation(ade20k_root, out_dir)


@pytest.mark.parametrize('name', ['test', 'testing'])
def test_a_test_split(name, ade20k_root, out_dir):
    for stem in ('c1', 'c2', 'c3'):
        write_image(ade20k_root / f'images/{name}/{stem}.jpg', SIZE)
        write_labels(ade20k_root / f'annotations/{name}/{stem}.png')
    data = load_segmentation(ade20k_root, out_dir)
    assert data.summary.endswith('train 4 images, val 2 images, test 3 images')
    assert stems(load_segmentation(ade20k_root, out_dir, splits=['val', 'test']), 'test') == ['c1', 'c2', 'c3']
    (ade20k_root / f'annotations/{name}/c2.png').unlink()
    with pytest.raises(UserError, match=rf'{name} lacks the label maps of 1 of the 3 images: c2\.jpg'):
        load_segmentation(ade20k_root, out_dir)


@pytest.mark.parametrize('name', ['test', 'testing', 'extra', 'train', 'val'])
def test_unused_folders_are_reported(name, ade20k_root, out_dir):
    write_image(ade20k_root / f'images/{name}/c1.jpg', SIZE)
    (ade20k_root / 'annotations/test').mkdir()
    (ade20k_root / 'valid').mkdir()
    (note,) = (note for note in load_segmentation(ade20k_root, out_dir).notes if 'left out' in note)
    assert note.startswith('left out, because it is no labeled split of the format: images/')
    for folder in (f'images/{name}', 'annotations/test', 'valid'):
        assert folder in note
