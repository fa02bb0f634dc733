"""The oldest PyTorch that mmbackbones runs on."""

import torch

OLDEST = '2.4'  # the first whose safe unpickler can be told of the types in MMEngine's checkpoints


def check_torch_version() -> None:
    """Check the installed PyTorch.

    Raises:
        ImportError: It is too old.
    """
    if torch.__version__ < OLDEST:  # PyTorch compares its version by numbers, not as text
        raise ImportError(
            f'mmbackbones needs PyTorch {OLDEST} or newer, and {torch.__version__} is installed: run '
            '`pip install --upgrade torch`'
        )
