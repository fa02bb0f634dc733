"""Formats of data sets: one class per format, and one table of them for boxes and label maps alike."""

from .registry import (
    FORMATS,
    describe,
    find_format,
    find_tasks,
    formats_of,
    has_boxes,
    has_label_maps,
    name_tools,
    summarize,
)

__all__ = [
    'FORMATS',
    'describe',
    'find_format',
    'find_tasks',
    'formats_of',
    'has_boxes',
    'has_label_maps',
    'name_tools',
    'summarize',
]
