"""What the command lines under tools/ do, as functions; importing it registers what they add to the libraries."""
from . import drawing, float32_boxes, hooks, instance_tta, metrics, paired_seg_dataset  # noqa: F401
from .check import check_data
from .evaluate import evaluate
from .train import train

__all__ = ['check_data', 'evaluate', 'train']
