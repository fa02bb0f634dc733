"""The benchmark for GPUs, at a tiny size on a CPU; what it measures there means nothing."""

import csv

import pytest
import torch
from mmcv.cnn.bricks.scale import LayerScale

from mmbackbones.benchmarks import gpu
from mmbackbones.benchmarks.gpu.networks import (
    build,
    compiled,
    computing,
    layer_scale_in_half_precision,
    prediction,
    training_step,
)
from mmbackbones.benchmarks.gpu.operators import local_attention_step
from mmbackbones.benchmarks.machine import machine
from mmbackbones.benchmarks.timing import Timing, measure
from mmbackbones.errors import UserError

pytestmark = pytest.mark.slow

QUICK = dict(warmup=0, least=1, most=1)


@pytest.fixture
def table(tmp_path):
    return gpu.Table('cpu', tmp_path)


@pytest.mark.parametrize(('detector', 'backbone'), [('retinanet', 'van_s'), ('mask_rcnn', 'swin_t')])
def test_networks(table, detector, backbone, monkeypatch):
    monkeypatch.setattr(gpu, 'TASKS', (('inference', 1), ('training', 2)))
    gpu.measure_networks(table, [backbone], [(detector, (64, 96))], ['float32'], **QUICK)
    rows = list(csv.DictReader(table.path.open()))
    assert [(row['network'], row['task'], row['batch']) for row in rows] == [
        (detector, 'inference', '1'),
        (detector, 'training', '2'),
    ]
    for row in rows:
        low, median, high = (float(row[column]) for column in ('p10_ms', 'median_ms', 'p90_ms'))
        assert 1 < low == median == high  # of a single repetition; no network takes a millisecond only
        assert float(row['images_per_second']) == pytest.approx(1000 * int(row['batch']) / median, abs=0.1, rel=2e-3)


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
    gpu.measure_new_sizes(table, ['resnet50'], [(32, 32), (32, 64)])
    assert [row['form'] for row in table.rows[:3]] == ['reference', 'tiled', 'blocked']
    assert len(table.rows) == 6 + 4


def test_a_row_says_where_it_was_measured(tmp_path):
    found = machine('cpu')
    assert (found['pytorch'], found['cuda'], found['cudnn']) == (torch.__version__, '', '')
    table = gpu.Table('cpu', tmp_path / 'new')
    table.add(Timing((2.0, 4.0, 6.0), 3 * 10**9), network='n', batch=2)
    table.add(None, network='too large', batch=8)
    first, second = csv.DictReader(table.path.open())
    columns = ('median_ms', 'p10_ms', 'p90_ms', 'images_per_second', 'peak_gb')
    assert [first[column] for column in columns] == ['4.00', '2.00', '6.00', '500.0', '3.000']
    assert [second[column] for column in columns] == [''] * 5
    assert all(row[key] == value for row in (first, second) for key, value in found.items())


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU here')
def test_without_a_gpu_it_says_so():
    with pytest.raises(UserError, match='needs a CUDA GPU'):
        gpu.run()


def test_a_timing_sums_up_its_repetitions():
    timing = Timing(tuple(float(value) for value in (20, *range(1, 20))), 0)
    assert timing.median == 10.5
    assert timing.spread == (3.0, 18.0)
    assert Timing((5.0,), 0).spread == (5.0, 5.0)


@pytest.mark.parametrize(('seconds', 'count'), [(0.0, 2 + 3), (60.0, 2 + 4)])
def test_repetitions(seconds, count):
    calls = []
    timing = measure(lambda: calls.append(1), 'cpu', warmup=2, least=3, most=4, seconds=seconds)
    assert len(calls) == count
    assert len(timing.milliseconds) == count - 2
    assert timing.peak_bytes == 0


def test_what_does_not_fit_the_memory_has_no_timing():
    def too_large():
        raise torch.OutOfMemoryError

    assert gpu.time_or_none(too_large, 'cpu') is None
    assert gpu.time_or_none(lambda: too_large, 'cpu') is None
    assert len(gpu.time_or_none(lambda: lambda: None, 'cpu', **QUICK).milliseconds) == 1
    with pytest.raises(ZeroDivisionError):  # no other error is taken for a lack of memory
        gpu.time_or_none(lambda: 1 // 0, 'cpu')


@pytest.mark.parametrize(
    ('measure_part', 'columns'),
    [
        (gpu.measure_compiled, [('compiled', 'default', 'inference'), ('compiled', 'default', 'training')]),
        (gpu.measure_fused, [('fused', 'default', 'inference')]),
        (
            gpu.measure_layouts,
            [('eager', layout, task) for layout in ('contiguous', 'as computed') for task in ('inference', 'training')],
        ),
    ],
)
def test_rows_of_a_part(measure_part, columns, table, monkeypatch):
    steps = []
    monkeypatch.setattr(gpu, 'time_or_none', lambda make_step, device, **options: steps.append(make_step))
    measure_part(table, ['van_s'], (64, 64), ['float32'], **QUICK)
    assert [(row['form'], row['layout'], row['task']) for row in table.rows] == columns
    assert len(steps) == len(columns)


def test_a_compiled_backbone_is_the_one_that_is_measured():
    """Compiled as ``train --compile`` does it; afterwards it is as it was."""
    model = build('retinanet', 'van_s')

    def parts() -> list:
        return [module for module in model.modules() if module._compiled_call_impl is not None]

    with compiled(model):
        assert parts() == list(model.backbone.compiled_parts())
    assert parts() == []


def test_what_cannot_be_compiled_has_no_timing(table, capsys):
    def broken(graph, inputs):
        raise ValueError('no translation of this graph')

    torch.compiler.reset()
    function = torch.compile(lambda x: x + 1, backend=broken)
    assert gpu.time_or_none(lambda: lambda: function(torch.ones(2)), 'cpu', **QUICK) is None
    assert 'PyTorch cannot compile this: ' in capsys.readouterr().out


def test_the_inference_form_and_bfloat16_are_measured(table, monkeypatch):
    """Where autocast is asked for, and which network predicts."""
    seen = []

    def step(model, device, batch, height, width, precision):
        seen.append((model.backbone.fused, precision, batch))
        return lambda: None

    monkeypatch.setattr(gpu, 'STEPS', dict(inference=step, training=step))
    gpu.measure_fused(table, ['van_s'], (64, 64), **QUICK)
    gpu.measure_bfloat16(table, ['van_s'], (64, 64), **QUICK)
    assert seen == [(True, 'float32', 1), (True, 'float16', 1), (False, 'bfloat16', 1), (False, 'bfloat16', 2)]


@pytest.mark.parametrize('make_step', [prediction, training_step])
def test_steps_in_bfloat16(make_step):
    model, seen = build('retinanet', 'van_s'), []
    model.backbone.stem.proj.register_forward_hook(lambda module, args, out: seen.append(out.dtype))
    for precision in ('float32', 'bfloat16'):
        make_step(model, 'cpu', 1, 64, 64, precision)()
    assert seen == [torch.float32, torch.bfloat16]


def test_layer_scale_in_half_precision():
    x = torch.ones(1, 2, 3, 3, dtype=torch.float16)
    layer = LayerScale(2, data_format='channels_first', scale=0.5)
    assert layer(x).dtype == torch.float32
    with layer_scale_in_half_precision():
        out = layer(x)
        last = LayerScale(3, scale=0.5)(x)
    assert out.dtype == last.dtype == torch.float16
    assert torch.equal(out, x / 2)
    assert torch.equal(last, x / 2)
    assert layer(x).dtype == torch.float32


def test_a_step_of_local_attention_is_forward_and_backward(monkeypatch):
    grads, grad = [], torch.autograd.grad
    monkeypatch.setattr(torch.autograd, 'grad', lambda *args: grads.append(grad(*args)))
    for impl in gpu.IMPLEMENTATIONS:
        local_attention_step(impl, 'cpu', torch.float32, 1, 4, 9, 10)()
    assert [tuple(x.shape) for x in grads[0]] == [(1, 8, 4, 9, 10)] * 3 + [(8, 2, 7)] * 2
    assert len(grads) == len(gpu.IMPLEMENTATIONS)
    for other in grads[1:]:
        torch.testing.assert_close(other, grads[0])
