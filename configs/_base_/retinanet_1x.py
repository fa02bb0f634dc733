_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    'mmdet::_base_/datasets/coco_detection.py',
    'mmdet::retinanet/retinanet_tta.py',
    'schedule_1x.py',
    'runtime.py',
]
custom_imports = dict(imports=['mmbackbones', 'mmbackbones.engine.float32_boxes'], allow_failed_imports=False)
# The pyramid takes strides 8 to 32; the backbone returns these three maps only.
model = dict(neck=dict(start_level=0), bbox_head=dict(anchor_generator=dict(type='Float32AnchorGenerator')))
