"""Summaries of errors, and text that is fit to be shown."""

import pytest

from mmbackbones.errors import Terminated, interruption, printable, summarize_error


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


@pytest.mark.parametrize(
    ('error', 'summary'),
    [
        (ValueError('the size is wrong.'), 'the size is wrong'),
        (ValueError('line one\n  line two'), 'line one'),
        (KeyError('no such hook'), 'no such hook'),
        (OSError(28, 'No space left on device'), 'No space left on device'),
        (KeyError('model'), 'KeyError: model'),
        (AssertionError(), 'AssertionError'),
        (RuntimeError('Caught RuntimeError in worker 0.\nTraceback:\n  x\ncannot read a.jpg'), 'cannot read a.jpg'),
        (
            KeyError('Foo is not in the hook registry. Please check whether Foo was spelled'),
            'Foo is not in the hook registry',
        ),
        (ValueError('two  words ' * 100), ' '.join(['two words'] * 100)[:400] + ' ...'),
    ],
)
def test_summary_of_an_error(error, summary):
    assert summarize_error(error) == summary


@pytest.mark.parametrize('end', [KeyboardInterrupt(), Terminated(143)])
def test_interrupted_however_deep(end):
    assert interruption(end) is end
    assert interruption(ValueError()) is interruption(SystemExit(1)) is interruption(None) is None
    for link in ('__cause__', '__context__'):
        error = SyntaxError()
        setattr(error, link, end)
        assert interruption(error) is end
