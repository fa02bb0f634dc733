"""XML files of boxes: Pascal VOC, what imitates it, and CVAT."""
