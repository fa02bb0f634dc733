"""A data set, and models small enough to train in seconds."""
import importlib.util
import sys
from pathlib import Path

import pytest

from mmbackbones.data.shapes import generate_shapes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='session')
def shapes(tmp_path_factory) -> Path:
    return generate_shapes(tmp_path_factory.mktemp('data') / 'shapes', num_train=8, num_val=4, size=64)


BACKBONE = """dict(_delete_=True, type='VAN', out_indices={stages}, drop_path_rate=0.2,
                  arch=dict(embed_dims=(8, 8, 16, 16), depths=(1, 1, 1, 1), mlp_ratios=(2, 2, 2, 2)))"""
LOADERS = """
train_dataloader = dict(batch_size=2, num_workers=1)
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
test_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
custom_hooks = []
"""


def write_config(folder: Path, name: str, demo: str, model: str) -> str:
    path = folder / f'{name}.py'
    path.write_text(f"_base_ = {str(ROOT / 'configs' / f'{demo}.py')!r}\nmodel = dict({model})\n{LOADERS}")
    return str(path)


@pytest.fixture(scope='session')
def tiny_config(tmp_path_factory) -> str:
    """A config file of a RetinaNet with a very small VAN."""
    return write_config(tmp_path_factory.mktemp('config'), 'tiny', 'retinanet_van_t_demo', f"""
    backbone={BACKBONE.format(stages=(1, 2, 3))},
    neck=dict(in_channels=[8, 16, 16], out_channels=16),
    bbox_head=dict(in_channels=16, feat_channels=16, stacked_convs=1)""")


@pytest.fixture(scope='session')
def tiny_mask_config(tmp_path_factory) -> str:
    """The same of a Mask R-CNN."""
    return write_config(tmp_path_factory.mktemp('config'), 'tiny_mask', 'mask_rcnn_van_t_demo', f"""
    backbone={BACKBONE.format(stages=(1, 2, 3))},
    neck=dict(in_channels=[8, 16, 16], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16), bbox_head=dict(in_channels=16, fc_out_channels=16),
        mask_roi_extractor=dict(out_channels=16), mask_head=dict(in_channels=16, conv_out_channels=8, num_convs=1))""")


@pytest.fixture(scope='session')
def tiny_seg_config(tmp_path_factory) -> str:
    """The same of an UperNet."""
    return write_config(tmp_path_factory.mktemp('config'), 'tiny_seg', 'upernet_van_t_demo', f"""
    backbone={BACKBONE.format(stages=(0, 1, 2, 3))},
    decode_head=dict(in_channels=[8, 8, 16, 16], channels=8),
    auxiliary_head=dict(in_channels=16, channels=8)""")


@pytest.fixture
def tool(monkeypatch, capsys):
    """Runs ``tools/NAME.py ARGUMENTS`` in this process: (exit code, standard output, standard error)."""

    def run_tool(name, *arguments):
        spec = importlib.util.spec_from_file_location('tool', ROOT / 'tools' / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', [f'{name}.py', *map(str, arguments)])
        try:
            module.run(module.main)
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return run_tool
