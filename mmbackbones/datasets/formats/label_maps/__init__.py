"""Label maps for semantic segmentation: files of them, or drawn from the masks of objects."""
