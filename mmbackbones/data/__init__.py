"""A user's own data: found in its layout, checked, and read into what MMDetection and MMSegmentation take."""

from .detection import DetectionData, Split, load_detection
from .segmentation import SegmentationData, has_label_maps, load_segmentation

__all__ = ['DetectionData', 'SegmentationData', 'Split', 'has_label_maps', 'load_detection', 'load_segmentation']
