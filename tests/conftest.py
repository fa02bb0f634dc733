"""What comes before any test."""
import os

# Values that are compared bit by bit, some with those of another process, depend on the number of threads; and two
# processes test at once.
os.environ['OMP_NUM_THREADS'] = '1'

import torch

torch.set_num_threads(1)  # where PyTorch was imported before

import mmbackbones  # noqa: E402, F401 (with mmcv-lite, mmdet and mmseg can only be imported after it)
