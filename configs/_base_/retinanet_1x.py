_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    'mmdet::_base_/datasets/coco_detection.py',
    'mmdet::retinanet/retinanet_tta.py',
    'schedule_1x.py',
    'runtime.py',
]
# Strides 8 to 32 feed the pyramid; the backbone is asked for these three maps only.
model = dict(neck=dict(start_level=0))
