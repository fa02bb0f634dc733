_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50_fpn.py',
    'mmdet::_base_/datasets/coco_instance.py',
    'mmdet::retinanet/retinanet_tta.py',
    'schedule_1x.py',
    'runtime.py',
]

custom_imports = dict(imports=['mmbackbones', 'mmbackbones.engine.float32_boxes'], allow_failed_imports=False)
model = dict(
    rpn_head=dict(anchor_generator=dict(type='Float32AnchorGenerator')),
    roi_head=dict(
        bbox_roi_extractor=dict(type='Float32RoIExtractor'), mask_roi_extractor=dict(type='Float32RoIExtractor')
    ),
)
