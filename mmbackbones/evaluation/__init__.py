"""Metrics, their options and summaries, and test-time augmentation of masks."""
