"""Versions of PyTorch that are too old."""

import pytest
import torch
from torch.torch_version import TorchVersion

from mmbackbones.utils.torch_version import check_torch_version


@pytest.mark.parametrize('version', ['2.4.0', '2.4.1+cu121', '2.10.0', '2.13.0+cpu', '3.0.0'])
def test_new_enough(monkeypatch, version):
    monkeypatch.setattr(torch, '__version__', TorchVersion(version))
    check_torch_version()


@pytest.mark.parametrize('version', ['2.3.1+cpu', '2.1.2', '1.13.1'])
def test_too_old(monkeypatch, version):
    monkeypatch.setattr(torch, '__version__', TorchVersion(version))
    with pytest.raises(ImportError, match=r'needs PyTorch 2.4 or newer, and .* is installed: run `pip install'):
        check_torch_version()
