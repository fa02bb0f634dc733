"""Counts and file names of what a run leaves out, as messages and checkpoints have them."""

import pytest

from mmbackbones.engine.left_out import PART, LeftOut


def kept(left_out: LeftOut, name: str = 'images') -> dict:
    checkpoint = dict(optimizer={})
    left_out.to_checkpoint(checkpoint, name)
    return checkpoint


def test_names_are_kept_once_and_in_order():
    left_out = LeftOut()
    assert left_out.add(['b', 'a', 'b'], 3) == ['b', 'a']
    assert left_out.add(['a', 'c\n'], 2) == ['c\\n']
    assert (left_out.count, left_out.listed()) == (5, 'b, a, c\\n')
    again = LeftOut.from_checkpoint(kept(left_out), 'images')
    assert vars(again) == vars(left_out)


def test_of_many_names_few_are_listed_and_a_thousand_kept():
    left_out = LeftOut()
    left_out.add(map(str, range(1200)))
    assert left_out.listed() == ', '.join(map(str, range(20))) + ' and 1180 others, which the log names'
    again = LeftOut.from_checkpoint(kept(left_out), 'images')
    assert (len(again.files), again.more, again.listed()) == (1000, 200, left_out.listed())


def test_one_part_leaves_the_others():
    left_out = LeftOut()
    left_out.add(['a'])
    checkpoint = kept(left_out)
    left_out.to_checkpoint(checkpoint, 'losses')
    assert checkpoint[PART].keys() == {'images', 'losses'}


@pytest.mark.parametrize('checkpoint', [{}, dict(optimizer={})])
def test_nothing_is_kept_of_nothing_or_where_no_run_is_resumed(checkpoint):
    left_out = LeftOut()
    if not checkpoint:
        left_out.add(['a'])
    left_out.to_checkpoint(checkpoint, 'images')
    assert PART not in checkpoint


@pytest.mark.parametrize(
    'given',
    [
        None,
        [],
        dict(images=[]),
        dict(images=dict(count=-1, files=[], more=0)),
        dict(images=dict(count=True, files=[], more=0)),
        dict(images=dict(count=2**60, files=[], more=0)),
        dict(images=dict(count=1, files='ab', more=0)),
        dict(losses=dict(count=1, files=[], more=0)),
    ],
)
def test_what_others_wrote_counts_as_nothing(given):
    found = LeftOut.from_checkpoint({PART: given}, 'images')
    assert (found.count, found.files, found.more) == (0, [], 0)


def test_names_of_others_are_harmless():
    given = dict(images=dict(count=1, files=['a', 5, '\x1b[2J', 'b'], more=0))
    assert LeftOut.from_checkpoint({PART: given}, 'images').files == ['a', 'b']
