"""A text file per image, with a row per object: YOLO as Ultralytics, darknet and others lay it out."""
