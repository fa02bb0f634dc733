"""What the command lines under tools/ do, as functions; importing it registers what they add to the libraries."""
from . import (  # noqa: F401
    checkpoint_hook,
    drawing,
    finite_loss,
    float32_boxes,
    hooks,
    instance_tta,
    iteration_loop,
    metrics,
    paired_seg_dataset,
    resume,
)
from .check import check_data
from .evaluate import evaluate
from .train import train

__all__ = ['check_data', 'evaluate', 'train']
