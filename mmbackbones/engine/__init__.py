"""From a config and options to a training run; importing it registers what a config of ours names."""

from ..datasets import paired_seg_dataset  # noqa: F401
from ..evaluation import instance_tta, metrics, tiles  # noqa: F401
from ..visualization import draw_hook  # noqa: F401
from . import (  # noqa: F401
    averaged_weights,
    bad_data,
    bfloat16_training,
    checkpoint_match,
    compilation,
    early_stop,
    finite_loss,
    float32_boxes,
    fuse_hook,
    hooks,
    loops,
    results_hook,
    resume,
    run_log,
)
from .checkpoints import hook  # noqa: F401
from .processes import sharding  # noqa: F401
