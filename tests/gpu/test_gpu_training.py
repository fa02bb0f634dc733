"""Training runs and tests on a GPU: the commands themselves, on generated images."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.structures import InstanceData, PixelData
from mmseg.structures import SegDataSample

from mmbackbones.datasets.shapes import generate_shapes
from mmbackbones.engine.amp import cpu_has_bfloat16
from mmbackbones.engine.bfloat16_training import Bfloat16OptimWrapper
from mmbackbones.engine.inference_form import inference_form
from mmbackbones.weights import load_from_file
from tests.helpers.narrow_models import CLASSES, build_narrow
from tests.helpers.small_backbones import registered

pytestmark = pytest.mark.gpu

ROOT = Path(__file__).parents[2]
SETTINGS = ['train_dataloader.num_workers=1', 'default_hooks.logger.interval=1']


@pytest.fixture(scope='module')
def shapes(tmp_path_factory) -> str:
    return str(generate_shapes(tmp_path_factory.mktemp('data') / 'shapes', num_train=16, num_val=4, size=64))


@pytest.fixture
def command(device, shapes, tmp_path):
    """Runs ``tools/NAME.py ARGUMENTS`` in a process of its own on the generated images, in `tmp_path`."""

    def run(name: str, *arguments, launcher=(), code: int = 0) -> str:
        env = {
            **os.environ,
            'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]),
        }
        if device == 'cpu':
            env['CUDA_VISIBLE_DEVICES'] = ''
        done = subprocess.run(
            [
                sys.executable,
                *launcher,
                str(ROOT / 'tools' / f'{name}.py'),
                *map(str, arguments),
                '--data',
                shapes,
                '--img-scale',
                '64',
                '64',
            ],
            capture_output=True,
            text=True,
            check=False,
            env=env,
            cwd=tmp_path,
            timeout=400,
        )
        assert done.returncode == code, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout + done.stderr

    return run


def config(name: str) -> str:
    return str(ROOT / 'configs' / f'{name}.py')


DEMOS = ('retinanet_van_t_demo', 'mask_rcnn_van_t_demo', 'upernet_van_t_demo')


def skip_without_half_precision(device: str, amp: bool) -> None:
    if amp and device == 'cpu' and not cpu_has_bfloat16():
        pytest.skip('--amp needs a GPU, or a CPU with instructions for bfloat16')


def losses(work_dir: Path) -> list[float]:
    lines = [
        json.loads(line)
        for file in sorted(work_dir.glob('*/vis_data/scalars.json'))
        for line in file.read_text().splitlines()
    ]
    return [line['loss'] for line in lines if 'loss' in line]


BFLOAT16 = ['optim_wrapper.type=AmpOptimWrapper', 'optim_wrapper.dtype=bfloat16']


@pytest.mark.parametrize(
    ('name', 'options', 'settings'),
    [
        *((name, [], []) for name in DEMOS),
        *((name, ['--amp'], []) for name in DEMOS),
        ('retinanet_van_t_demo', [], BFLOAT16),
        ('retinanet_van_t_demo', ['--compile'], []),
        ('mask_rcnn_van_t_demo', ['--amp', '--compile'], []),
    ],
    ids=str,
)
def test_train_and_test(command, device, tmp_path, name, options, settings):
    skip_without_half_precision(device, '--amp' in options)
    if device == 'cpu' and '--compile' in options:
        pytest.skip('PyTorch generates other code for CPUs, which has tests of its own')
    half = ['--amp'] if '--amp' in options else []
    command(
        'train',
        config(name),
        '--epochs',
        '2',
        '--batch-size',
        '4',
        '--work-dir',
        tmp_path / 'run',
        *options,
        '--cfg-options',
        *SETTINGS,
        *settings,
    )
    assert len(losses(tmp_path / 'run')) == 8
    assert all(loss == loss and loss < 1e4 for loss in losses(tmp_path / 'run'))
    checkpoint = load_from_file(tmp_path / 'run' / 'epoch_2.pth')
    assert ('loss_scaler' in checkpoint['optimizer']) == (device == 'cuda' and bool(half or settings))
    command('test', config(name), tmp_path / 'run' / 'epoch_2.pth', '--work-dir', tmp_path / 'test', *half)
    assert json.loads((tmp_path / 'test' / 'metrics.json').read_text())


@pytest.mark.parametrize('amp', [False, True], ids=['float32', 'amp'])
def test_a_killed_run_goes_on(command, device, tmp_path, amp):
    """Bit by bit as if nothing had happened, where the kernels themselves always add in the same order."""
    skip_without_half_precision(device, amp)
    flat = tmp_path / 'tiny.py'
    flat.write_text(f'_base_ = {config("retinanet_van_t_demo")!r}\n')
    killing = tmp_path / 'killing' / 'tiny.py'
    killing.parent.mkdir()
    killing.write_text(
        f"_base_ = {str(flat)!r}\ncustom_imports = dict(imports=['mmbackbones', 'tests.helpers.kill'])\n"
        "custom_hooks = [dict(type='KillHook')]\n"
    )
    options = [
        '--epochs',
        '3',
        '--batch-size',
        '4',
        *(['--amp'] if amp else []),
        '--cfg-options',
        *SETTINGS,
        'randomness.deterministic=True',
    ]
    command('train', flat, '--work-dir', tmp_path / 'whole', *options)
    command('train', killing, '--work-dir', tmp_path / 'killed', *options, code=-signal.SIGKILL)
    command('train', flat, '--work-dir', tmp_path / 'killed', '--resume', *options)
    whole, killed = (load_from_file(tmp_path / run / 'epoch_3.pth') for run in ('whole', 'killed'))
    assert (killed['meta']['epoch'], killed['meta']['iter']) == (3, 12)
    assert killed['optimizer'].get('loss_scaler') == whole['optimizer'].get('loss_scaler')
    different = [key for key, value in whole['state_dict'].items() if not torch.equal(value, killed['state_dict'][key])]
    assert different == []


@pytest.mark.parametrize('name', ['retinanet_van_t_demo', 'upernet_van_t_demo'])
def test_distributed(command, device, tmp_path, name):
    """One process with NCCL and synchronized batch norms, as each of several has them; then a test."""
    torchrun = ['-m', 'torch.distributed.run', '--nproc_per_node', '1', '--master_port', '0', '--standalone']
    amp, sync_bn = (['--amp'], ['sync_bn=torch']) if device == 'cuda' else ([], [])
    said = command(
        'train',
        config(name),
        '--epochs',
        '1',
        '--batch-size',
        '4',
        '--work-dir',
        tmp_path / 'run',
        '--launcher',
        'pytorch',
        *amp,
        '--cfg-options',
        *SETTINGS,
        *sync_bn,
        launcher=torchrun,
    )
    if device == 'cuda':
        assert 'not synchronized' not in said
    assert len(losses(tmp_path / 'run')) == 4
    command(
        'test',
        config(name),
        tmp_path / 'run' / 'epoch_1.pth',
        '--work-dir',
        tmp_path / 'test',
        '--launcher',
        'pytorch',
        launcher=torchrun,
    )
    assert json.loads((tmp_path / 'test' / 'metrics.json').read_text())


HEIGHT, WIDTH = 101, 133


def samples(name: str, device: str):
    meta = dict(
        img_shape=(HEIGHT, WIDTH),
        ori_shape=(HEIGHT, WIDTH),
        pad_shape=(HEIGHT, WIDTH),
        batch_input_shape=(HEIGHT, WIDTH),
        scale_factor=(1.0, 1.0),
    )
    if name.startswith('upernet'):
        labels = [PixelData(data=torch.randint(CLASSES, (1, HEIGHT, WIDTH))) for _ in range(2)]
        return [SegDataSample(metainfo=meta, gt_sem_seg=label).to(device) for label in labels]
    made = []
    for _ in range(2):
        boxes = torch.tensor([[10.0, 20, 60, 80], [50, 5, 120, 70]])
        masks = BitmapMasks(torch.ones(2, HEIGHT, WIDTH).byte().numpy(), HEIGHT, WIDTH)
        made.append(
            DetDataSample(
                metainfo=meta, gt_instances=InstanceData(bboxes=boxes, labels=torch.tensor([0, 2]), masks=masks)
            ).to(device)
        )
    return made


@pytest.mark.parametrize('dtype', ['float32', 'float16', 'bfloat16'])
@pytest.mark.parametrize('backbone', registered())
@pytest.mark.parametrize('name', ['retinanet_van_t', 'mask_rcnn_van_t', 'upernet_van_t'])
def test_every_backbone_learns_and_predicts(device, name, backbone, dtype):
    if device == 'cpu' and dtype == 'float16':
        pytest.skip("MMEngine's mixed precision needs a GPU")
    model = build_narrow(name, backbone)[0].to(device).train()
    images = torch.randn(2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    wrapper = {
        'float32': OptimWrapper,
        'float16': partial(AmpOptimWrapper, loss_scale=512.0),
        'bfloat16': Bfloat16OptimWrapper,
    }[dtype](optimizer=optimizer)
    history = []
    for _ in range(3):
        with wrapper.optim_context(model):
            loss, _ = model.parse_losses(model.loss(images, samples(name, device)))
        wrapper.update_params(loss)
        history.append(float(loss))
    assert all(torch.isfinite(torch.tensor(history)))
    assert all(param.isfinite().all() for param in model.parameters())
    assert history[-1] != history[0]
    with torch.no_grad(), torch.autocast(device, getattr(torch, dtype), enabled=dtype != 'float32'):
        results = inference_form(model.eval()).predict(images, samples(name, device))
    assert len(results) == 2
