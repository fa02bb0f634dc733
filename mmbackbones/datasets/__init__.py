"""Users' own data: recognized by its format, checked, and read into what MMDetection and MMSegmentation take."""

from .detection import load_detection
from .detection_data import DetectionData, DetectionSplit
from .formats import has_boxes, has_label_maps
from .segmentation import SegmentationData, SegmentationSplit, load_segmentation

__all__ = [
    'DetectionData',
    'DetectionSplit',
    'SegmentationData',
    'SegmentationSplit',
    'has_boxes',
    'has_label_maps',
    'load_detection',
    'load_segmentation',
]
