"""Detectors of MMDetection that no config here has, with the few lines of docs/detectors.md: they learn and predict."""

from pathlib import Path

import mmdet
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData

from tests.helpers.small_backbones import SMALL

pytestmark = pytest.mark.slow

CONFIGS = Path(mmdet.__file__).parent / '.mim' / 'configs'
SIDE = 128
NARROW = dict(in_channels=16, feat_channels=16)
BN = dict(type='BN')
DETECTORS = {
    'rtmdet/rtmdet_tiny_8xb32-300e_coco.py': (
        'DualViT',
        (1, 2, 3),
        {
            'data_preprocessor.batch_augments': None,
            'neck.out_channels': 16,
            'neck.norm_cfg': BN,
            'bbox_head': dict(NARROW, norm_cfg=BN),
        },
    ),
    'queryinst/queryinst_r50_fpn_1x_coco.py': (
        'VAN',
        (0, 1, 2, 3),
        {
            'rpn_head.num_proposals': 4,
            'test_cfg.rcnn.max_per_img': 4,
            **{
                f'roi_head.{head}_head.{stage}.{key}': value
                for stage in range(6)
                for head, key, value in [
                    ('bbox', 'bbox_coder.clip_border', True),
                    ('bbox', 'feedforward_channels', 64),
                    ('bbox', 'dynamic_conv_cfg.feat_channels', 8),
                    ('mask', 'dynamic_conv_cfg.feat_channels', 8),
                ]
            },
        },
    ),
    'yolox/yolox_s_8xb8-300e_coco.py': (
        'HATNet',
        (1, 2, 3),
        {'data_preprocessor.batch_augments': None, 'neck.out_channels': 16, 'bbox_head': NARROW},
    ),
    'dino/dino-4scale_r50_8xb2-12e_coco.py': (
        'TransCNN',
        (1, 2, 3),
        {
            'num_queries': 20,
            'dn_cfg.group_cfg.num_dn_queries': 4,
            'encoder.num_layers': 1,
            'encoder.layer_cfg.ffn_cfg.feedforward_channels': 64,
            'decoder.num_layers': 1,
            'decoder.layer_cfg.ffn_cfg.feedforward_channels': 64,
        },
    ),
}


def batch(with_masks):
    meta = dict(img_shape=(SIDE, SIDE), ori_shape=(SIDE, SIDE), scale_factor=(1.0, 1.0), img_path='0.jpg')
    images = [torch.randint(0, 255, (3, SIDE, SIDE), dtype=torch.uint8) for _ in range(2)]
    truth = dict(bboxes=torch.tensor([[5.0, 5, 60, 70], [30, 20, 110, 100]]), labels=torch.tensor([0, 2]))
    if with_masks:
        truth['masks'] = BitmapMasks(torch.ones(2, SIDE, SIDE, dtype=torch.uint8).numpy(), SIDE, SIDE)
    return dict(
        inputs=images, data_samples=[DetDataSample(metainfo=meta, gt_instances=InstanceData(**truth)) for _ in images]
    )


@pytest.mark.parametrize('name', DETECTORS)
def test_a_training_step_and_a_prediction(name):
    backbone, out_indices, changes = DETECTORS[name]
    cfg = Config.fromfile(CONFIGS / name).model
    init_default_scope('mmdet')
    cfg.backbone = dict(type=f'mmengine.{backbone}', out_indices=out_indices, **SMALL[backbone])
    cfg.neck.in_channels = list(MODELS.build(cfg.backbone).out_channels)
    cfg = Config(dict(model=cfg))
    cfg.merge_from_dict({f'model.{key}': value for key, value in changes.items()})
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    model.init_weights()  # as a runner does: the boxes that QueryInst starts from are its weights
    data = model.data_preprocessor(batch('mask_head' in str(cfg.model)), True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    loss.backward()
    assert loss.isfinite()
    assert all(param.grad is not None for param in model.backbone.parameters())
    with torch.no_grad():
        found = model.eval().test_step(batch(False))[0].pred_instances
    assert found.bboxes.shape == (len(found.scores), 4)
