"""Progress is shown on a terminal and nowhere else, and never changes what is iterated over."""

import pytest
from rich.progress import TextColumn

from mmbackbones.utils.progress import progress_bar, track


@pytest.fixture(params=[True, False], ids=['terminal', 'file'])
def terminal(request, monkeypatch) -> bool:
    monkeypatch.setenv('FORCE_COLOR', '1')  # as many test machines do; it makes no terminal of a file
    monkeypatch.setenv('TTY_COMPATIBLE', '1') if request.param else monkeypatch.delenv('TTY_COMPATIBLE', raising=False)
    return request.param


def test_a_bar_on_a_terminal_only(terminal, capsys):
    with progress_bar(TextColumn('{task.description}')) as bar:
        bar.add_task('van-b2.pth', total=1)
    out, err = capsys.readouterr()
    assert out == ''
    assert ('van-b2.pth' in err) == terminal


def test_track_yields_every_item(terminal, capsys):
    assert list(track(iter('abc'), 3, 'Checking images')) == ['a', 'b', 'c']
    out, err = capsys.readouterr()
    assert out == ''
    assert ('Checking images' in err) == terminal


def test_no_bar_for_nothing(terminal, capsys):
    assert list(track([], 0, 'Checking images')) == []
    assert capsys.readouterr() == ('', '')


def test_track_stops_with_its_items(terminal):
    def items():
        yield 1
        raise ValueError('broken')

    with pytest.raises(ValueError, match='broken'):
        list(track(items(), 2, 'Checking images'))
