"""Users' values fit into a sentence."""

from mmbackbones.utils.text import short


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
