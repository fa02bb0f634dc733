"""What ``predict`` writes.

- :class:`PredictionFolder`: all of it, one prediction after the other.
- :func:`own_folders`: the folders that hold nothing else.
"""

from .folder import PredictionFolder
from .places import own_folders

__all__ = ['PredictionFolder', 'own_folders']
