"""Which stack is installed, and what is said of it, with made-up distributions."""

import sys
from pathlib import Path

import pytest

from mmbackbones.utils.stack import ONEDL, OPENMMLAB, STACKS, find_stack, stack_problem

ROOT = Path(__file__).parents[2]
EVERYTHING = ('mmengine', 'mmcv', 'mmdet', 'mmseg')
OPENMMLAB_VERSIONS = {'mmengine': '0.10.7', 'mmcv-lite': '2.1.0', 'mmdet': '3.3.0', 'mmsegmentation': '1.2.2'}
ONEDL_VERSIONS = {
    'onedl-mmengine': '0.10.12',
    'onedl-mmcv': '2.3.6',
    'onedl-mmdetection': '3.5.1',
    'onedl-mmsegmentation': '1.4.2',
}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Fills the only folder that Python finds libraries in: with distributions, by version, and with modules."""
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    for module in EVERYTHING:
        monkeypatch.delitem(sys.modules, module, raising=False)

    def fill(distributions, modules=EVERYTHING):
        for name, version in distributions.items():
            info = tmp_path / f'{name.replace("-", "_")}-{version}.dist-info'
            info.mkdir()
            (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
        for module in modules:
            (tmp_path / module).mkdir()
            (tmp_path / module / '__init__.py').touch()
        return tmp_path

    return fill


@pytest.mark.parametrize(
    ('stack', 'versions'), [(OPENMMLAB, OPENMMLAB_VERSIONS), (ONEDL, ONEDL_VERSIONS)], ids=['openmmlab', 'onedl']
)
def test_one_stack(site, stack, versions):
    site(versions)
    assert find_stack() is stack
    assert stack_problem(EVERYTHING) is None
    assert {name: v for found in stack.installed().values() for name, v in found.items()} == versions


def test_neither(site):
    site({}, modules=())
    assert find_stack() is None
    assert stack_problem() == (
        'mmbackbones needs the libraries of OpenMMLab, and none is installed: run '
        '`pip install "mmbackbones[openmmlab]"`, or, for OneDL, `pip install "mmbackbones[onedl]"`'
    )


def test_both(site):
    site({'mmengine': '0.10.7', 'mmcv': '2.1.0', 'onedl-mmengine': '0.10.12'})
    assert find_stack() is None
    assert stack_problem() == (
        'the files of two stacks overwrite each other, open-mmlab (mmengine 0.10.7 and mmcv 2.1.0) and OneDL '
        '(onedl-mmengine 0.10.12): run `pip uninstall mmengine mmcv onedl-mmengine`, then either '
        '`pip install "mmbackbones[openmmlab]"` or `pip install "mmbackbones[onedl]"`'
    )


def test_compiled_and_lite_mmcv_of_one_version_are_equal_files(site):
    site(OPENMMLAB_VERSIONS | {'mmcv': '2.1.0'})
    assert stack_problem() is None


def test_compiled_and_lite_mmcv_of_two_versions(site):
    site(OPENMMLAB_VERSIONS | {'mmcv': '2.2.0'})
    assert find_stack() is OPENMMLAB
    assert stack_problem() == (
        'the files of mmcv-lite 2.1.0 and mmcv 2.2.0 overwrite each other, because all are imported as mmcv: run '
        '`pip uninstall mmcv-lite mmcv`, then install one of them'
    )


def test_one_stack_was_removed_after_both_were_there(site):
    left = site(ONEDL_VERSIONS, modules=('mmdet', 'mmseg'))
    (left / 'mmengine').mkdir()  # a file that only OneDL has
    assert stack_problem() == (
        'onedl-mmengine and onedl-mmcv lost files to another package of the same import name: run '
        '`pip install --force-reinstall --no-deps onedl-mmengine==0.10.12 onedl-mmcv==2.3.6`'
    )


def test_backbones_need_neither_mmdet_nor_mmseg(site):
    site({'onedl-mmengine': '0.10.12', 'onedl-mmcv': '2.3.6'}, modules=('mmengine', 'mmcv'))
    assert stack_problem() is None
    assert stack_problem(('mmengine', 'mmcv', 'mmseg')) == (
        'mmseg is not installed: run `pip install "onedl-mmsegmentation>=1.4.2,<2"`'
    )


def test_mmcv_is_missing(site):
    site({'mmengine': '0.10.7'}, modules=('mmengine',))
    assert stack_problem() == 'mmcv is not installed: run `pip install "mmcv-lite>=2.1,<2.2"`'


def test_checkouts_have_no_distributions(site):
    site({})
    assert find_stack() is OPENMMLAB
    assert stack_problem(EVERYTHING) is None


def test_a_blocked_library_is_not_lost(site, monkeypatch):
    site(OPENMMLAB_VERSIONS)
    monkeypatch.setitem(sys.modules, 'mmdet', None)  # as tests do, and whoever does without it
    assert stack_problem() is None


def test_checkout_of_one_library(site):
    site({name: v for name, v in ONEDL_VERSIONS.items() if name != 'onedl-mmdetection'})
    assert find_stack() is ONEDL
    assert stack_problem(EVERYTHING) is None


def test_requirements_are_those_of_the_extras():
    extras = (ROOT / 'pyproject.toml').read_text()
    for stack in STACKS:
        wanted = [f'"{requirement}"' for requirement in stack.requirements.values()]
        assert all(line in extras.partition(f'\n{stack.name} = [')[2].partition('\n]')[0] for line in wanted)
