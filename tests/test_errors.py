"""Text of the user, made fit to be shown."""

import pytest

from mmbackbones.errors import printable


@pytest.mark.parametrize('text', ['cat', '[/b] $x$ \\x1b', 'ünïcode 日本 \U0001f408', ''])
def test_what_can_be_shown_stays(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('\x1b[31mred', '\\x1b[31mred'),
        ('a\r\nb\t', 'a\\r\\nb\\t'),
        ('\x7f\x9b', '\\x7f\\x9b'),
        ('\x00', '\\x00'),
        ('\u202e\u2066\u200f', '\\u202e\\u2066\\u200f'),
        ('\u2028\u2029', '\\u2028\\u2029'),
        ('\ud800', '\\ud800'),
        ('\U000e0041', '\\U000e0041'),
        ('cat\u200b\ufeff', 'cat\\u200b\\ufeff'),
    ],
)
def test_what_can_not_is_escaped(text, shown):
    assert printable(text) == shown
    assert printable(f'ü[{text}]') == f'ü[{shown}]'


def test_line_breaks_of_our_own_can_be_kept():
    assert printable('one:\n\ttwo\r', keep='\n\t') == 'one:\n\ttwo\\r'
