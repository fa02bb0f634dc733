"""The description of the NMS and RoIAlign that are in use."""

import subprocess
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest
import torch

from mmbackbones.ops.mmcv_ext import in_use
from mmbackbones.ops.mmcv_ext.in_use import operators_in_use

pytestmark = pytest.mark.slow


@pytest.fixture
def lite(monkeypatch):
    monkeypatch.setattr(in_use, 'provide_mmcv_ext', lambda: True)


def test_a_compiled_mmcv(monkeypatch):
    compiled = ModuleType('mmcv._ext')
    compiled.__spec__ = ModuleSpec('mmcv._ext', None, origin='_ext.so')
    monkeypatch.setitem(sys.modules, 'mmcv._ext', compiled)
    assert operators_in_use('cpu') == ("NMS and RoIAlign are mmcv's compiled operators", True)


@pytest.mark.usefixtures('lite')
def test_torchvision(monkeypatch):
    def operator(*args):
        return torch.zeros(1)

    module = SimpleNamespace(ops=SimpleNamespace(nms=operator, roi_align=operator), __version__='0.28.0')
    monkeypatch.setitem(sys.modules, 'torchvision', module)
    monkeypatch.setattr(torch.ops, 'torchvision', SimpleNamespace(_roi_align_backward=operator), raising=False)
    said, compiled = operators_in_use('cpu')
    assert compiled
    assert "torchvision 0.28.0's operators" in said
    assert 'pip' not in said


@pytest.mark.usefixtures('lite')
@pytest.mark.parametrize(
    ('version', 'command'),
    [
        ('2.13.0', '\'/my env/python\' -m pip install --no-deps "torchvision==0.28.*"'),
        (
            '2.1.2+cu118',
            '-m pip install --no-deps "torchvision==0.16.*", from the index that PyTorch 2.1.2+cu118 came from',
        ),
        ('2.14.0.dev20260101+cu130', ': install the torchvision that belongs to PyTorch 2.14.0.dev20260101+cu130'),
        ('3.0.0', ': install the torchvision that belongs to PyTorch 3.0.0'),
    ],
)
def test_no_torchvision(monkeypatch, version, command):
    monkeypatch.setitem(sys.modules, 'torchvision', None)
    monkeypatch.setattr('mmbackbones.ops.mmcv_ext.torchvision_ops.find_spec', lambda name: None)
    monkeypatch.setattr(torch, '__version__', version)
    monkeypatch.setattr(sys, 'executable', '/my env/python')
    said, compiled = operators_in_use('cuda')
    assert not compiled
    assert 'many small PyTorch operations' in said
    assert 'torchvision is not installed' in said
    assert said.endswith(command)


@pytest.mark.usefixtures('lite')
def test_a_torchvision_that_does_not_work(monkeypatch, tmp_path):
    (tmp_path / 'torchvision.py').write_text('raise RuntimeError("operator torchvision::nms\\n does not exist")')
    monkeypatch.delitem(sys.modules, 'torchvision', raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    said, compiled = operators_in_use('cpu')
    assert not compiled
    assert 'torchvision does not work here (RuntimeError: operator torchvision::nms does not exist)' in said
    assert 'is not installed' not in said


def test_importing_the_package_prints_nothing_and_imports_no_torchvision():
    code = 'import sys, mmbackbones; assert "torchvision" not in sys.modules'
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True, check=True)
    assert 'NMS' not in done.stdout + done.stderr
