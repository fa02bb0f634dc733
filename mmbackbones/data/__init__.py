"""A user's own data: found in its layout, checked, and read into COCO form."""

from .detection import DetectionData, Split, load_detection

__all__ = ['DetectionData', 'Split', 'load_detection']
