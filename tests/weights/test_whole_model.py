"""Whole models of the backbones' authors, trained with MMDetection 2 and MMSegmentation 0.x, load as they are."""

import re

import pytest
import torch

from mmbackbones.backbones import TransCNN
from mmbackbones.errors import UserError
from mmbackbones.weights import find_state_dict, load_pretrained, match_weights
from mmbackbones.weights.whole_model import is_whole_model
from tests.helpers.authors_models import MODELS, OPTIONS, authors_backbone, authors_model, averaged_copies
from tests.helpers.checkpoints import assert_equal
from tests.helpers.narrow_models import build_narrow

pytestmark = pytest.mark.slow

UNUSED = 'left out, because they have no effect: backbone.blocks.*.*.attn.proj_norm.* (10 keys)'


def match(name: str, family: str, state: dict, **options):
    return match_weights(build_narrow(name, family, **OPTIONS[family], **options)[0], state, 'a.pth')


@pytest.mark.parametrize('family', OPTIONS)
@pytest.mark.parametrize('name', MODELS)
def test_every_value_arrives(name, family, tmp_path):
    state = authors_model(name, family)
    model, expected = (build_narrow(name, family, **OPTIONS[family])[0] for _ in range(2))
    found = match_weights(model, state, 'a.pth')
    found.require()
    model.load_state_dict(found.fitting)

    torch.save(authors_backbone(family), tmp_path / 'backbone.pth')
    load_pretrained(expected.backbone, tmp_path / 'backbone.pth')
    others = {key: value for key, value in state.items() if not key.startswith('backbone.')}
    assert not expected.load_state_dict(others, strict=False).unexpected_keys
    assert others.keys() == {key for key in expected.state_dict() if not key.startswith('backbone.')}
    assert_equal(model.state_dict(), expected.state_dict())
    assert list(found.left_out()) == ([UNUSED] if family == 'HATNet' else [])


def test_our_own_models_are_matched_by_their_keys():
    model, _ = build_narrow('retinanet_van_t', 'VAN')
    found = match_weights(model, model.state_dict(), 'a.pth')
    found.require()
    assert_equal(found.fitting, model.state_dict())
    assert not list(found.left_out())


def test_wrappers_averaged_copies_and_classifiers_are_left_out():
    state = authors_model('upernet_van_t', 'TransCNN')
    state['backbone.classifier.1.weight'] = torch.zeros(5, 16)
    wrapped = {f'module.{key}': value for key, value in {**state, **averaged_copies(state)}.items()}
    found = match('upernet_van_t', 'TransCNN', find_state_dict(wrapped))
    found.require()
    assert list(found.left_out()) == [
        'left out, because the backbone does not build that part: backbone.classifier.1.weight',
        f"left out, because they are MMCV's second copy of the weights, for averaging: ema_* ({len(state)} keys)",
    ]


def test_stages_that_are_not_built_are_left_out():
    found = match('retinanet_van_t', 'VAN', authors_model('retinanet_van_t', 'VAN'), out_indices=(0, 1, 2))
    found.require('backbone.')
    lines = list(found.left_out())
    assert re.fullmatch(
        r'left out, because the backbone does not build that part: backbone.patch_embed4.* \(7 keys\), '
        r'backbone.block4.* \(\d+ keys\), backbone.norm4.* \(2 keys\)',
        lines[0],
    )
    assert lines[1:] == [
        'left out, because they have another size here: neck.lateral_convs.0.conv.weight (16x16x1x1 in the file, '
        '16x8x1x1 here), neck.lateral_convs.1.conv.weight (16x24x1x1 in the file, 16x16x1x1 here), '
        'neck.lateral_convs.2.conv.weight (16x32x1x1 in the file, 16x24x1x1 here), '
        'neck.fpn_convs.3.conv.weight (16x32x3x3 in the file, 16x24x3x3 here)'
    ]


def test_other_classes():
    state = authors_model('mask_rcnn_van_t', 'DualViT')
    for head, rows in (('bbox_head.fc_cls', 81), ('bbox_head.fc_reg', 320), ('mask_head.conv_logits', 80)):
        for part in ('weight', 'bias'):
            shape = state[f'roi_head.{head}.{part}'].shape[1:]
            state[f'roi_head.{head}.{part}'] = torch.zeros(rows, *shape)
    found = match('mask_rcnn_van_t', 'DualViT', state)
    found.require('backbone.')
    assert len(found.fitting) == len(state) - 6
    assert list(found.left_out()) == [
        'left out, because they are for another number of classes: '
        'roi_head.bbox_head.fc_cls.weight (81x32 in the file, 4x32 here), '
        'roi_head.bbox_head.fc_cls.bias (81 in the file, 4 here), '
        'roi_head.bbox_head.fc_reg.weight (320x32 in the file, 12x32 here), '
        'roi_head.bbox_head.fc_reg.bias (320 in the file, 12 here), '
        'roi_head.mask_head.conv_logits.weight (80x8x1x1 in the file, 3x8x1x1 here), '
        'roi_head.mask_head.conv_logits.bias (80 in the file, 3 here)'
    ]
    message = (
        r'^a.pth does not fit the config: 243 of 249 keys fit; 6 of another shape: roi_head.bbox_head.fc_cls.weight '
    )
    with pytest.raises(UserError, match=message):
        found.require()


def test_other_parts():
    found = match('semantic_fpn_van_t', 'VAN', authors_model('upernet_van_t', 'VAN'))
    found.require('backbone.')
    assert list(found.left_out()) == [
        'left out, because this model has no such part: decode_head.psp_modules.* (24 keys), '
        'decode_head.bottleneck.* (6 keys), decode_head.lateral_convs.* (18 keys), decode_head.fpn_convs.* (18 keys), '
        'decode_head.fpn_bottleneck.* (6 keys), auxiliary_head.* (8 keys)',
        'not in the file, and so left as initialized: neck.* (16 keys), decode_head.scale_heads.* (35 keys)',
    ]
    with pytest.raises(UserError, match=r'missing: neck.lateral_convs.0.conv.weight, .* unexpected: decode_head.psp'):
        found.require()


def test_heads_of_mmdetection_1_are_named():
    """There the background was class 0, so that heads of the same shape mean something else."""
    state = {key.removeprefix('roi_head.'): value for key, value in authors_model('mask_rcnn_van_t', 'VAN').items()}
    found = match('mask_rcnn_van_t', 'VAN', state)
    found.require('backbone.')
    assert next(found.left_out()) == (
        'left out, because this model has no such part: bbox_head.* (8 keys), mask_head.* (6 keys); its box and mask '
        'heads are of MMDetection 1, which numbered classes differently: convert it with '
        'tools/model_converters/upgrade_model_version.py of MMDetection 2'
    )
    with pytest.raises(UserError, match=r'14 missing: .*; its box and mask heads are of MMDetection 1'):
        found.require()


def test_layout_of_mmsegmentation_s_van_project():
    """That of the authors, but for one convolution."""
    theirs = authors_model('upernet_van_t', 'VAN')
    found = match(
        'upernet_van_t', 'VAN', {key.replace('dwconv.dwconv', 'dwconv'): value for key, value in theirs.items()}
    )
    found.require()
    assert_equal(found.fitting, match('upernet_van_t', 'VAN', theirs).fitting)


def test_the_same_weight_under_two_names():
    state = authors_model('retinanet_van_t', 'VAN')
    state['backbone.stem.proj.bias'] = state['backbone.patch_embed1.proj.bias'] + 1
    found = match('retinanet_van_t', 'VAN', state)
    assert found.fitting['backbone.stem.proj.bias'] is state['backbone.patch_embed1.proj.bias']
    assert list(found.left_out()) == [
        'left out, because the file has them twice, under two names: backbone.stem.proj.bias'
    ]


def test_integers_are_left_out():
    model, _ = build_narrow('retinanet_van_t', 'VAN')
    state = {**model.state_dict(), 'bbox_head.retina_cls.bias': torch.zeros(27).long()}
    assert list(match_weights(model, state, 'a.pth').left_out()) == [
        'left out, because they are integers, and real numbers are needed: bbox_head.retina_cls.bias (27 in the file, '
        '27 here)'
    ]


@pytest.mark.parametrize(
    ('keys', 'whole'),
    [
        (['backbone.a', 'neck.b'], True),
        (['backbone.a', 'neck.b', 'head.fc.weight'], True),
        (['backbone.a', 'head.fc.weight'], False),
        (['backbone.a', 'classifier.1.weight'], False),
        (['backbone.a'], False),
        (['a', 'neck.b'], False),
    ],
)
def test_is_whole_model(keys, whole):
    assert is_whole_model(keys, TransCNN.rename_key) is whole
