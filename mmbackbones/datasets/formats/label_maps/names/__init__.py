"""What tells the names of labels: a list, a table of colors, a format of its own, or nothing."""

from .find import Zero, find_label_names, from_list
from .lists import ADE20K
from .samples import sample
from .text import MAX_CLASSES

__all__ = ['ADE20K', 'MAX_CLASSES', 'Zero', 'find_label_names', 'from_list', 'sample']
