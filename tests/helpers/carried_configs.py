"""Checkpoints of very small models, in the form that MMEngine writes, with the config that they were trained with."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmbackbones.engine.config_tree import set_num_classes

BACKBONE = dict(
    type='VAN',
    arch=dict(embed_dims=(8, 8, 16, 16), depths=(1, 1, 1, 1), mlp_ratios=(2, 2, 2, 2)),
    init_cfg=dict(type='Pretrained', checkpoint='van-b0'),
)
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def detector(**parts: Any) -> dict[str, Any]:
    """Config of a RetinaNet of two classes, as MMDetection's are; `parts` are merged into it, by dotted names."""
    pipeline = [
        dict(type='LoadImageFromFile', backend_args=None),
        dict(type='Resize', scale=(96, 64), keep_ratio=True),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
    ]
    model = dict(
        type='RetinaNet',
        _scope_='mmdet',
        data_preprocessor=dict(type='DetDataPreprocessor', mean=MEAN, std=STD, bgr_to_rgb=True, pad_size_divisor=32),
        backbone=dict(BACKBONE, out_indices=(2, 3)),
        neck=dict(type='FPN', in_channels=[16, 16], out_channels=16, num_outs=2),
        bbox_head=dict(
            type='RetinaHead',
            num_classes=2,
            in_channels=16,
            feat_channels=16,
            stacked_convs=1,
            anchor_generator=dict(
                type='AnchorGenerator', octave_base_scale=4, scales_per_octave=1, ratios=[1.0], strides=[16, 32]
            ),
            bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
            loss_cls=dict(type='FocalLoss', use_sigmoid=True),
            loss_bbox=dict(type='L1Loss'),
        ),
        test_cfg=dict(nms_pre=100, score_thr=0.0, nms=dict(type='nms', iou_threshold=0.5), max_per_img=10),
    )
    return _merged('mmdet', model, 'CocoDataset', pipeline, dict(type='CocoMetric', ann_file='annotations.json'), parts)


def r_cnn(masks: bool = True, **parts: Any) -> dict[str, Any]:
    """The same of a Mask R-CNN, or a Faster R-CNN."""
    cfg = detector()
    model = cfg['model']
    coder = dict(type='DeltaXYWHBBoxCoder')
    del model['bbox_head']
    box, mask = (
        dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=size, sampling_ratio=0),
            out_channels=16,
            featmap_strides=[16, 32],
            finest_scale=28,
        )
        for size in (7, 14)
    )
    model.update(
        type='MaskRCNN' if masks else 'FasterRCNN',
        train_cfg=None,
        rpn_head=dict(
            type='RPNHead',
            in_channels=16,
            feat_channels=16,
            anchor_generator=dict(type='AnchorGenerator', scales=[2], ratios=[0.5, 1.0, 2.0], strides=[16, 32]),
            bbox_coder=coder,
        ),
        roi_head=dict(
            type='StandardRoIHead',
            bbox_roi_extractor=box,
            bbox_head=dict(
                type='Shared2FCBBoxHead',
                in_channels=16,
                fc_out_channels=32,
                roi_feat_size=7,
                num_classes=2,
                bbox_coder=dict(coder, target_stds=[0.1, 0.1, 0.2, 0.2]),
            ),
        ),
        test_cfg=dict(
            rpn=dict(nms_pre=60, max_per_img=30, nms=dict(type='nms', iou_threshold=0.7), min_bbox_size=0),
            rcnn=dict(score_thr=0.05, max_per_img=10, nms=dict(type='nms', iou_threshold=0.5), mask_thr_binary=0.5),
        ),
    )
    if masks:
        mask_head = dict(type='FCNMaskHead', num_convs=1, in_channels=16, conv_out_channels=8, num_classes=2)
        model['roi_head'].update(mask_roi_extractor=mask, mask_head=mask_head)
    cfg = Config(cfg)
    cfg.merge_from_dict(parts)
    return cfg.to_dict()


def segmentor(**parts: Any) -> dict[str, Any]:
    """Config of an FCN of two classes, as MMSegmentation's are; `parts` are merged into it, by dotted names."""
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(96, 64), keep_ratio=True),
        dict(type='LoadAnnotations'),
        dict(type='PackSegInputs'),
    ]
    model = dict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', mean=MEAN, std=STD, bgr_to_rgb=True, size=(64, 64)),
        backbone=dict(BACKBONE, out_indices=(3,)),
        decode_head=dict(
            type='FCNHead', in_channels=16, in_index=0, channels=8, num_convs=1, num_classes=2, norm_cfg=dict(type='BN')
        ),
        test_cfg=dict(mode='whole'),
    )
    return _merged('mmseg', model, 'PairedSegDataset', pipeline, dict(type='IoUMetric'), parts)


def content(config: dict[str, Any], classes: tuple[str, ...] = ('cat', 'dog'), text: str | None = None) -> dict:
    """A checkpoint of a model with random weights.

    Args:
        config: What the model is built from.
        classes: Names of its classes.
        text: What the checkpoint carries in place of `config`.
    """
    model = Config(deepcopy(config)).model
    model['backbone']['init_cfg'] = None
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope(config['default_scope']):
        network = MODELS.build(model)
    meta = dict(cfg=Config(config).pretty_text if text is None else text, dataset_meta=dict(classes=classes))
    return dict(meta=meta, state_dict=network.state_dict())


def save(path: Path, **changes: Any) -> str:
    """Write a checkpoint; arguments as of :func:`content`."""
    torch.save(content(**changes), path)
    return str(path)


def save_untrained(path: Path, config: str, classes: tuple[str, ...], **test_cfg: Any) -> str:
    """Write a checkpoint of the model of a config file, with random weights.

    Args:
        path: Where to.
        config: The config file.
        classes: Names of the classes, as many as the model gets.
        test_cfg: Merged into the settings by which it decides what is kept.
    """
    cfg = Config.fromfile(config)
    cfg.merge_from_dict({'model.test_cfg': test_cfg})
    set_num_classes(cfg, len(classes))
    return save(path, config=cfg.to_dict(), classes=classes)


def _merged(scope: str, model: dict, dataset: str, pipeline: list, evaluator: dict, parts: dict) -> dict[str, Any]:
    prefix = dict(img='') if scope == 'mmdet' else {}
    loader = dict(
        batch_size=1,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(
            type=dataset, data_root='', ann_file='annotations.json', data_prefix=dict(prefix), pipeline=pipeline
        ),
    )
    cfg = Config(
        dict(
            default_scope=scope,
            model=model,
            train_dataloader=loader,
            test_dataloader=loader,
            test_evaluator=evaluator,
            test_cfg=dict(type='TestLoop'),
            work_dir='work_dirs/stranger',
            custom_imports=dict(imports=['stranger'], allow_failed_imports=False),
            custom_hooks=[dict(type='stranger.Hook')],
        )
    )
    cfg.merge_from_dict(parts)
    return cfg.to_dict()
