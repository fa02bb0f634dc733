"""Reading and counting of label maps."""

import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets.checks import label_maps
from mmbackbones.datasets.checks.label_maps import (
    LabelMap,
    count_pixels,
    read_label_maps,
    read_labels,
)
from mmbackbones.errors import UserError

LABELS = np.array([[0, 1, 1], [2, 2, 2]], np.uint8)
PALETTE = [255, 0, 0, 0, 255, 0, 0, 0, 255]


def forms() -> dict[str, tuple[Image.Image, bool]]:
    """The same labels in every form -> whether MMSegmentation reads them as they are."""
    palette = Image.fromarray(LABELS, 'P')
    palette.putpalette(PALETTE)
    return {
        'gray': (Image.fromarray(LABELS), True),
        'palette': (palette, True),
        '16 bits': (Image.fromarray(LABELS.astype(np.uint16)), False),
        'gray RGB': (Image.fromarray(np.dstack([LABELS] * 3)), False),
        'gray and alpha': (Image.fromarray(np.dstack([LABELS, LABELS + 7])), False),
    }


@pytest.mark.parametrize('form', forms())
def test_forms(form, tmp_path):
    image, as_stored = forms()[form]
    image.save(tmp_path / 'a.png')
    assert read_labels(tmp_path / 'a.png').tolist() == LABELS.tolist()
    (found,) = read_label_maps(tmp_path, tmp_path, ['a.png'], 'masks')
    assert found == LabelMap((3, 2), as_stored, {0: 1, 1: 2, 2: 3})
    assert list(found.pixels) == [0, 1, 2]


@pytest.mark.parametrize(
    ('suffix', 'options'),
    [('bmp', {}), ('gif', {}), ('tif', {}), ('tif', dict(compression='tiff_lzw')), ('tif', dict(compression='zlib'))],
)
@pytest.mark.parametrize('values', [[0, 1, 2], [0, 255, 255], [7, 9, 200]], ids=str)
def test_other_lossless_files(suffix, options, values, tmp_path):
    labels = np.array(values, np.uint8)[LABELS]
    Image.fromarray(labels).save(tmp_path / f'a.{suffix}', **options)
    assert read_labels(tmp_path / f'a.{suffix}').tolist() == labels.tolist()
    (found,) = read_label_maps(tmp_path, tmp_path, [f'a.{suffix}'], 'masks')
    with Image.open(tmp_path / f'a.{suffix}') as image:
        assert not found.as_stored or np.array(image).tolist() == labels.tolist()


def test_the_palette_of_a_gif_is_read_as_its_indices_unless_it_is_gray(tmp_path):
    image = Image.fromarray(LABELS, 'P')
    image.putpalette(PALETTE)
    image.save(tmp_path / 'a.gif')
    assert read_labels(tmp_path / 'a.gif').tolist() == LABELS.tolist()


BLACK, WHITE = [0] * 3, [255] * 3


@pytest.mark.parametrize(
    ('palette', 'gray'),
    [
        (BLACK + WHITE, True),
        (WHITE + BLACK, True),
        (WHITE + BLACK + BLACK, True),
        (BLACK + BLACK, False),
        (BLACK + WHITE + WHITE, False),
        ([*BLACK, 255, 255, 254], False),
        ([*BLACK, 1, 1, 1], False),
    ],
    ids=str,
)
@pytest.mark.parametrize('suffix', ['png', 'tif'])
def test_a_palette_of_black_and_white_is_read_as_black_and_white(palette, gray, suffix, tmp_path):
    labels = (LABELS > 0).astype(np.uint8)
    image = Image.fromarray(labels, 'P')
    image.putpalette(palette)
    image.save(tmp_path / f'a.{suffix}')
    expected = np.array(palette[:4:3])[labels] if gray else labels
    assert read_labels(tmp_path / f'a.{suffix}').tolist() == expected.tolist()


def test_what_pil_misreads(tmp_path):
    labels = np.arange(60, dtype=np.uint8).reshape(6, 10) % 2
    image = Image.fromarray(labels, 'P')
    image.putpalette(BLACK + WHITE)
    image.save(tmp_path / 'a.bmp')
    with pytest.raises(ValueError, match='misreads BMP files of two gray levels: store a PNG'):
        read_labels(tmp_path / 'a.bmp')
    Image.fromarray(labels > 0).save(tmp_path / 'b.bmp')
    assert read_labels(tmp_path / 'b.bmp').tolist() == labels.tolist()


@pytest.mark.parametrize('size', [(1, 1), (1, 50), (40, 30)])
@pytest.mark.parametrize('values', [[0], [3, 70000, 1 << 24]], ids=str)
def test_count(size, values):
    labels = np.random.default_rng(0).choice(np.array(values, np.uint32), size)
    expected = np.stack(np.unique(labels, return_counts=True), axis=1)
    assert label_maps._count(labels).tolist() == expected.tolist()
    order = np.searchsorted(values, labels).astype(np.uint8)
    assert label_maps._count(order).tolist() == [[values.index(value), count] for value, count in expected.tolist()]


def colored(mode: str) -> Image.Image:
    if mode == 'P':
        image = Image.fromarray(LABELS, 'P')
        image.putpalette(PALETTE)
        return image
    return Image.fromarray(np.reshape(np.array(PALETTE, np.uint8), (3, 3))[LABELS]).convert(mode)


@pytest.mark.parametrize('mode', ['P', 'RGB', 'RGBA'])
@pytest.mark.parametrize('suffix', ['png', 'tif'])
def test_colors(mode, suffix, tmp_path):
    name = f'a.{suffix}'
    colored(mode).save(tmp_path / name)
    (found,) = read_label_maps(tmp_path, tmp_path, [name], 'masks', by_color=True)
    assert found == LabelMap((3, 2), False, {0x0000FF: 3, 0x00FF00: 2, 0xFF0000: 1}, by_color=True)
    if mode == 'P':  # what is found of colors is not taken for what is found of labels
        assert read_label_maps(tmp_path, tmp_path, [name], 'masks')[0].pixels == {0: 1, 1: 2, 2: 3}


def test_colors_of_a_transparent_palette(tmp_path, recwarn):
    colored('P').save(tmp_path / 'a.png', transparency=bytes([0, 99, 255]))
    assert read_labels(tmp_path / 'a.png', by_color=True).tolist() == [[0xFF0000, 0xFF00, 0xFF00], [0xFF] * 3]
    assert not recwarn


def test_two_colors_of_gray(tmp_path):
    Image.fromarray(LABELS * 100).save(tmp_path / 'a.png')
    assert read_labels(tmp_path / 'a.png', by_color=True).tolist() == (LABELS.astype(int) * 0x646464).tolist()


def test_two_labels_in_one_bit(tmp_path):
    Image.fromarray(LABELS > 1).save(tmp_path / 'a.png')
    assert read_labels(tmp_path / 'a.png').tolist() == [[0, 0, 0], [1, 1, 1]]


def test_labels_beyond_8_bits(tmp_path):
    labels = LABELS.astype(np.uint16) + 65533
    Image.fromarray(labels).save(tmp_path / 'a.png')
    (found,) = read_label_maps(tmp_path, tmp_path, ['a.png'], 'masks')
    assert found.pixels == {65533: 1, 65534: 2, 65535: 3}


@pytest.mark.parametrize(
    ('pixels', 'kind', 'reason'),
    [
        (np.dstack([LABELS, LABELS, LABELS + 1]), 'PNG', 'it is a color image, but must have one label per pixel'),
        (LABELS.astype(np.float32), 'TIFF', 'its pixels are no labels, but of the kind F'),
        (LABELS.astype(np.int32) - 1, 'TIFF', 'it has labels from -1 to 1, but they must be from 0 to 65535'),
        (LABELS, 'WEBP', 'it is a WEBP file by its content, not a PNG file'),
        (LABELS, 'JPEG', 'it is a JPEG file by its content, which has changed the labels .* export PNG files'),
    ],
)
def test_what_is_no_label_map(pixels, kind, reason, tmp_path):
    Image.fromarray(pixels).save(tmp_path / 'a.png', kind)
    with pytest.raises(ValueError, match=reason):
        read_labels(tmp_path / 'a.png')
    with pytest.raises(UserError, match=f'masks.*a.png.*{reason}'):
        read_label_maps(tmp_path, tmp_path, ['a.png'], 'masks')


def test_compression_that_changes_labels(tmp_path):
    Image.fromarray(LABELS).save(tmp_path / 'a.tif', compression='jpeg')
    with pytest.raises(ValueError, match='it is a JPEG file by its content'):
        read_labels(tmp_path / 'a.tif')


@pytest.mark.parametrize('suffix', ['tif', 'gif'])
def test_several_frames(suffix, tmp_path):
    first, second = Image.fromarray(LABELS), Image.fromarray(LABELS + 9)
    first.save(tmp_path / f'a.{suffix}', save_all=True, append_images=[second])
    with pytest.raises(ValueError, match='it has several pages or frames'):
        read_labels(tmp_path / f'a.{suffix}')


def test_colors_of_16_bits(tmp_path):
    Image.fromarray(LABELS.astype(np.uint16)).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='its pixels are no colors of 8 bits per channel, but of the kind I;16'):
        read_labels(tmp_path / 'a.png', by_color=True)


@pytest.mark.parametrize(('by_color', 'what'), [(False, 'labels'), (True, 'colors')])
def test_too_many_labels(by_color, what, tmp_path):
    many = np.arange(1200, dtype=np.uint16).reshape(30, 40)
    stored = np.dstack([many % 251, many // 251, 0 * many]).astype(np.uint8) if by_color else many
    Image.fromarray(stored).save(tmp_path / 'a.png')
    with pytest.raises(UserError, match=rf'a\.png.* has 1200 different {what} instead of one per class: .* JPEG'):
        read_label_maps(tmp_path, tmp_path, ['a.png'], 'masks', by_color)


@pytest.mark.parametrize('color', [(255,), (0, 0, 0)], ids=['LA', 'RGBA'])
@pytest.mark.parametrize('by_color', [False, True])
def test_labels_in_the_alpha_channel_alone(color, by_color, tmp_path):
    pixels = np.dstack([*(np.full_like(LABELS, value) for value in color), LABELS])
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    with pytest.raises(UserError, match='it is all of one color, and only its transparency varies, which is not read'):
        read_label_maps(tmp_path, tmp_path, ['a.png'], 'masks', by_color)
    pixels[..., -1] = 9
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    assert len(read_label_maps(tmp_path, tmp_path, ['a.png'], 'masks', by_color)[0].pixels) == 1


def test_count_pixels():
    maps = [LabelMap((2, 2), True, {5: 3, 9: 1}), LabelMap((2, 2), True, {0: 1, 5: 3})]
    assert list(count_pixels(maps).items()) == [(0, 1), (5, 6), (9, 1)]
    assert count_pixels([]) == {}
