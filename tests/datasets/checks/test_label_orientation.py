"""Photographs that training turns by their EXIF orientation, beside label maps that nothing turns."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets import load_segmentation
from mmbackbones.datasets.checks.images import ORIENTATION
from mmbackbones.datasets.checks.label_maps import LabelMap, Pair
from mmbackbones.datasets.checks.label_orientation import check_orientation
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_text
from tests.helpers.segmentation_folders import CLASSES

# What undoes the turn of each EXIF orientation.
UNTURN = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: np.rot90,
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels, -1),
}
COLORS = np.array([[90, 90, 90], [200, 60, 50], [40, 160, 60], [60, 80, 200]])


def scene(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A picture of width, height `size` with noise, and its label map."""
    rng = np.random.default_rng(seed)
    labels = np.ones(size[::-1], np.uint8)
    for label in (2, 3, 2):
        x, y = (rng.integers(0, side // 2) for side in size)
        labels[y : y + size[1] // 3, x : x + size[0] // 4] = label
    labels[-2:, -2:] = 3
    return np.clip(COLORS[labels] + rng.normal(0, 15, (*labels.shape, 3)), 0, 255).astype(np.uint8), labels


def save(path: Path, pixels: np.ndarray, orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, **(dict(exif=exif) if pixels.ndim == 3 else {}))


def photographs(
    root: Path,
    orientation: int,
    stored: bool,
    size: tuple[int, int] = (48, 48),
    upright: int = 3,
    turned: int = 2,
    suffix: str = 'jpg',
    make=scene,
) -> Path:
    """Photographs, of which the last are turned; the label maps of these are of the pixels as `stored`, or turned."""
    write_text(root / 'classes.txt', '\n'.join(CLASSES))
    for index in range(upright + turned):
        pixels, labels = make(index, size)
        tag = 1
        if index >= upright:
            tag, pixels = orientation, UNTURN[orientation](pixels)
            labels = UNTURN[orientation](labels) if stored else labels
        for folder in ('training', 'validation'):
            save(root / f'images/{folder}/{index}.{suffix}', pixels, tag)
            save(root / f'annotations/{folder}/{index}.png', labels)
    return root


@pytest.mark.parametrize('size', [(48, 48), (64, 40)], ids=['square', 'landscape'])
@pytest.mark.parametrize('orientation', UNTURN)
def test_label_maps_of_the_stored_pixels_are_refused(orientation, size, tmp_path, out_dir):
    root = photographs(tmp_path / 'user', orientation, stored=True, size=size)
    with pytest.raises(UserError, match='EXIF orientation') as caught:
        load_segmentation(root, out_dir)
    assert '3.png' in str(caught.value)
    assert not out_dir.exists()


@pytest.mark.parametrize('size', [(48, 48), (64, 40)], ids=['square', 'landscape'])
@pytest.mark.parametrize('orientation', UNTURN)
def test_label_maps_of_the_turned_picture_are_counted(orientation, size, tmp_path, out_dir):
    root = photographs(tmp_path / 'user', orientation, stored=False, size=size)
    notes = load_segmentation(root, out_dir).notes
    assert 'images that training turns by their EXIF orientation: 4; their label maps fit the turned images' in notes


@pytest.mark.parametrize('suffix', ['png', 'webp', 'tif'])
def test_other_formats_that_are_turned(suffix, tmp_path, out_dir):
    with pytest.raises(UserError, match=r'EXIF orientation \(3\), as it is with 4 of 4 turned images'):
        load_segmentation(photographs(tmp_path / 'user', 3, stored=True, suffix=suffix), out_dir)
    load_segmentation(photographs(tmp_path / 'other', 3, stored=False, suffix=suffix), out_dir)


def boxes(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Round, grainy things of little contrast, labeled by the boxes around them."""
    rng = np.random.default_rng(seed)
    columns, rows = np.meshgrid(*map(np.arange, size))
    pixels, labels = rng.normal(120, 30, (*size[::-1], 3)), np.ones(size[::-1], np.uint8)
    for label in (2, 3, 2, 3):
        x, y = (rng.integers(side // 8, side * 7 // 8) for side in size)
        radius = min(size) // 8
        pixels[np.hypot(columns - x, rows - y) < radius] += 30 * (label - 1)
        labels[(abs(columns - x) < radius) & (abs(rows - y) < radius)] = label
    labels[-1:, -3:] = 3
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


@pytest.mark.parametrize('orientation', UNTURN)
def test_outlines_need_not_be_exact(orientation, tmp_path, out_dir):
    notes = load_segmentation(
        photographs(tmp_path / 'user', orientation, stored=False, size=(96, 96), make=boxes), out_dir
    ).notes
    assert 'images that training turns by their EXIF orientation: 4; their label maps fit the turned images' in notes
    with pytest.raises(UserError, match='fits the stored pixels of its image .*, but training turns the image'):
        load_segmentation(photographs(tmp_path / 'other', orientation, stored=True, size=(96, 96), make=boxes), out_dir)


def test_a_single_wrong_one_among_many(tmp_path, out_dir):
    root = photographs(tmp_path / 'user', 4, stored=False, size=(128, 128), upright=0, turned=6)
    path = root / 'annotations/training/2.png'
    with Image.open(path) as image:
        save(path, np.flipud(np.array(image)))
    with pytest.raises(UserError, match=r'2\.png fits the stored pixels of its image .* with 1 of 12 turned'):
        load_segmentation(root, out_dir)


def noise(seed: int, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    pixels, labels = scene(seed, size)
    return np.random.default_rng(seed).integers(0, 255, pixels.shape, np.uint8), labels


@pytest.mark.parametrize('stored', [False, True])
def test_what_nobody_can_tell_is_refused(stored, tmp_path, out_dir):
    root = photographs(tmp_path / 'user', 6, stored, make=noise)
    with pytest.raises(UserError, match='neither its size nor its contents show .*auto-orient.*-Orientation='):
        load_segmentation(root, out_dir)


def test_sizes_of_other_images_tell(tmp_path, out_dir):
    """Who has drawn one label map on the turned picture has drawn all of them so."""
    root = photographs(tmp_path / 'user', 6, stored=False, size=(64, 40))
    pixels, labels = noise(9, (48, 48))
    save(root / 'images/training/9.jpg', UNTURN[6](pixels), 6)
    save(root / 'annotations/training/9.png', labels)
    notes = load_segmentation(root, out_dir).notes
    assert 'images that training turns by their EXIF orientation: 5; their label maps fit the turned images' in notes


def test_label_maps_that_the_turn_does_not_change(tmp_path, out_dir):
    def halves(seed, size):
        pixels, labels = noise(seed, size)
        labels[:] = np.where(np.arange(size[0]) < size[0] // 2, 2, 3)
        return pixels, labels

    root = photographs(tmp_path / 'user', 4, stored=True, make=halves)
    notes = load_segmentation(root, out_dir).notes
    assert 'images that training turns by their EXIF orientation: 4; their label maps fit the turned images' in notes


def test_upright_images_need_no_note(tmp_path, out_dir):
    root = photographs(tmp_path / 'user', 6, stored=False, turned=0)
    assert not any('EXIF' in note for note in load_segmentation(root, out_dir).notes)


def test_label_maps_that_are_to_be_turned_themselves(tmp_path, out_dir):
    root = photographs(tmp_path / 'user', 6, stored=False, turned=0)
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    path = root / 'annotations/training/1.png'
    with Image.open(path) as image:
        image.load()
        image.save(path, exif=exif)
    with pytest.raises(UserError, match=r'1\.png.*it has an EXIF orientation'):
        load_segmentation(root, out_dir)


@pytest.mark.parametrize('orientation', [1, 3, 6])
@pytest.mark.parametrize('stored', [False, True])
def test_check_orientation_of_one_pair(orientation, stored, tmp_path):
    pixels, labels = scene(0, (48, 48))
    unturn = UNTURN.get(orientation, np.asarray)
    save(tmp_path / 'a.jpg', unturn(pixels), orientation)
    save(tmp_path / 'a.png', unturn(labels) if stored else labels)
    pair = Pair(tmp_path / 'a.jpg', tmp_path / 'a.png', LabelMap((48, 48), True, {}), orientation)
    if orientation == 1:
        assert check_orientation([pair]) == []
    elif stored:
        with pytest.raises(UserError, match=rf'a\.png fits the stored pixels .* \({orientation}\), .* 1 of 1 turned'):
            check_orientation([pair])
    else:
        (note,) = check_orientation([pair])
        assert note.startswith('images that training turns by their EXIF orientation: 1; ')
