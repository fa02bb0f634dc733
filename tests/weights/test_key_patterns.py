"""Many keys, named in few words."""

import pytest

from mmbackbones.weights.key_patterns import describe_keys

ALL = [
    *(f'backbone.blocks.{i}.{j}.{part}.weight' for i in range(2) for j in range(3) for part in ('norm', 'mlp')),
    'neck.convs.0.weight',
    'neck.convs.1.weight',
    'head.fc.weight',
    'head.fc.bias',
    'ema_neck_convs_0_weight',
    'ema_head_fc_weight',
]


@pytest.mark.parametrize(
    ('chosen', 'text'),
    [
        (lambda key: False, ''),
        (lambda key: key == 'head.fc.bias', 'head.fc.bias'),
        (lambda key: key.startswith('head.'), 'head.* (2 keys)'),
        (lambda key: key.startswith('backbone.'), 'backbone.* (12 keys)'),
        (lambda key: '.norm.' in key, 'backbone.blocks.*.*.norm.* (6 keys)'),
        (lambda key: key.startswith('backbone.blocks.1.'), 'backbone.blocks.1.* (6 keys)'),
        (
            lambda key: key.startswith('backbone.blocks.1.') and '.0.norm.' not in key,
            'backbone.blocks.1.0.mlp.weight, backbone.blocks.1.1.* (2 keys), backbone.blocks.1.2.* (2 keys)',
        ),
        (lambda key: key.startswith(('neck.', 'ema_')), 'neck.* (2 keys), ema_* (2 keys)'),
        (lambda key: key == 'ema_head_fc_weight', 'ema_head_fc_weight'),
        (lambda key: True, 'backbone.* (12 keys), neck.* (2 keys), head.* (2 keys), ema_* (2 keys)'),
    ],
)
def test_describe_keys(chosen, text):
    assert describe_keys([key for key in ALL if chosen(key)], ALL) == text


def test_names_of_a_file_are_escaped():
    assert describe_keys(['a\x1b.b'], ['a\x1b.b']) == r'a\x1b.b'
