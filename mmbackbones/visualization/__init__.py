"""Drawn predictions and plots."""
