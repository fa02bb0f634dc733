"""The module that replaces `mmcv._ext`."""

import importlib
import pkgutil
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import mmcv
import pytest
from mmcv.utils.ext_loader import check_ops_exist
from mmengine.utils.dl_utils import mmcv_full_available

from mmbackbones.ops import provide_mmcv_ext
from mmbackbones.ops.mmcv_ext.info import get_compiler_version, get_compiling_cuda_version
from mmbackbones.utils.stack import find_stack


@pytest.fixture
def lite(monkeypatch):
    """As if mmcv had no compiled module, and nothing had replaced it yet."""
    find_spec = importlib.util.find_spec
    monkeypatch.delitem(sys.modules, 'mmcv._ext', raising=False)
    monkeypatch.delattr(mmcv, '_ext', raising=False)
    monkeypatch.setattr(
        importlib.util,
        'find_spec',
        lambda name, package=None: (
            None if name == 'mmcv._ext' and name not in sys.modules else find_spec(name, package)
        ),
    )


@pytest.fixture
def ext(lite):
    assert provide_mmcv_ext()
    return importlib.import_module('mmcv._ext')


def test_is_what_import_finds(ext):
    assert sys.modules['mmcv._ext'] is ext is mmcv._ext
    assert ext.nms.__module__.startswith('mmbackbones.ops')


def test_again_changes_nothing(ext):
    assert provide_mmcv_ext()
    assert importlib.import_module('mmcv._ext') is ext


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_counts_as_existing(lite):
    assert not check_ops_exist()
    provide_mmcv_ext()
    assert check_ops_exist()
    assert mmcv_full_available()
    assert pkgutil.find_loader('mmcv._ext') is mmcv._ext.__loader__


def test_other_operators_exist_and_say_what_to_install(ext):
    stack = find_stack()
    with pytest.raises(NotImplementedError, match='deform_conv_forward') as error:
        ext.deform_conv_forward(1, stride=2)
    assert stack.distributions['mmcv'] in str(error.value)
    assert stack.compiled_mmcv in str(error.value)


@pytest.mark.parametrize('name', ['__path__', '__wrapped__', '_private'])
def test_names_of_no_operator_are_missing(ext, name):
    assert not hasattr(ext, name)


def test_a_compiled_module_is_left_alone(monkeypatch):
    compiled = ModuleType('mmcv._ext')
    compiled.__spec__ = ModuleSpec('mmcv._ext', None, origin='_ext.so')
    monkeypatch.setitem(sys.modules, 'mmcv._ext', compiled)
    assert not provide_mmcv_ext()
    assert sys.modules['mmcv._ext'] is compiled


def test_without_mmcv_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr('mmbackbones.ops.mmcv_ext.stack_problem', lambda needed: f'no {" ".join(needed)}: run pip')
    with pytest.raises(ImportError, match='no mmcv: run pip'):
        provide_mmcv_ext()


def test_environment_report(ext, monkeypatch):
    info = importlib.import_module('mmcv.ops.info')
    monkeypatch.setattr(info, 'ext_module', ext)
    report = importlib.import_module('mmcv.utils.env').collect_env()
    assert 'mmbackbones' in report['MMCV Compiler']


def test_versions_of_compilers(ext):
    assert ext.get_compiler_version() == get_compiler_version() == 'none (operators of mmbackbones)'
    assert ext.get_compiling_cuda_version() == get_compiling_cuda_version() == 'not available'
