_base_ = [
    'mmdet::_base_/models/mask-rcnn_r50_fpn.py',
    'mmdet::_base_/datasets/coco_instance.py',
    'mmdet::retinanet/retinanet_tta.py',
    'schedule_1x.py',
    'runtime.py',
]
