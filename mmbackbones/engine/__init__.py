"""What the command lines under tools/ do, as functions."""
from .evaluate import evaluate
from .train import train

__all__ = ['evaluate', 'train']
