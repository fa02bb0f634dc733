"""What a user calls: one file per verb."""

from .check_data import check_data
from .test import evaluate
from .train import train

__all__ = ['check_data', 'evaluate', 'train']
