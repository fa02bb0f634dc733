"""The implementation of NMS and RoIAlign that is in use, and why."""

import shlex
import sys

import torch

from . import provide_mmcv_ext
from .torchvision_ops import torchvision_fault


def operators_in_use(device_type: str) -> tuple[str, bool]:
    """Describe the implementation of NMS and RoIAlign on a type of device ('cpu', 'cuda', ...).

    Returns:
        One sentence, and whether they are compiled. If not, the sentence names the command that installs compiled ones.
    """
    if not provide_mmcv_ext():
        return "NMS and RoIAlign are mmcv's compiled operators", True
    fault = torchvision_fault(device_type)
    if fault is None:
        version = getattr(sys.modules['torchvision'], '__version__', '')
        return f"NMS and RoIAlign are torchvision {version}'s operators, because the installed mmcv has none", True
    return (
        'NMS and RoIAlign consist of many small PyTorch operations, which are slow on GPUs, because the '
        f'installed mmcv has no compiled ones and torchvision {fault}; for compiled ones: {_command(torch.__version__)}'
    ), False


def _command(version: str) -> str:
    """The command that installs the torchvision built for a version of PyTorch, and leaves PyTorch as it is."""
    release, _, build = version.partition('+')
    major, minor, *others = release.split('.')
    if major != '2' or not ''.join(others).isdecimal():  # a later series, or a version before its release
        return f'install the torchvision that belongs to PyTorch {version}'
    command = f'{shlex.quote(sys.executable)} -m pip install --no-deps "torchvision==0.{15 + int(minor)}.*"'
    return f'{command}, from the index that PyTorch {version} came from' if build else command
