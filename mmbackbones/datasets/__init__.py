"""A user's own data: found in its layout, checked, and read into what MMDetection and MMSegmentation take."""

from .detection import DetectionData, Split, load_detection
from .formats.ade20k import has_label_maps
from .formats.registry import has_boxes
from .segmentation import SegmentationData, load_segmentation

__all__ = [
    'DetectionData',
    'SegmentationData',
    'Split',
    'has_boxes',
    'has_label_maps',
    'load_detection',
    'load_segmentation',
]
