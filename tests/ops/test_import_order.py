"""Libraries that are imported before the stand-ins are there."""

import importlib
import subprocess
import sys

import pytest
from mmcv.cnn.bricks import transformer

from mmbackbones.ops import provide_mmcv_ext
from mmbackbones.ops.mmcv_ext.import_order import complete_mmcv, libraries_without_operators
from mmbackbones.utils.stack import ONEDL, find_stack

CAUGHT = """
try:
    from mmcv.ops.nms import nms
except ImportError:
    nms = None
"""
IN_A_FUNCTION = """
def suppress(boxes):
    from mmcv.ops import nms
    return nms(boxes)
"""


@pytest.fixture
def without_operators(monkeypatch, tmp_path):
    """Imports a library of the given source, as if `mmcv.ops` could not be imported."""
    for name in [name for name in sys.modules if name.partition('.')[0] in ('mmdet', 'mmseg') or name == 'mmcv.ops']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'mmcv.ops.nms', None)
    monkeypatch.syspath_prepend(tmp_path)

    def import_library(name, source):
        (tmp_path / f'{name}.py').write_text(source)
        importlib.import_module(name)
        monkeypatch.setitem(sys.modules, name, sys.modules.pop(name))  # so that it is taken out afterwards

    return import_library


def test_a_caught_import_is_found(without_operators):
    without_operators('mmrotate', CAUGHT)
    without_operators('mmyolo', IN_A_FUNCTION)
    without_operators('other', CAUGHT)
    assert libraries_without_operators() == ['mmrotate']


def test_it_is_said_in_one_sentence(without_operators, monkeypatch):
    without_operators('mmrotate', CAUGHT)
    monkeypatch.delitem(sys.modules, 'mmcv._ext')
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, package=None: None)
    monkeypatch.setattr('mmbackbones.ops.mmcv_ext.stack_problem', lambda needed: None)
    with pytest.raises(ImportError, match='^mmrotate had to do without .* put `import mmbackbones` before all other'):
        provide_mmcv_ext()
    assert 'mmcv._ext' not in sys.modules


def test_nothing_is_wrong_where_the_operators_are_there():
    assert libraries_without_operators() == []


def test_what_mmcv_itself_did_without_is_added(monkeypatch):
    monkeypatch.delattr(transformer, 'MultiScaleDeformableAttention')
    complete_mmcv()
    attention = importlib.import_module('mmcv.ops.multi_scale_deform_attn')
    assert transformer.MultiScaleDeformableAttention is attention.MultiScaleDeformableAttention


@pytest.mark.slow
@pytest.mark.skipif(
    find_stack() is not ONEDL or not provide_mmcv_ext(), reason='the libraries fail, or mmcv has its operators'
)
@pytest.mark.parametrize('first', ['mmdet.apis', 'mmseg.apis'])
def test_onedl_before_mmbackbones_fails_on_import(first):
    code = f'import {first}, mmbackbones'
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True, check=False)
    assert 'put `import mmbackbones` before all other libraries' in done.stderr.splitlines()[-1]
