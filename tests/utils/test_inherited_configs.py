"""Where configs find those that they inherit from."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from mmengine.config import Config

from mmbackbones.utils.config_files import config_path
from mmbackbones.utils.inherited_configs import _find_as_mmengine

INHERITED = [('mmdet::_base_/schedules/schedule_1x.py', 'mmdet'), ('mmseg::_base_/datasets/ade20k.py', 'mmseg')]


@pytest.mark.parametrize(('path', 'scope'), INHERITED)
def test_the_files_are_those_of_mmengine(path, scope, monkeypatch):
    monkeypatch.setattr('mmengine.config.config._get_external_cfg_path', _no_such_model)  # it reads 100 files for that
    monkeypatch.setattr('mmengine.config.config.is_installed', lambda name: True)
    monkeypatch.setattr('mmengine.config.config.get_installed_path', lambda name: _folder(scope))
    assert Config._get_cfg_path(path, 'any.py') == _find_as_mmengine(path, 'any.py')
    assert Config._get_cfg_path('runtime.py', '/configs/any.py') == ('/configs/runtime.py', None)


def test_no_metadata_of_models_and_packages_is_read(monkeypatch):
    read = []
    monkeypatch.setattr('mmengine.config.utils.load', read.append)
    monkeypatch.setattr('mmengine.config.config.is_installed', read.append)
    assert Config.fromfile(config_path('mask_rcnn_van_t')).model.roi_head
    assert not read


def test_what_is_not_there_is_named(tmp_path):
    file = tmp_path / 'config.py'
    file.write_text("_base_ = 'mmseg::_base_/datasets/typo.py'\n")
    with pytest.raises(FileNotFoundError, match='typo.py'):
        Config.fromfile(file)
    file.write_text("_base_ = 'mmyolo::yolov5/yolov5_s.py'\n")
    with pytest.raises(ModuleNotFoundError, match='mmyolo is not installed'):
        Config.fromfile(file)


def _no_such_model(*_):
    raise ValueError


def _folder(module):
    return str(Path(find_spec(module).origin).parent)
