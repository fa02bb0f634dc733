"""Checks and safe repairs of annotations, images and label maps."""
