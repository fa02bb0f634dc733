"""What a data set that has been read holds: counts and sizes, labels that may be wrong, images that are nearly alike."""
