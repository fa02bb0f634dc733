"""What comes before any test; a data set, and configs of models small enough to train in seconds."""

import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Values that are compared bit by bit, some with those of another process, depend on the number of threads; and two
# processes test at once.
os.environ['OMP_NUM_THREADS'] = '1'

import torch

torch.set_num_threads(1)  # where PyTorch was imported before
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have what they start in the background ignore it

import mmbackbones  # noqa: E402, F401 (with mmcv-lite, mmdet and mmseg can only be imported after it)
from mmbackbones.cli import main  # noqa: E402
from mmbackbones.datasets.shapes import generate_shapes  # noqa: E402
from tests.helpers.browser import browser  # noqa: E402, F401 (a fixture)
from tests.helpers.formatting import replace_formatting  # noqa: E402
from tests.helpers.tiny_configs import BACKBONE, write_config  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with slow tests come first, so that no process is left with one of them when the others are done."""
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope='session', autouse=True)
def quick_runs() -> Iterator[None]:
    """Leaves out what takes seconds of runs: laying out the text of configs, drawing curves, and looking for compilers.

    And lets the garbage collector, which each opened data set calls, pass over the libraries' own objects.
    """
    gc.freeze()
    with pytest.MonkeyPatch.context() as patch:
        replace_formatting(patch, lambda text, **_: (text, True))
        patch.setattr('mmengine.runner.runner.collect_env', dict)
        patch.setattr('mmbackbones.engine.results_hook.save_curves', lambda rows, path: path.touch())
        # As on CPUs with instructions for bfloat16; the others compute in it, too, slowly.
        patch.setattr('mmbackbones.engine.amp.cpu_has_bfloat16', lambda: True)
        yield


@pytest.fixture(scope='session')
def shapes(tmp_path_factory) -> Path:
    return generate_shapes(tmp_path_factory.mktemp('data') / 'shapes', num_train=8, num_val=4, size=64)


@pytest.fixture(scope='session')
def tiny_config(tmp_path_factory) -> str:
    """A config file of a RetinaNet with a very small VAN."""
    return write_config(
        tmp_path_factory.mktemp('config'),
        'tiny',
        'retinanet_van_t_demo',
        f"""
    backbone={BACKBONE.format(stages=(1, 2, 3))},
    neck=dict(in_channels=[8, 16, 16], out_channels=16),
    bbox_head=dict(in_channels=16, feat_channels=16, stacked_convs=1)""",
    )


@pytest.fixture(scope='session')
def tiny_mask_config(tmp_path_factory) -> str:
    """The same of a Mask R-CNN."""
    return write_config(
        tmp_path_factory.mktemp('config'),
        'tiny_mask',
        'mask_rcnn_van_t_demo',
        f"""
    backbone={BACKBONE.format(stages=(1, 2, 3))},
    neck=dict(in_channels=[8, 16, 16], out_channels=16),
    rpn_head=dict(in_channels=16, feat_channels=16),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=16), bbox_head=dict(in_channels=16, fc_out_channels=16),
        mask_roi_extractor=dict(out_channels=16), mask_head=dict(in_channels=16, conv_out_channels=8, num_convs=1))""",
    )


@pytest.fixture(scope='session')
def tiny_seg_config(tmp_path_factory) -> str:
    """The same of an UperNet."""
    return write_config(
        tmp_path_factory.mktemp('config'),
        'tiny_seg',
        'upernet_van_t_demo',
        f"""
    backbone={BACKBONE.format(stages=(0, 1, 2, 3))},
    decode_head=dict(in_channels=[8, 8, 16, 16], channels=8),
    auxiliary_head=dict(in_channels=16, channels=8)""",
    )


@pytest.fixture
def cache_home(tmp_path, monkeypatch) -> Path:
    """An empty folder in place of the user's cache."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


@pytest.fixture
def logged(monkeypatch):
    """Collects the messages that a module logs, by the module's name: a list that grows."""

    def collect(module: str) -> list[str]:
        messages: list[str] = []
        monkeypatch.setattr(f'{module}.tell', lambda text, *args, **kwargs: messages.append(text))
        return messages

    return collect


@pytest.fixture
def tool(monkeypatch, capsys):
    """Runs ``mmbackbones VERB ARGUMENTS`` in this process: (exit code, standard output, standard error)."""

    def run_verb(*arguments):
        monkeypatch.setattr(sys, 'argv', ['mmbackbones', *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return run_verb
