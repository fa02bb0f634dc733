"""One rule says how names of images and label maps differ."""

import pytest

from mmbackbones.datasets.formats.label_maps.pair_rule import Affix, Rule, apply_rule, find_rule

RULES = {
    ('a.x', 'a.x'): Rule(Affix(), Affix()),
    ('a', 'a_mask'): Rule(Affix(), Affix(behind='_mask')),
    ('a', 'a-Label'): Rule(Affix(), Affix(behind='-label')),
    ('a', 'a_ground_truth'): Rule(Affix(), Affix(behind='_ground_truth')),
    ('0001TP_1', '0001TP_1_L'): Rule(Affix(), Affix(behind='_l')),
    ('a_jpg.rf.0', 'a_jpg.rf.0_mask'): Rule(Affix(), Affix(behind='_mask')),
    ('a', 'a.jpg'): Rule(Affix(), Affix(behind='.jpg')),
    ('7_sat', '7_mask'): Rule(Affix(behind='_sat'), Affix(behind='_mask')),
    ('21_training', '21_manual1'): Rule(Affix(behind='_training'), Affix(behind='_manual1')),
    ('caf\u00e9', 'cafe\u0301_mask'): Rule(Affix(), Affix(behind='_mask')),
    ('img_7', 'mask_7'): Rule(Affix('img_'), Affix('mask_')),
    ('image7', 'mask7'): Rule(Affix('image'), Affix('mask')),
    ('day/a', 'day/a_gt'): Rule(Affix(), Affix(behind='_gt')),
    ('x_leftImg8bit', 'x_gtFine_labelTrainIds'): Rule(
        Affix(behind='_leftimg8bit'), Affix(behind='_gtfine_labeltrainids')
    ),
}


@pytest.mark.parametrize(('names', 'rule'), RULES.items(), ids=map(str, RULES))
def test_rules(names, rule):
    image, label_map = names
    assert find_rule([image], [label_map]) == (rule, 1)
    (images,) = apply_rule([f'{image}.png'], rule.image, 'image').items()
    (maps,) = apply_rule([f'{label_map}.png'], rule.map, 'map').items()
    assert images[0] == maps[0]


@pytest.mark.parametrize('name', ['b', 'a1', 'a_1', 'a_instanceIds', 'a_mask_2', 'mask', 'other/a_mask', 'A_mask'])
def test_names_that_do_not_belong_together(name):
    assert find_rule(['a'], [name])[1] == 0


def test_the_rule_of_most_names():
    assert find_rule(['a', 'b', 'c'], ['a', 'b_mask', 'c_mask']) == (Rule(Affix(), Affix(behind='_mask')), 2)
    assert find_rule(['a', 'b'], ['a_labelIds', 'b_labelIds', 'a_labelTrainIds', 'b_labelTrainIds'])[0].map.behind == (
        '_labeltrainids'
    )
    assert find_rule(['a'], ['a_color', 'a_label'])[0].map.behind == '_label'
    assert find_rule(['a'], ['a', 'a_mask'])[0] == Rule(Affix(), Affix())


def test_in_the_same_folder_label_maps_need_an_addition():
    names = ['a', 'a_mask', 'b', 'b_mask', 'c']
    assert find_rule(names, names, same_folder=True) == (Rule(Affix(), Affix(behind='_mask')), 2)
    assert find_rule(['a', 'b'], ['a', 'b'], same_folder=True)[1] == 0
