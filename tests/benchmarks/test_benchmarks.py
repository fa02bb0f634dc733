"""Every benchmark runs, at a tiny size and in one process; what it measures there means nothing."""

import re
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import torch

from mmbackbones import benchmarks, config_path
from mmbackbones.benchmarks import (
    contiguous_maps,
    detectors,
    dualvit,
    hierarchical_attention,
    label_errors,
    large_data,
    local_attention,
    measure,
    tiles,
)
from tests.helpers.small_backbones import name_small_arch

pytestmark = pytest.mark.slow

# Arguments that make a benchmark tiny, and the rows that it prints then, without heads of tables.
TINY = {
    'contiguous_maps': (dict(rounds=1, side=64), 2),
    'detectors': (dict(configs=('retinanet_van_t_demo',), size=(96, 131)), 1),
    'dualvit': (dict(rounds=1, counted=(64, 96), trained=(64, 64), sizes=((64, 64),)), 7),
    'hierarchical_attention': (dict(sides=(256,), rounds=1), 1),
    'large_data': (dict(images=12, val_images=3), 10),
    'coco_evaluation': (dict(images=3), 2),
    'data_loading': (dict(configs=('retinanet_van_t', 'upernet_van_t'), images=2), 2),
    'label_errors': (dict(train=8, val=4, size=64, epochs=1), 1),
    'exported': (dict(size=(64, 65), rounds=1), 1),  # of a very small model
    'tiles': (dict(train=4, epochs=1, scenes=1, size=(150, 140), objects=4), 2),
    'local_attention': (dict(maps=((4, 8, 9),), squares=(8,), rounds=1), 4),
}
FIGURES = re.compile(r'^(?:\||  ).*\d\.\d.*$|^\| \d+ x \d+ \| \d+ \|$', re.MULTILINE)  # rows with figures


def benchmark(name: str) -> ModuleType:
    return import_module(f'mmbackbones.benchmarks.{name}')


# Packages have their own tests.
MODULES = [name for name in benchmarks.NAMES if not hasattr(benchmark(name), '__path__')]


@pytest.fixture(autouse=True)
def _in_one_process(monkeypatch):
    monkeypatch.setattr(measure, '_in_own_process', measure._sample)
    monkeypatch.setattr(tiles, '_in_own_process', tiles.find)
    monkeypatch.setattr(tiles, 'TILE', (128, 128))
    monkeypatch.setattr(large_data, 'measure', large_data._sample)
    monkeypatch.setenv('XDG_CACHE_HOME', '')  # which large_data sets for the processes that it measures


@pytest.mark.parametrize('name', MODULES)
def test_every_benchmark_runs(name, tiny_config, monkeypatch, capsys):
    assert name in TINY, f'give mmbackbones/benchmarks/{name}.py a tiny size in {Path(__file__).name}'
    arguments, rows = TINY[name]
    name_small_arch(monkeypatch, 'DualViT')
    for module in (large_data, label_errors, tiles):
        monkeypatch.setattr(module, 'CONFIG', tiny_config)
    if name == 'exported':
        arguments = {**arguments, 'configs': (tiny_config,)}
    benchmark(name).run(**arguments)
    out = capsys.readouterr().out
    assert len(FIGURES.findall(out)) == rows, out
    assert not re.search(r'\bnan\b', out)


@pytest.mark.parametrize(
    'make',
    [
        partial(contiguous_maps.make_step, dict(type='VAN', arch='tiny'), 64, True),
        partial(contiguous_maps.make_step, dict(type='VAN', arch='tiny'), 64, False),
        partial(detectors.make_step, str(config_path('retinanet_van_t_demo')), (96, 131), 3),
        partial(dualvit.training_step, (64, 64), True),
        partial(dualvit.training_step, (64, 64), False),
        partial(hierarchical_attention.make_step, hierarchical_attention.LAYERS['full attention'], 32, True),
        partial(hierarchical_attention.make_step, hierarchical_attention.LAYERS['H-MHSA'], 128),
    ],
)
def test_every_training_step_gives_all_parameters_a_gradient(make, monkeypatch):
    modules, register = [], torch.nn.Module.__init__
    monkeypatch.setattr(torch.nn.Module, '__init__', lambda self, *args, **kw: modules.append(self) or register(self))
    step = make()
    monkeypatch.undo()
    monkeypatch.setattr(torch.nn.Module, 'zero_grad', lambda self: None)
    step()
    params = {param for module in modules for param in module.parameters() if param.requires_grad}
    assert params
    assert all(param.grad is not None for param in params)


def test_an_inference_step_needs_no_gradients():
    outs = dualvit.inference_step((64, 64), (8, 8))()
    assert len(outs) == 4
    assert not any(out.requires_grad for out in outs)


def test_multiply_adds_per_pixel(monkeypatch):
    """Fewer semantic tokens cost less, and early stages less than all."""
    name_small_arch(monkeypatch, 'DualViT')
    dual, fixed = (dualvit.multiply_adds_per_pixel((336, 336), grid, (1,)) for grid in (None, (8, 8)))
    assert fixed < dual < dualvit.multiply_adds_per_pixel((336, 336), None, (1, 2, 3))


@pytest.mark.parametrize('contiguous', [False, True])
def test_contiguous_maps(monkeypatch, contiguous):
    seen = []
    monkeypatch.setattr(contiguous_maps.FPN, 'forward', lambda neck, maps: seen.extend(maps) or maps)
    contiguous_maps.make_step(dict(type='VAN', arch='tiny'), 64, contiguous)()
    assert len(seen) == 4
    assert seen[0].is_contiguous() == contiguous


@pytest.mark.parametrize('explicit', [False, True])
def test_only_explicit_attention_holds_its_weights(monkeypatch, explicit):
    calls = []
    monkeypatch.setattr(
        'mmbackbones.analysis.explicit_attention.softmax_attention', lambda q, k, v, **kwargs: calls.append(1) or q
    )
    hierarchical_attention.make_step(hierarchical_attention.LAYERS['full attention'], 32, explicit)()
    assert bool(calls) == explicit


def test_local_attention_steps_of_all_implementations_do_the_same(monkeypatch):
    grads, grad = [], torch.autograd.grad
    monkeypatch.setattr(torch.autograd, 'grad', lambda *args: grads.append(grad(*args)))
    for impl in local_attention.IMPLEMENTATIONS:
        local_attention.make_step(impl, 4, 8, 9)()
    assert len(grads) == len(local_attention.IMPLEMENTATIONS)
    for other in grads[1:]:
        torch.testing.assert_close(other, grads[0])


@pytest.mark.parametrize(
    ('arguments', 'name', 'options'),
    [
        (['detectors'], 'detectors', {}),
        (['dual_vit'], 'dualvit', {}),  # its name in version 0.1
        (['local_attention', '--device', 'cuda'], 'local_attention', dict(device='cuda')),
    ],
)
def test_command_line(arguments, name, options, monkeypatch, tool):
    asked = []
    monkeypatch.setattr(
        benchmark(name), 'run', lambda device='cpu', **kwargs: asked.append(dict(kwargs, device=device))
    )
    code, out, _ = tool('benchmark', *arguments)
    assert (code, asked) == (0, [dict(device='cpu') | options])
    assert out.startswith(f'{name}: PyTorch {torch.__version__}, ')


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['nothing'], "invalid choice: 'nothing' (choose from 'overview', 'coco_evaluation', "),
        (['detectors', '--device', 'cuda'], 'the benchmark detectors has no choice of a device: leave --device out'),
    ],
)
def test_wrong_command_lines(arguments, said, tool):
    code, _, err = tool('benchmark', *arguments)
    assert code == 2
    assert said.replace("'", '') in err.replace("'", '')


def test_saved_bytes_of_dualvit(capsys):
    """Fused attention saves less than explicit attention, and a fixed number of semantic tokens less than that."""
    dualvit.print_saved_bytes((336, 336))
    explicit, fused, fixed = map(float, re.findall(r'([\d.]+) GB', capsys.readouterr().out))
    assert explicit > fused > fixed


def test_training_and_grids_of_dualvit(monkeypatch, capsys):
    name_small_arch(monkeypatch, 'DualViT')
    asked = []

    def compare(variants, rounds, steps):
        asked.append((list(variants), rounds, steps))
        return dict.fromkeys(variants, 'measured')

    monkeypatch.setattr(dualvit, 'compare', compare)
    dualvit.print_training(5, (64, 64))
    assert re.findall(r'^  (\w+) +measured$', capsys.readouterr().out, re.MULTILINE) == ['explicit', 'fused']
    dualvit.print_grids(3, [(224, 448)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [(row[0], row[-1]) for row in rows] == [('224x448', 'measured')] * 2
    growing, fixed = (' '.join(row) for row in rows)
    assert ' None 128 ' in growing  # 8 x 16 cells of 28 pixels
    assert ' (8, 8) 64 ' in fixed
    assert asked == [(['explicit', 'fused'], 5, 1), ([None, (8, 8)], 3, 1)]
