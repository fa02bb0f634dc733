"""The benchmark for GPUs, at a tiny size on a CPU; what it measures there means nothing."""

import csv

import pytest
import torch

from mmbackbones.benchmarks import gpu
from mmbackbones.benchmarks.gpu.networks import build, computing
from mmbackbones.errors import UserError

pytestmark = pytest.mark.slow

QUICK = dict(warmup=0, least=1, most=1)


@pytest.fixture
def table(tmp_path):
    return gpu.Table('cpu', tmp_path)


@pytest.mark.parametrize('detector', ['retinanet', 'mask_rcnn', 'upernet'])
@pytest.mark.parametrize('backbone', ['van_s', 'resnet50', 'swin_t'])
def test_networks(table, detector, backbone, monkeypatch):
    monkeypatch.setattr(gpu, 'TASKS', (('inference', 1), ('training', 2)))
    gpu.measure_networks(table, [backbone], [(detector, (64, 96))], ['float32'], **QUICK)
    rows = list(csv.DictReader(table.path.open()))
    assert [(row['network'], row['task'], row['batch']) for row in rows] == [
        (detector, 'inference', '1'),
        (detector, 'training', '2'),
    ]
    assert all(float(row['median_ms']) > 0 for row in rows)


@pytest.mark.parametrize(
    ('layout', 'name', 'channels_last'),
    [('default', 'default', True), ('other', 'contiguous', False), ('as computed', 'as computed', True)],
)
def test_layouts_are_those_that_the_backbone_computes_in(layout, name, channels_last):
    backbone, seen = build('retinanet', 'van_s').backbone, []
    backbone.stem.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    with computing(backbone, layout) as said:
        outs = backbone(torch.randn(1, 3, 64, 64))
    assert said == name
    assert seen[0].is_contiguous(memory_format=torch.channels_last) == channels_last
    assert outs[0].is_contiguous() == (layout != 'as computed')
    assert backbone(torch.randn(1, 3, 64, 64))[0].is_contiguous()


def test_other_parts(table):
    gpu.measure_layer_scale(table, [], **QUICK)
    gpu.measure_local_attention(table, [(4, 9, 10)], batch=1, **QUICK)
    gpu.measure_new_sizes(table, ['resnet50'], [(64, 64), (64, 96)])
    assert [row['form'] for row in table.rows[:3]] == ['reference', 'tiled', 'blocked']
    assert len(table.rows) == 6 + 4


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU here')
def test_without_a_gpu_it_says_so():
    with pytest.raises(UserError, match='needs a CUDA GPU'):
        gpu.run()
