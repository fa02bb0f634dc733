"""Stand-ins for modules that setuptools and Python no longer have."""

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from pathlib import Path

import mmengine
import pytest
import torch
from mmengine.utils import get_installed_path, is_installed, package_utils

from mmbackbones.utils import removed_modules
from mmbackbones.utils.removed_modules import provide_removed_modules


@pytest.fixture
def without_pkg_resources(monkeypatch):
    """A process with setuptools 82 and an MMEngine that asks for what is gone."""
    if 'pkg_resources' not in package_utils.is_installed.__code__.co_names:
        pytest.skip('this MMEngine does without pkg_resources')
    finders = [finder for finder in sys.meta_path if not isinstance(finder, removed_modules._StandIn)]
    monkeypatch.setattr(sys, 'meta_path', [_Hiding(finders)])
    monkeypatch.delitem(sys.modules, 'pkg_resources', raising=False)
    yield
    sys.modules.pop('pkg_resources', None)


class _Hiding:
    """Finders of modules and distributions, which do not find one of the modules."""

    find_distributions = staticmethod(importlib.metadata.MetadataPathFinder.find_distributions)

    def __init__(self, finders):
        self.finders = finders

    def find_spec(self, name, path=None, target=None):
        found = None
        for finder in self.finders if name != 'pkg_resources' else ():
            found = found or finder.find_spec(name, path, target)
        return found


def test_mmengine_finds_packages(without_pkg_resources):
    with pytest.raises(ModuleNotFoundError, match='pkg_resources'):
        is_installed('torch')
    provide_removed_modules()
    assert is_installed('torch')  # a distribution
    assert is_installed('torch')  # the module was reloaded
    assert is_installed('mmcv')  # a module of another name than its distribution
    assert not is_installed('no_such_package')
    assert Path(get_installed_path('torch')) == Path(torch.__file__).parent
    assert Path(get_installed_path('mmengine')) == Path(mmengine.__file__).parent
    assert package_utils.package2module('pyyaml') in ('_yaml', 'yaml')
    with pytest.raises(importlib.metadata.PackageNotFoundError, match='no_such_package'):
        get_installed_path('no_such_package')


def test_what_the_stand_in_does_not_know(without_pkg_resources):
    provide_removed_modules()
    with pytest.raises(AttributeError, match='has no \'resource_filename\': run `pip install "setuptools<82"`'):
        importlib.import_module('pkg_resources').resource_filename  # noqa: B018
    with pytest.raises(ImportError, match='parse_version'):
        from pkg_resources import parse_version  # noqa: F401


def test_provided_once(without_pkg_resources):
    provide_removed_modules()
    provide_removed_modules()
    assert len(sys.meta_path) == 2


def test_the_real_module_comes_first(without_pkg_resources, tmp_path):
    provide_removed_modules()
    (tmp_path / 'pkg_resources.py').write_text('')
    sys.meta_path.insert(0, importlib.machinery.PathFinder)
    sys.path.insert(0, str(tmp_path))
    try:
        assert importlib.util.find_spec('pkg_resources').origin == str(tmp_path / 'pkg_resources.py')
    finally:
        sys.path.remove(str(tmp_path))


def test_find_loader(monkeypatch):
    monkeypatch.delattr(pkgutil, 'find_loader', raising=False)
    provide_removed_modules()
    assert pkgutil.find_loader('mmengine') is mmengine.__loader__
    assert pkgutil.find_loader('no_such_module') is None
    assert pkgutil.find_loader('mmcv._ext') is sys.modules['mmcv._ext'].__loader__
