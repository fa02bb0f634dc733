"""What a model got wrong, from the files that a test leaves: curves, confusions, kinds of errors, label errors."""
