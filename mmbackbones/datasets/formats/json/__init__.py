"""JSON files of annotation tools, other than COCO files."""
