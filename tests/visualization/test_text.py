"""Any name is drawn: as it is, shortened or escaped."""

import numpy as np
import pytest

from mmbackbones.visualization import text
from mmbackbones.visualization.text import class_name, fitting_label, label, text_height

HOSTILE = [
    '$\\frac$',
    '$x_1$',
    '\x1b[31m',
    '\ud800',
    'a\nb',
    '',
    ' ',
    'x' * 500,
    'ünïcode',
    'кот',
    '猫',
    'قطة',
    '\u202ea',
]
ORANGE = (230, 159, 0)


@pytest.mark.parametrize('name', HOSTILE)
def test_any_name_is_one_line_that_fits(name):
    shown = class_name(0, [name])
    assert shown.isprintable()
    assert 0 < len(shown) <= 32
    for width in (400, 80, 20):
        picture = fitting_label(shown, '0.97', 12, ORANGE, width)
        assert picture.shape[0] == text_height(12)
        assert picture.shape[1] <= max(width, 60)
        assert (picture.reshape(-1, 3) != ORANGE).any()


@pytest.mark.parametrize(
    ('name', 'shown'),
    [('a\nb', 'a b'), ('$x$', '$x$'), ('\x1b[31m', '\\x1b[31m'), ('кот', 'кот'), ('', 'class 0'), ('\n ', 'class 0')],
)
def test_names_stay_readable(name, shown):
    assert class_name(0, [name]) == shown


def test_a_class_that_has_no_name_is_called_by_its_number():
    assert [class_name(index, ['cat']) for index in (-1, 1)] == ['class -1', 'class 1']


def test_what_no_font_has_is_escaped(monkeypatch):
    monkeypatch.setattr(text, '_other_fonts', lambda: ('/no/such/font.ttf',))
    text.font_for.cache_clear()
    assert class_name(0, ['猫 cat']) == '\\u732b cat'
    text.font_for.cache_clear()


def test_a_font_is_found_that_has_a_name(monkeypatch, tmp_path):
    """Fonts that cannot be read are passed over."""
    usual = text._usual_font()
    broken, empty = tmp_path / 'broken.ttf', tmp_path / 'empty.ttf'
    broken.write_bytes(b'no font')
    empty.write_bytes(b'')
    monkeypatch.setattr(text, '_usual_font', lambda: str(broken))
    monkeypatch.setattr(text, '_other_fonts', lambda: (str(empty), usual))
    text.font_for.cache_clear()
    assert text.font_for('кот') == (usual, 'кот')
    text.font_for.cache_clear()


def test_a_long_name_keeps_both_ends():
    names = [f'{"x" * 100}{end}' for end in 'ab']
    assert class_name(0, names) != class_name(1, names)


def test_letters_stand_out_from_any_ground():
    for ground, ink in (((255, 255, 0), 0), ((0, 0, 120), 255), ((0, 0, 0), 255), ((255, 255, 255), 0)):
        picture = label('cat', 20, ground).astype(int)
        farthest = np.abs(picture - ground).sum(axis=-1).argmax()
        assert np.abs(picture.reshape(-1, 3)[farthest] - ink).max() < 20


def test_a_dollar_sign_is_drawn():
    """As mathematics, the two names would look the same."""
    one, other = label('$ab$', 12, ORANGE), label('${ab}$', 12, ORANGE)
    assert one.shape != other.shape or (one != other).any()
