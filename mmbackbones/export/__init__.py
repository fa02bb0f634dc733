"""Trained models as files for other runtimes, and these files as models."""
