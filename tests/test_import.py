"""What `import mmbackbones` does and does not do."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

CHECKS = {
    'imports_nothing_heavy': """
import sys, mmbackbones
assert not {'mmdet', 'mmseg', 'supervision', 'matplotlib', 'onnx', 'onnxruntime', 'openvino'} & set(sys.modules)
assert not {'jinja2', 'imagehash', 'gradio'} & set(sys.modules)
""",
    'a_help_does_not_wait_for_pytorch': """
import sys
from contextlib import suppress
sys.argv = ['mmbackbones', 'train', '--help']
from mmbackbones.cli import main
with suppress(SystemExit):
    main()
assert 'mmbackbones.cli.train' in sys.modules and 'torch' not in sys.modules
""",
    'apis_load_mmdet_on_first_use': """
import sys, mmbackbones.apis, mmbackbones.cli, mmbackbones.apis.classify
assert not {'mmdet', 'mmseg'} & set(sys.modules)
from mmbackbones.apis import check_data, load, test, train
assert 'mmdet' in sys.modules and all(map(callable, (check_data, load, test, train)))
""",
    'functions_of_apis_go_before_modules_of_the_same_name': """
import sys, mmbackbones.apis.train, mmbackbones.apis.test
assert mmbackbones.apis.train is sys.modules['mmbackbones.apis.train'].train
assert mmbackbones.apis.test is sys.modules['mmbackbones.apis.test'].test
assert not hasattr(mmbackbones.apis, 'nothing')
""",
    'registers_in_the_root_registry': """
import mmbackbones
from mmengine.registry import MODELS
assert 'VAN' in MODELS.module_dict and 'LKA' in MODELS.module_dict
from mmdet.registry import MODELS as DETECTION
from mmseg.registry import MODELS as SEGMENTATION
for registry in (DETECTION, SEGMENTATION):
    assert type(registry.build(dict(type='VAN', arch='b0'))).__name__ == 'VAN'
""",
    'networks_and_weights_work_without_mmdet_and_mmseg': """
import importlib, pkgutil, sys
import torch, mmbackbones
assert not {'mmdet', 'mmseg'} & set(sys.modules)
sys.modules['mmdet'] = sys.modules['mmseg'] = None  # whoever imports them, by whatever way, fails
from mmengine.registry import MODELS
rooms = ('backbones', 'heads', 'layers', 'ops', 'weights', 'utils')
modules = pkgutil.walk_packages(mmbackbones.__path__, 'mmbackbones.')
loaded = [importlib.import_module(m.name) for m in modules if m.name.split('.')[1] in rooms]
assert len(loaded) > 50
network = MODELS.build(dict(type='VAN', arch='b0'))
network.init_weights()
assert len(network(torch.rand(2, 3, 32, 32))) == 4
""",
    'mmdet_and_mmseg_import_after_it': """
import mmbackbones, mmdet.models, mmseg.models, mmcv.ops
from mmengine.utils.dl_utils import collect_env
""",
}


@pytest.mark.parametrize('name', CHECKS)
def test_import(name):
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', CHECKS[name]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
