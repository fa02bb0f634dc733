"""What pyproject.toml cannot say: the configs, which lie beside the package, belong into the wheel."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildWithConfigs(build_py):
    """Puts configs/ and model-index.yml into the wheel, in mmbackbones/.mim, where OpenMMLab's tools look for them."""

    def run(self):
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / 'mmbackbones' / '.mim'
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / 'configs', target / 'configs', ignore=shutil.ignore_patterns('__pycache__'))
            shutil.copy(ROOT / 'model-index.yml', target)


setup(cmdclass={'build_py': BuildWithConfigs})
