"""Environments of fake libraries, looked at by a process that has nothing else but the standard library."""

import json
import os
import subprocess
import sys
from pathlib import Path

import packaging

from tests.helpers.tiny_configs import ROOT

# For Python 3.10, which cannot read pyproject.toml.
REQUIRES = """torch>=2.1
pycocotools!=2.0.9,!=2.0.10
numpy
setuptools<81; extra == "openmmlab\""""

# Enough of PyTorch for the report.
TORCH = """
from types import SimpleNamespace as Part
version = Part(cuda=None, hip=None)
backends = Part(cpu=Part(get_cpu_capability=lambda: 'AVX2'), mps=Part(is_built=lambda: 0, is_available=lambda: 0))
cuda = Part(is_available=lambda: False, device_count=lambda: 0)
cpu = Part()
get_num_threads = lambda: 1
"""


class FakeEnvironment:
    """A folder of fake distributions. At first it holds what we require, with open-mmlab's libraries."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / 'packaging').symlink_to(Path(packaging.__file__).parent)
        core = 'pillow', 'pyyaml', 'matplotlib', 'rich', 'safetensors', 'supervision', 'jinja2', 'imagehash'
        for name in *core, 'ftfy', 'regex':
            self.install(name, '9.0')
        for name in 'onnx', 'onnxruntime', 'openvino':
            self.install(name, '9.0')
        self.install('setuptools', '80.0')
        self.install('mmbackbones', '0.1.0', requires=REQUIRES)
        self.install('pip', '26.0', 'pip')
        self.install('numpy', '2.4.0', 'numpy')
        self.install('opencv-python', '5.0', 'cv2')
        self.install('pycocotools', '2.0.11', 'pycocotools')
        (folder / 'pycocotools' / 'mask.py').touch()
        self.install('torch', '2.13.0', 'torch', TORCH)
        self.install('mmengine', '0.10.7', 'mmengine', requires='opencv-python>=3')
        self.install('mmcv-lite', '2.1.0', 'mmcv')
        self.install('mmdet', '3.3.0', 'mmdet')
        self.install('mmsegmentation', '1.2.2', 'mmseg')

    def install(self, name: str, version: str, module: str = '', code: str = '', requires: str = '') -> None:
        """Write a distribution's metadata and its module, in place of what is there."""
        self.uninstall(name)
        metadata = self.folder / f'{name.replace("-", "_")}-{version}.dist-info' / 'METADATA'
        metadata.parent.mkdir()
        lines = ['Metadata-Version: 2.1', f'Name: {name}', f'Version: {version}']
        metadata.write_text('\n'.join([*lines, *(f'Requires-Dist: {one}' for one in requires.splitlines()), '']))
        if module:
            (self.folder / module).mkdir(exist_ok=True)
            (self.folder / module / '__init__.py').write_text(f'__version__ = {version!r}\n{code}\n')

    def uninstall(self, name: str, module: str = '') -> None:
        """Remove a distribution's metadata, and its module."""
        for metadata in self.folder.glob(f'{name.replace("-", "_")}-*.dist-info/METADATA'):
            metadata.unlink()
            metadata.parent.rmdir()
        if module:
            (self.folder / module / '__init__.py').unlink()
            (self.folder / module).rmdir()

    def look(self) -> dict:
        """What `mmbackbones env --json` says in it."""
        done = run_env('--json', path=self.folder)
        assert done.stderr == ''
        report = json.loads(done.stdout)
        assert done.returncode == (0 if report['ok'] else 1)
        return report

    def text(self) -> str:
        """What `mmbackbones env` prints in it."""
        return run_env(path=self.folder).stdout


def run_env(*options: str, path: Path | None = None) -> subprocess.CompletedProcess:
    """Run `mmbackbones env` with nothing but the standard library, this package, and what is in `path`."""
    folders = [str(folder) for folder in (path, ROOT) if folder]
    return subprocess.run(
        [sys.executable, '-S', '-m', 'mmbackbones', 'env', *options],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(folders)},
        check=False,
    )
