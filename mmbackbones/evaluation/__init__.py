"""Metrics, their options and summaries, test-time augmentation of masks."""
