"""Key mappings from the authors' checkpoints to ours, one file per family."""
