"""What a data set holds: counts and sizes, labels that may be wrong, images that are nearly alike."""
