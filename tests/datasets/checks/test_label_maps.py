"""Reading, counting and converting of label maps."""

import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets.checks.label_maps import (
    LabelMap,
    count_pixels,
    read_label_maps,
    read_labels,
    write_8_bit,
    write_classes,
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
    write_8_bit(tmp_path / 'a.png', tmp_path / 'new/a.png')
    write_classes(tmp_path / 'a.png', tmp_path / 'new/b.png', {0: 7, 2: 0}, by_color=False)
    for name, expected in (('a', LABELS.tolist()), ('b', [[7, 255, 255], [0, 0, 0]])):
        with Image.open(tmp_path / f'new/{name}.png') as written:
            assert written.mode == 'L'
            assert np.array(written).tolist() == expected


def test_two_labels_in_one_bit(tmp_path):
    Image.fromarray(LABELS > 1).save(tmp_path / 'a.png')
    assert read_labels(tmp_path / 'a.png').tolist() == [[0, 0, 0], [1, 1, 1]]


def test_labels_beyond_8_bits(tmp_path):
    labels = LABELS.astype(np.uint16) + 65533
    Image.fromarray(labels).save(tmp_path / 'a.png')
    (found,) = read_label_maps(tmp_path, tmp_path, ['a.png'], 'masks')
    assert found.pixels == {65533: 1, 65534: 2, 65535: 3}
    write_8_bit(tmp_path / 'a.png', tmp_path / 'b.png')
    assert read_labels(tmp_path / 'b.png').tolist() == [[255] * 3] * 2


@pytest.mark.parametrize(
    ('pixels', 'kind', 'reason'),
    [
        (np.dstack([LABELS, LABELS, LABELS + 1]), 'PNG', 'it is a color image, but must have one label per pixel'),
        (LABELS, 'JPEG', 'it is a JPEG file by its content, which has changed the labels .* export PNG files'),
    ],
)
def test_what_is_no_label_map(pixels, kind, reason, tmp_path):
    Image.fromarray(pixels).save(tmp_path / 'a.png', kind)
    with pytest.raises(ValueError, match=reason):
        read_labels(tmp_path / 'a.png')
    with pytest.raises(UserError, match=f'masks.*a.png.*{reason}'):
        read_label_maps(tmp_path, tmp_path, ['a.png'], 'masks')


def test_count_pixels():
    maps = [LabelMap((2, 2), True, {5: 3, 9: 1}), LabelMap((2, 2), True, {0: 1, 5: 3})]
    assert list(count_pixels(maps).items()) == [(0, 1), (5, 6), (9, 1)]
    assert count_pixels([]) == {}
