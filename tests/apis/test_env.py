"""The report on this environment, and on fake ones where something is missing, too old or broken."""

import json
import subprocess
import sys

import mmengine
import pytest
import torch

from mmbackbones.apis.env.libraries import try_libraries
from mmbackbones.weights import cache_dir
from tests.helpers.fake_environment import TORCH, FakeEnvironment, run_env
from tests.helpers.tiny_configs import ROOT

pytestmark = pytest.mark.slow

ABI = "raise ImportError('numpy.core.multiarray failed to import\\n\\nmore advice')"
CRASH = 'import os, signal; os.kill(os.getpid(), signal.SIGSEGV)'


@pytest.fixture
def site(tmp_path):
    return FakeEnvironment(tmp_path / 'site')


def problems(report):
    """What is needed, beside our own import, for which the fake libraries are not enough."""
    items = [item for item in report['to_do'] if item['needed'] and 'import mmbackbones' not in item['problem']]
    return [f'{item["problem"]}: {item["remedy"]}'.replace(sys.executable, 'python') for item in items]


def states(report):
    libraries = {library['name']: library['status'] for library in report['libraries']}
    return {**libraries, **{name: part['status'] for name, part in report['stack']['parts'].items()}}


def test_this_environment():
    """Everything that the tests need is here."""
    done = subprocess.run(
        [sys.executable, ROOT / 'tools' / 'env.py', '--json'], capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    assert (done.returncode, done.stderr, report['ok']) == (0, '', True)
    assert report['torch']['version'] == torch.__version__
    assert report['stack']['parts']['mmengine']['version'] == mmengine.__version__
    assert report['folders']['cache']['path'] == str(cache_dir())


def test_all_is_there(site):
    report = site.look()
    assert problems(report) == []
    assert set(states(report).values()) == {'ok'}
    assert (report['stack']['name'], report['stack']['operators']) == ('openmmlab', 'stand-in')
    assert report['torch']['version'] == '2.13.0'
    assert (report['torch']['build'], report['torch']['cpu_kernels'], report['torch']['gpus']) == ('CPU', 'AVX2', [])


def test_nothing_is_there():
    done = run_env()
    assert (done.returncode, done.stderr) == (1, '')
    assert '  - not installed: torch, ' in done.stdout
    assert f'`{sys.executable} -m pip install "torch' in done.stdout
    assert '  - mmbackbones needs the libraries of OpenMMLab, and none is installed: run `' in done.stdout


def numpy_is_missing(site):
    site.uninstall('numpy', 'numpy')
    site.install('pycocotools', '2.0.11', 'pycocotools', 'import numpy')


def opencv_has_another_abi(site):
    site.install('opencv-python', '4.9', 'cv2', ABI)


def opencv_lacks_a_system_library(site):
    code = "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
    site.install('opencv-python-headless', '4.9', 'cv2', code)
    site.uninstall('opencv-python')


def pycocotools_is_excluded(site):
    site.install('pycocotools', '2.0.10', 'pycocotools')


def torch_is_too_old(site):
    site.install('torch', '2.0.1', 'torch')


def torch_fails(site):
    site.install('torch', '2.13.0', 'torch', "print('noise'); raise OSError('libcudart.so.12: cannot open \\x1b')")
    for name, module in {'mmengine': 'mmengine', 'mmdet': 'mmdet'}.items():
        site.install(name, {'mmengine': '0.10.7', 'mmdet': '3.3.0'}[name], module, 'import torch')


def torch_crashes(site):
    site.install('torch', '2.13.0', 'torch', CRASH)
    site.install('mmengine', '0.10.7', 'mmengine', 'import torch')


def torch_is_hidden(site):
    (site.folder / 'sitecustomize.py').write_text("import sys; sys.modules['torch'] = None")


def torch_exits(site):
    site.install('torch', '2.13.0', 'torch', 'import sys; sys.exit(3)')


def mmdet_wants_another_mmcv(site):
    site.install('mmcv-lite', '2.2.0', 'mmcv')
    site.install('mmdet', '3.3.0', 'mmdet', "assert False, 'MMCV==2.2.0 is used but incompatible'")


def compiled_mmcv_is_too_new(site):
    site.uninstall('mmcv-lite')
    site.install('mmcv', '2.2.0', 'mmcv')


def operators_do_not_load(site):
    site.uninstall('mmcv-lite')
    site.install('mmcv', '2.1.0', 'mmcv')
    (site.folder / 'mmcv' / '_ext.py').write_text("raise ImportError('_ext.so: undefined symbol: _ZN3c10')")


def both_stacks(site):
    site.install('onedl-mmcv', '2.3.6', 'mmcv')


def half_a_stack(site):
    site.uninstall('mmcv-lite', 'mmcv')
    site.uninstall('mmdet', 'mmdet')
    site.uninstall('mmsegmentation', 'mmseg')


def a_library_of_the_stack_lacks_one(site):
    site.install('mmsegmentation', '1.2.2', 'mmseg', requires='prettytable>=1')


def a_library_of_the_stack_needs_another_version(site):
    site.install('mmsegmentation', '1.2.2', 'mmseg', requires='numpy>3')


def files_of_another_version(site):
    (site.folder / 'mmengine' / '__init__.py').write_text("__version__ = '0.10.3'")


@pytest.mark.parametrize(
    ('change', 'expected', 'said'),
    [
        (
            numpy_is_missing,
            dict(numpy='missing', pycocotools='blocked'),
            ['not installed: numpy: run `python -m pip install "numpy"`'],
        ),
        (
            opencv_has_another_abi,
            {'opencv-python': 'broken'},
            [
                'opencv-python 4.9 cannot be imported (numpy.core.multiarray failed to import): run '
                '`python -m pip install --upgrade --force-reinstall --no-deps "opencv-python'
            ],
        ),
        (
            opencv_lacks_a_system_library,
            {'opencv-python-headless': 'broken'},
            [
                'opencv-python-headless 4.9 cannot be imported (libGL.so.1: cannot open shared object file: No such '
                'file or directory): run `apt-get update && apt-get install -y libgl1 libglib2.0-0` (Debian, Ubuntu)'
            ],
        ),
        (
            pycocotools_is_excluded,
            dict(pycocotools='wrong version'),
            ['pycocotools 2.0.10: mmbackbones needs pycocotools!=', 'run `python -m pip install "pycocotools!='],
        ),
        (
            torch_is_too_old,
            dict(torch='wrong version'),
            ['torch 2.0.1: mmbackbones needs torch>=', 'run `python -m pip install "torch>='],
        ),
        (
            torch_fails,
            dict(torch='broken', mmengine='blocked', mmdet='blocked', mmseg='ok', numpy='ok'),
            [
                r'torch 2.13.0 cannot be imported (libcudart.so.12: cannot open \x1b): run '
                '`python -m pip install --force-reinstall "torch==2.13.0"`'
            ],
        ),
        (
            torch_crashes,
            dict(torch='broken', mmengine='blocked', mmseg='ok'),
            ['torch 2.13.0 cannot be imported (it ended the process with signal 11 (segmentation fault)): run `'],
        ),
        (
            torch_is_hidden,
            dict(torch='broken', mmseg='ok'),
            ['torch 2.13.0 cannot be imported (import of torch halted'],
        ),
        (torch_exits, dict(torch='broken', mmseg='ok'), ['torch 2.13.0 cannot be imported (SystemExit: 3): run `']),
        (
            mmdet_wants_another_mmcv,
            dict(mmcv='wrong version', mmdet='broken', mmseg='ok'),
            [
                'mmcv-lite 2.2.0: mmbackbones needs mmcv-lite',
                'run `python -m pip install --force-reinstall --no-deps "mmcv-lite>=',
            ],
        ),
        (
            compiled_mmcv_is_too_new,
            dict(mmcv='wrong version'),
            ['run `python -m pip uninstall mmcv`, then `python -m pip install "mmcv-lite>='],
        ),
        (
            operators_do_not_load,
            dict(mmcv='ok'),
            [
                "mmcv's compiled operators cannot be loaded: _ext.so: undefined symbol: _ZN3c10: run `python -m pip "
                'uninstall mmcv`, then `python -m pip install "mmcv-lite>='
            ],
        ),
        (
            both_stacks,
            dict(mmengine='ok'),
            ['the files of two stacks overwrite each other', 'run `python -m pip uninstall mmengine'],
        ),
        (
            half_a_stack,
            dict(mmengine='ok', mmcv='missing'),
            ['mmcv, mmdet and mmseg are not installed: run `python -m pip install "mmcv-lite>='],
        ),
        (
            a_library_of_the_stack_lacks_one,
            dict(prettytable='missing'),
            ['not installed: prettytable: run `python -m pip install "prettytable>=1"`'],
        ),
        (
            a_library_of_the_stack_needs_another_version,
            dict(numpy='wrong version'),
            ['numpy 2.4.0: mmsegmentation needs numpy>3: run `python -m pip install "numpy>3"`'],
        ),
        (
            files_of_another_version,
            dict(mmengine='broken'),
            ['mmengine 0.10.7 is broken (its files are those of version 0.10.3): run `python -m pip install --force'],
        ),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_what_is_wrong(site, change, expected, said):
    change(site)
    report = site.look()
    found = problems(report)
    assert len(found) == 1, found
    for part in said:
        assert part in found[0]
    assert states(report) | expected == states(report)


def test_one_kind_of_model_is_enough(site):
    site.uninstall('mmsegmentation', 'mmseg')
    report = site.look()
    assert problems(report) == []
    advice = [item['problem'] for item in report['to_do'] if not item['needed']]
    assert advice == ['models of mmseg cannot be used, because it is not installed']


GPUS = """
from contextlib import nullcontext
def mem_get_info(free=[2 << 30]):
    return free.pop(), 80 << 30  # that of the second fails
version = Part(cuda='12.8', hip=None)
backends.cudnn = Part(version=lambda: 91002)
h100 = Part(name='H100', total_memory=80 << 30, major=9, minor=0)
rtx_5090 = Part(name='5090', total_memory=32 << 30, major=12, minor=0)
cuda = Part(is_available=lambda: True, device_count=lambda: 2, get_device_properties=[h100, rtx_5090].__getitem__,
            get_arch_list=lambda: ['sm_80', 'sm_90'], device=nullcontext, mem_get_info=mem_get_info)
"""


def test_gpus(site):
    site.install('torch', '2.13.0', 'torch', TORCH + GPUS)
    report = site.look()
    torch = report['torch']
    assert (torch['build'], torch['cuda'], torch['cudnn']) == ('CUDA', '12.8', '9.10.2')
    first, second = torch['gpus']
    assert first == dict(
        device='cuda:0',
        name='H100',
        memory=80 << 30,
        free=2 << 30,
        compute_capability='9.0',
        bfloat16=True,
        supported=True,
        fault=None,
    )
    assert (second['supported'], second['free'], second['fault']) == (False, None, 'pop from empty list')
    advice = [item['problem'] for item in report['to_do'] if not item['needed']]
    assert 'PyTorch 2.13.0 has no code for 5090 (compute capability 12.0)' in advice
    assert 'cuda:1 cannot be used (pop from empty list)' in advice
    assert '\n  cuda:0        H100, 80.0 GiB (2.0 GiB free), compute capability 9.0, bfloat16\n' in site.text()


def test_a_driver_that_is_too_old(site):
    old = """
def is_available():
    import warnings
    warnings.warn('CUDA initialization: The NVIDIA driver on your system is too old')
version = Part(cuda='12.8', hip=None)
backends.cudnn = Part(version=lambda: 91002)
cuda = Part(is_available=is_available)
"""
    site.install('torch', '2.13.0', 'torch', TORCH + old)
    report = site.look()
    assert problems(report) == []
    advice = [item['problem'] for item in report['to_do'] if not item['needed']]
    assert advice == [
        'PyTorch 2.13.0, built for CUDA 12.8, cannot use the GPU (CUDA initialization: The NVIDIA driver on your '
        'system is too old)'
    ]


def test_an_import_that_never_ends(tmp_path, monkeypatch):
    (tmp_path / 'endless.py').write_text('import time\nprint("noise")\ntime.sleep(60)')
    (tmp_path / 'needs_it.py').write_text('import endless')
    monkeypatch.setattr(sys, 'path', [str(tmp_path), *sys.path])
    found = try_libraries(['json', 'endless', 'needs_it'], timeout=2)
    assert found['json'] == {'version': '2.0.9'}
    assert found['endless']['error']['message'] == 'it did not end within 2 s'
    assert found['needs_it']['error']['missing'] == 'endless'


def test_python_cannot_be_started(monkeypatch):
    monkeypatch.setattr(sys, 'executable', '/nowhere/python')
    assert 'Python cannot be started' in try_libraries(['json'])['json']['error']['message']


def test_keys_stay(site):
    """Scripts read them."""
    report = site.look()
    assert list(report) == [
        'ok', 'mmbackbones', 'python', 'cpu', 'memory', 'folders', 'torch', 'stack', 'libraries', 'to_do'
    ]  # fmt: skip
    assert list(report['mmbackbones']) == ['version', 'path', 'installed', 'error']
    assert list(report['python']) == ['version', 'executable', 'requires', 'platform']
    assert list(report['cpu']) == ['name', 'cores', 'usable_cores', 'instructions', 'bfloat16']
    assert list(report['memory']) == ['total', 'limit', 'available', 'shared_total', 'shared_free', 'kept']
    assert list(report['folders']['current']) == ['path', 'free', 'writable']
    assert list(report['stack']) == ['name', 'problem', 'parts', 'operators', 'operators_mean', 'operators_faster']
    assert list(report['libraries'][0]) == ['name', 'module', 'version', 'requires', 'needed_by', 'status', 'error']
    assert list(report['to_do'][0]) == ['problem', 'remedy', 'needed']


def test_two_opencvs(site):
    site.install('opencv-python-headless', '4.9')
    advice = [item for item in site.look()['to_do'] if not item['needed']]
    assert [item['problem'] for item in advice] == [
        'opencv-python 5.0, opencv-python-headless 4.9: their files overwrite each other'
    ]


def test_onedl(site):
    for name, module in {
        'mmengine': 'mmengine',
        'mmcv-lite': 'mmcv',
        'mmdet': 'mmdet',
        'mmsegmentation': 'mmseg',
    }.items():
        site.uninstall(name, module)
    site.install('onedl-mmengine', '0.10.12', 'mmengine', requires='opencv-python>=3')
    site.install('onedl-mmcv', '2.3.6', 'mmcv')
    site.install('onedl-mmdetection', '3.5.1', 'mmdet')
    site.install('onedl-mmsegmentation', '1.4.2', 'mmseg', requires='numpy>2')
    report = site.look()
    assert problems(report) == []
    assert report['stack']['name'] == 'onedl'
    assert report['stack']['parts']['mmcv']['name'] == 'onedl-mmcv'


def test_what_exporting_needs(site):
    """It is an extra: only worth doing."""
    site.uninstall('openvino')
    report = site.look()
    advice = [(item['problem'], item['remedy']) for item in report['to_do'] if not item['needed']]
    ((problem, remedy),) = advice
    assert problem == 'exporting models, and using exported files, needs what is not installed: openvino'
    assert remedy.endswith('pip install openvino`')
    assert problems(report) == []
