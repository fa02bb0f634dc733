"""Arguments of the wrong kind, which are refused before anything is read."""

import pytest

from mmbackbones.apis import test as evaluate
from mmbackbones.apis import train
from mmbackbones.errors import UserError

_SCALES = [64, '64', (64,), ('64', '64'), (64.5, 64), (float('nan'), 64), {64, 63}, (True, True)]


@pytest.mark.parametrize('scale', _SCALES, ids=repr)
def test_an_image_scale_is_two_whole_numbers(scale):
    for call in (lambda: train('none', img_scale=scale), lambda: evaluate('none.pth', img_scale=scale)):
        with pytest.raises(UserError, match='img_scale must be'):
            call()


@pytest.mark.parametrize('name', ['from_scratch', 'amp'])
def test_words_are_no_flags(name):
    with pytest.raises(UserError, match=f"{name} must be True or False, got 'no'"):
        train('none', **{name: 'no'})


@pytest.mark.parametrize('rate', ['0.1', True, [1]])
def test_a_learning_rate_is_a_number(rate):
    with pytest.raises(UserError, match='lr must be a number above 0'):
        train('none', lr=rate)


@pytest.mark.parametrize('name', ['data', 'weights', 'resume', 'work_dir'])
def test_an_empty_option_is_not_taken_for_one_left_out(name):
    with pytest.raises(UserError, match=f'{name} is empty'):
        train('none', **{name: ''})


@pytest.mark.parametrize('name', ['data', 'show_dir', 'work_dir'])
def test_nor_is_an_empty_one_of_an_evaluation(name):
    with pytest.raises(UserError, match=f'{name} is empty'):
        evaluate('none.pth', **{name: ''})
