"""Users' values fit into a sentence."""

from mmbackbones.utils.text import MAX_MESSAGE, clipped, counted, short


def test_short_values_stay():
    assert short('road') == "'road'"
    assert short([1, 2.5]) == '[1, 2.5]'


def test_long_values_are_cut():
    assert len(short('x' * 10_000)) <= 150
    assert short('x' * 10_000).startswith("'xxx")
    assert len(short(list(range(10_000)))) < 150
    nested: list = []
    nested.append(nested)
    assert '...' in short(nested)


def test_numbers_agree_with_their_nouns():
    assert [counted(number, 'image') for number in (0, 1, 2)] == ['0 images', '1 image', '2 images']
    assert [counted(number, 'box', 'boxes') for number in (1, 2)] == ['1 box', '2 boxes']


def test_messages_that_quote_a_whole_file_are_cut():
    assert clipped('a message') == 'a message'
    long = clipped(f'begin{"x" * 1_000_000}end')
    assert len(long) < MAX_MESSAGE + 10
    assert long.startswith('beginx')
    assert long.endswith('xend')
