"""Entries of a config, wherever they are nested."""

from mmengine.config import Config

from mmbackbones.engine.config_tree import dicts_in, set_num_classes, value_at


def test_every_dict_is_found_once():
    shared = dict(type='A')
    cfg = Config(dict(a=shared, b=[dict(type='B', c=(dict(type='C'), 1))], d=1))
    cfg._cfg_dict['e'] = cfg._cfg_dict['a']
    assert sorted(node['type'] for node in dicts_in(cfg._cfg_dict) if 'type' in node) == ['A', 'B', 'C']
    assert list(dicts_in(None)) == []


def test_value_at():
    cfg = Config(dict(a=dict(b=[dict(c=1), 2]), d=0))
    for key, value in {'a.b.0.c': 1, 'a.b.1': 2, 'a.b.2': None, 'a.b.x': None, 'd': 0, 'd.e': None, 'f': None}.items():
        assert value_at(cfg, key) == value


def test_every_head_gets_the_number_of_classes():
    heads = dict(bbox_head=[dict(num_classes=80), dict(num_classes=80)], mask_head=dict(num_classes=80))
    cfg = Config(dict(model=dict(neck=dict(out_channels=8), roi_head=heads)))
    set_num_classes(cfg, 3)
    assert [node['num_classes'] for node in dicts_in(cfg.model) if 'num_classes' in node] == [3, 3, 3]
    assert cfg.model.neck == dict(out_channels=8)
