import shutil
from pathlib import Path

from setuptools import find_packages, setup
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


def version() -> str:
    text = (ROOT / 'mmbackbones' / '__init__.py').read_text(encoding='utf-8')
    return text.split("__version__ = '")[1].split("'")[0]


setup(
    name='mmbackbones',
    version=version(),
    description='VAN, TransCNN / HAT-Net, stand-alone self-attention and Dual-ViT backbones for MMDetection and '
    'MMSegmentation',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10,<3.14',
    packages=find_packages(include=['mmbackbones', 'mmbackbones.*']),
    install_requires=[
        'torch>=2.1',
        'mmengine>=0.10.4,<1',
        'mmdet>=3.3,<4',
        'mmsegmentation>=1.2.2,<2',
        'pycocotools!=2.0.9,!=2.0.10',  # these two cannot evaluate annotation files without an "info" entry
        'numpy',
        'opencv-python',
        'pillow',
        'pyyaml',
        'matplotlib',
        'rich',
        'safetensors>=0.4',
        'ftfy',  # mmsegmentation imports these two without asking for them
        'regex',
        'setuptools<81',  # mmengine imports pkg_resources
    ],
    extras_require={
        # mmcv is left to the user: mmcv-lite here, or a compiled mmcv, which is used wherever it is found. The two
        # share one import name, so neither may be installed over the other.
        'lite': ['mmcv-lite>=2.1,<2.2'],
        'dev': ['pytest', 'pytest-xdist', 'ruff', 'onnx', 'onnxruntime', 'onnxscript'],
    },
    cmdclass={'build_py': BuildWithConfigs},
    zip_safe=False,
)
