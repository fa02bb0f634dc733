"""What scripts/wheelhouse.py adds to pip."""

import importlib.util
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.utils import parse_wheel_filename
from packaging.version import Version

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope='module')
def wheelhouse():
    spec = importlib.util.spec_from_file_location('wheelhouse', ROOT / 'scripts' / 'wheelhouse.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_wheel(folder, name, *requirements):
    with ZipFile(folder / f'{name}-1.0-py3-none-any.whl', 'w') as archive:
        lines = ['Metadata-Version: 2.1', f'Name: {name}', 'Version: 1.0']
        lines += [f'Requires-Dist: {requirement}' for requirement in requirements]
        archive.writestr(f'{name}-1.0.dist-info/METADATA', '\n'.join(lines))


def test_conditions_of_constraints_are_those_of_the_other_python(wheelhouse):
    text = '# comment\nmmdet==3.3.0\n\nnumpy==2.4.6; python_version >= "3.11"\n'
    assert [str(line) for line in wheelhouse.constraints_for('3.10', text)] == ['mmdet==3.3.0']
    assert [str(line) for line in wheelhouse.constraints_for('3.12', text)] == ['mmdet==3.3.0', 'numpy==2.4.6']


def test_conditions_of_requirements_are_those_of_the_other_python(wheelhouse, tmp_path):
    write_wheel(tmp_path, 'mmbackbones', 'torch>=2.1', 'yapf', 'onedl-mmcv; extra == "onedl"', 'pytest; extra == "dev"')
    write_wheel(tmp_path, 'yapf', 'tomli>=2; python_version < "3.11"', 'PyYAML; extra == "more"')
    assert wheelhouse.missing_requirements(tmp_path, 'openmmlab', '3.12') == []
    assert wheelhouse.missing_requirements(tmp_path, 'openmmlab', '3.10') == ['tomli>=2']
    assert wheelhouse.missing_requirements(tmp_path, 'onedl', '3.12') == ['onedl-mmcv']


def test_pip_prefers_the_empty_wheel_to_real_ones(wheelhouse, tmp_path):
    version = parse_wheel_filename(wheelhouse.write_empty_wheel(tmp_path, 'torch', '2.13.0').name)[1]
    assert version > max(Version('2.13.0'), Version('2.13.0+cpu'), Version('2.13.0+cu130'))


def test_what_is_built_from_sources_has_a_pinned_version(wheelhouse):
    for python in ('3.10', '3.13'):
        pinned = {line.name for line in wheelhouse.constraints_for(python, (ROOT / 'constraints.txt').read_text())}
        assert {'torch', *wheelhouse.SOURCES['onedl']} <= pinned
