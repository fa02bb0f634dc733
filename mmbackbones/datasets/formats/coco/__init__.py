"""COCO files, wherever tools put them."""
