"""``--batch-size auto`` on a GPU: the memory that it finds is that of the run, and enough for it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmbackbones.datasets.shapes import generate_shapes
from mmbackbones.engine.trials.gpu_memory import available_on_gpu, measure_on_gpu
from mmbackbones.evaluation.results_table import read_results_csv

pytestmark = pytest.mark.gpu

ROOT = Path(__file__).parents[2]
MIB = 2**20


@pytest.fixture(autouse=True)
def needs_gpu(device):
    if device == 'cpu':
        pytest.skip('the memory of a GPU')


def test_peak_of_the_allocator():
    before = available_on_gpu()
    assert measure_on_gpu(lambda: torch.ones(64 * MIB, device='cuda')) == 256 * MIB
    assert measure_on_gpu(lambda: torch.ones(before, device='cuda')) is None
    assert measure_on_gpu(lambda: torch.ones(MIB, device='cuda') + 1) == 8 * MIB
    assert abs(available_on_gpu() - before) < 64 * MIB  # contexts of libraries stay


@pytest.mark.parametrize('amp', [False, True], ids=['float32', 'amp'])
@pytest.mark.parametrize('name', ['retinanet_van_t', 'mask_rcnn_van_t', 'upernet_van_t'])
def test_a_hundred_iterations_fit(name, amp, tmp_path):
    """Of what is left of the GPU beside another program, which leaves 12 GiB, at least 85 % is used."""
    data = generate_shapes(tmp_path / 'shapes', num_train=1000, num_val=4, size=512)
    others = torch.empty(max(0, torch.cuda.mem_get_info()[0] - 12 * 2**30), dtype=torch.uint8, device='cuda')
    command = [
        *(sys.executable, str(ROOT / 'tools/train.py'), str(ROOT / f'configs/{name}.py'), '--from-scratch'),
        *('--data', str(data), '--batch-size', 'auto', '--iters', '100', '--work-dir', str(tmp_path / 'run')),
        *(['--amp'] if amp else []),
        *('--img-scale', '512', '512', '--cfg-options', 'train_dataloader.num_workers=8'),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=1500)
    del others
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    found = re.search(r'take up to ([\d.]+) GiB of the ([\d.]+) GiB that are available \((\d+)%\)', done.stdout)
    assert found, done.stdout[-2000:]
    assert 85 <= int(found[3]) <= 90
    used = max(row['memory_mb'] for row in read_results_csv(tmp_path / 'run' / 'results.csv'))
    assert 0.9 < used / (1024 * float(found[1])) < 1.02
