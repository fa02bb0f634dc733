"""A user's own data: found in its layout, checked, and read into what MMDetection and MMSegmentation take."""

from .detection import DetectionData, Split, load_detection
from .layouts import has_boxes
from .segmentation import SegmentationData, has_label_maps, load_segmentation

__all__ = ['DetectionData', 'SegmentationData', 'Split', 'has_boxes', 'has_label_maps', 'load_detection',
           'load_segmentation']
