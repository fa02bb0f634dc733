"""Formats of data folders, one file each."""
