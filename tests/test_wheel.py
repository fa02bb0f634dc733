"""Wheels and source distributions contain the configs and the metadata."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from mmbackbones.model_zoo.metadata import read_models
from mmbackbones.utils import config_files

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file() and '__pycache__' not in path.parts
    }


def test_configs_and_metadata_are_found_in_an_installed_wheel(tmp_path, monkeypatch):
    subprocess.run([sys.executable, 'setup.py', '-q', 'build_py', '--build-lib', tmp_path], cwd=ROOT, check=True)
    built = tmp_path / 'mmbackbones'
    assert contents(built / '.mim' / 'configs') == contents(ROOT / 'configs')
    assert (built / 'model_zoo' / 'metadata.py').is_file()
    monkeypatch.setattr(config_files, '_PACKAGE', built)
    assert config_files.config_path('mask_rcnn_dualvit_s') == built / '.mim' / 'configs' / 'mask_rcnn_dualvit_s.py'
    assert read_models()['mask_rcnn_dualvit_s']['Config'] == 'configs/mask_rcnn_dualvit_s.py'


def test_a_source_distribution_has_them(tmp_path):
    subprocess.run(
        [sys.executable, 'setup.py', '-q', 'egg_info', '--egg-base', tmp_path, 'sdist', '-d', tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    with tarfile.open(next(tmp_path.glob('*.tar.gz'))) as archive:
        names = {name.partition('/')[2] for name in archive.getnames()}
    assert {f'configs/{path}' for path in contents(ROOT / 'configs')} | {'model-index.yml', 'constraints.txt'} <= names
    assert 'mmbackbones/py.typed' in names
    assert not [name for name in names if name.startswith('tests')]  # setuptools would take some of them
