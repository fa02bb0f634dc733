"""Images are paired with their label maps."""

from pathlib import Path

import pytest

from mmbackbones.datasets import load_segmentation
from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.datasets.formats.label_maps import pairs
from mmbackbones.datasets.formats.label_maps.places import Place
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_image, write_text
from tests.helpers.segmentation_folders import LABELS, SIZE, listed, stems, write_labels

TRAINING, MAPS = 'images/training', 'annotations/training'
FIRST = f'{MAPS}/a1.png'
APART = Place('images', 'labels')


def test_images_of_any_type_in_subfolders(ade20k_root, out_dir):
    for name in ('b.png', 'c.bmp', 'd.JPEG', 'day/e.f.tif', 'night/old/e.webp'):
        write_image(ade20k_root / TRAINING / name, SIZE)
        write_labels(ade20k_root / MAPS / f'{name[: name.rindex(".")]}.png')
    found = stems(load_segmentation(ade20k_root, out_dir), 'train')
    assert sorted(found) == ['a1', 'a2', 'a3', 'a4', 'b', 'c', 'd', 'e', 'e.f']


def test_label_maps_with_an_upper_case_suffix(ade20k_root, out_dir):
    (ade20k_root / FIRST).rename(ade20k_root / MAPS / 'a1.PNG')
    assert listed(load_segmentation(ade20k_root, out_dir), 'train')[0][1] == str(ade20k_root / MAPS / 'a1.PNG')


@pytest.mark.parametrize('name', ['.DS_Store', '._a1.jpg', '._a1.png', 'Thumbs.db', '.checkpoints/a1.png', 'notes.txt'])
def test_hidden_and_other_files_are_ignored(name, ade20k_root, out_dir):
    for kind in (TRAINING, MAPS):
        write_text(ade20k_root / kind / name, 'neither image nor label map')
    data = load_segmentation(ade20k_root, out_dir)
    assert stems(data, 'train') == ['a1', 'a2', 'a3', 'a4']
    assert not any('left out' in note for note in data.notes)


def test_links_are_followed(ade20k_root, tmp_path, out_dir):
    for kind in ('images', 'annotations'):
        (ade20k_root / kind / 'training').rename(tmp_path / kind)
        (ade20k_root / kind / 'training').mkdir()
        (ade20k_root / kind / 'training/elsewhere').symlink_to(tmp_path / kind)
    assert stems(load_segmentation(ade20k_root, out_dir), 'train') == ['a1', 'a2', 'a3', 'a4']
    (tmp_path / 'images/a2.jpg').unlink()
    (tmp_path / 'images/a2.jpg').symlink_to('nowhere')
    with pytest.raises(UserError, match=r"'elsewhere/a2\.jpg' is not in .*; 1 of its 4 images is missing"):
        load_segmentation(ade20k_root, out_dir)


@pytest.mark.parametrize('target', ['.', '..', '../..'])
def test_links_to_a_parent_are_not_followed(target, ade20k_root, out_dir):
    for kind in (TRAINING, MAPS):
        (ade20k_root / kind / 'loop').symlink_to(target)
    data = load_segmentation(ade20k_root, out_dir)
    assert stems(data, 'train') == ['a1', 'a2', 'a3', 'a4']
    assert not any('left out' in note for note in data.notes)


def test_label_maps_without_an_image_are_reported(ade20k_root, out_dir):
    for stem in 'zy':
        write_labels(ade20k_root / MAPS / f'{stem}.png')
    data = load_segmentation(ade20k_root, out_dir)
    assert 'annotations/training: left out, because it has no image: y.png and 1 more' in data.notes
    assert stems(data, 'train') == ['a1', 'a2', 'a3', 'a4']


def test_similar_names_are_not_looked_for_among_thousands(ade20k_root, out_dir, monkeypatch):
    """Comparing names takes time that grows with the square of their length."""
    (ade20k_root / FIRST).rename(ade20k_root / MAPS / 'a1_mask.png')
    for index in range(2000):
        (ade20k_root / MAPS / f'a0_{index:05}.png').touch()
    compared = []
    monkeypatch.setattr(pairs, 'get_close_matches', lambda name, names, **options: compared.extend(names) or names[:1])
    with pytest.raises(UserError, match=r'a1\.jpg needs the PNG a1\.png; did you mean '):
        load_segmentation(ade20k_root, out_dir)
    assert 'a1_mask.png' in compared
    assert len(compared) <= 1000


@pytest.mark.parametrize('size', [(1, 8), (12, 1), (1, 1)])
def test_images_of_one_row_or_column(size, ade20k_root, out_dir):
    """MMSegmentation squeezes their label maps to one dimension, and testing ends in an AssertionError."""
    write_image(ade20k_root / 'images/validation/b1.jpg', size)
    write_labels(ade20k_root / 'annotations/validation/b1.png', LABELS[: size[1], : size[0]])
    with pytest.raises(
        UserError, match=rf'b1\.jpg is {size[0]}x{size[1]} pixels: MMSeg.*; 1 of 2 images have such a size'
    ):
        load_segmentation(ade20k_root, out_dir)


def touch(root: Path, *names: str) -> Folder:
    for name in names:
        write_text(root / name, '')
    return Folder(root)


def test_pairing(tmp_path):
    names = ('images/b.jpg', 'images/day/a.PNG', 'labels/b.png', 'labels/day/a.png', 'labels/c.png', 'labels/b.txt')
    found = pairs.Pairing(touch(tmp_path, *names), APART)
    assert found.pairs() == [('images/b.jpg', 'labels/b.png'), ('images/day/a.PNG', 'labels/day/a.png')]
    assert found.spare == ['labels/c.png']
    assert found.pairs(['images/b.jpg']) == [('images/b.jpg', 'labels/b.png')]


def test_pairing_beside(tmp_path):
    found = pairs.Pairing(touch(tmp_path, 'a.png', 'a_mask.png', 'b.jpg', 'b_mask.png'), Place('', ''))
    assert found.pairs() == [('a.png', 'a_mask.png'), ('b.jpg', 'b_mask.png')]
    with pytest.raises(
        UserError, match=r'lacks the label maps of 1 of the 3 images: c\.png needs the PNG c_mask\.png$'
    ):
        pairs.Pairing(touch(tmp_path, 'c.png'), Place('', '')).pairs()


def test_images_beside_no_label_maps(tmp_path):
    found = pairs.Pairing(touch(tmp_path, 'a.png', 'b.jpg'), Place('', ''))
    assert (found.images, found.has_maps) == (['a.png', 'b.jpg'], False)
    with pytest.raises(
        UserError, match=r'lacks the label maps of 2 of the 2 images: a\.png needs the PNG a_mask\.png$'
    ):
        found.pairs()


def test_label_maps_in_a_folder_in_that_of_the_images(tmp_path):
    found = pairs.Pairing(touch(tmp_path, 'a.png', 'b.jpg', 'masks/a.png', 'masks/b.png'), Place('', 'masks'))
    assert found.pairs() == [('a.png', 'masks/a.png'), ('b.jpg', 'masks/b.png')]


@pytest.mark.parametrize(
    'masks',
    [
        ('labels/a_1.png', 'labels/a_2.png'),
        ('labels/a/0.png', 'labels/a/1.png'),
        ('labels/a-car-1.png', 'labels/a-car-2.png'),
    ],
)
def test_masks_of_single_objects_are_refused(masks, tmp_path):
    folder = touch(tmp_path, 'images/a.jpg', 'images/b.jpg', *masks, 'labels/b/0.png')
    with pytest.raises(
        UserError, match=r'a\.jpg has 2 masks, such as a.*, instead of one; .*merge them into one PNG a\.png'
    ):
        pairs.Pairing(folder, APART).pairs()


def test_two_label_maps_of_an_image(tmp_path):
    folder = touch(tmp_path, 'images/a.jpg', 'labels/a_mask.png', 'labels/a_MASK.png')
    with pytest.raises(UserError, match=r'labels has two files of the same name.*a_MASK\.png and a_mask\.png'):
        pairs.Pairing(folder, APART)


def test_read_pairs(tmp_path):
    write_image(tmp_path / 'images/a.jpg', SIZE)
    write_labels(tmp_path / 'labels/a_mask.png')
    found = pairs.read_pairs(tmp_path, APART, [('images/a.jpg', 'labels/a_mask.png')])
    (pair,) = found.pairs
    assert (pair.image, pair.label_path) == (tmp_path / 'images/a.jpg', tmp_path / 'labels/a_mask.png')
    assert pair.label.size == SIZE
    assert pair.label.pixels == dict.fromkeys(range(4), 24)
    assert (pair.orientation, found.notes) == (1, ())
