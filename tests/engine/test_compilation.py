"""Runs whose backbone is compiled."""

import pytest
import torch
from mmengine.config import Config

from mmbackbones import train
from mmbackbones.engine.compilation import check_compiler, compile_backbone, compile_errors_as_failures, set_compile
from mmbackbones.errors import RunFailed, UserError
from tests.helpers.equal_runs import unequal
from tests.helpers.small_backbones import build_small


def fail(*args):
    raise RuntimeError("no C++ compiler found: 'g++'")


@pytest.fixture
def no_compiler(monkeypatch):
    monkeypatch.setattr(torch, 'compile', lambda function, **kwargs: fail)


@pytest.mark.parametrize(
    ('device', 'needed'),
    [('cpu', 'a C++ compiler such as g++'), ('cuda', 'Triton, a C compiler such as gcc')],
)
def test_without_a_compiler_one_sentence_says_what_is_needed(no_compiler, monkeypatch, device, needed):
    monkeypatch.setattr(torch, 'ones', lambda *size, device: None)
    with pytest.raises(
        UserError, match=rf"--compile: .*\(no C\+\+ compiler found: 'g\+\+'\).* {needed.replace('+', '.')}"
    ):
        check_compiler(device)


@pytest.mark.slow
def test_without_a_compiler_no_training_run_begins(no_compiler, tool, tiny_config, shapes, tmp_path):
    code, _, err = tool('train', tiny_config, '--data', shapes, '--work-dir', tmp_path / 'run', '--compile')
    assert code == 2
    assert err.strip().count('\n') == 0
    assert '--compile: PyTorch cannot compile here' in err
    assert not (tmp_path / 'run').exists()


def test_a_model_without_a_backbone():
    with pytest.raises(UserError, match='--compile compiles the backbone, and a Lonely has none'):
        set_compile(Config(dict(model=dict(type='Lonely'))))


def test_a_backbone_that_cannot_be_compiled_ends_the_run(monkeypatch):
    def broken(graph, inputs):
        raise ValueError('no translation of this graph')

    runner = type('Runner', (), dict(hooks=[], _resume=False))
    torch.compiler.reset()
    function = torch.compile(lambda x: x + 1, backend=broken)
    with (
        pytest.raises(RunFailed, match='the backbone cannot be compiled: .*; leave out --compile .*no checkpoint yet'),
        compile_errors_as_failures(runner),
    ):
        function(torch.ones(2))
    with pytest.raises(ValueError, match='of the model'), compile_errors_as_failures(runner):
        raise ValueError('of the model')


def test_a_backbone_of_others_is_compiled_as_a_whole():
    """And both keep the keys of their state dicts."""
    for backbone in (torch.nn.Conv2d(3, 4, 1), build_small('VAN')):
        model = torch.nn.ModuleDict(dict(backbone=backbone))
        model.backbone = backbone
        keys = list(model.state_dict())
        compile_backbone(model)
        assert list(model.state_dict()) == keys
        compiled = [m for m in model.modules() if m._compiled_call_impl is not None]
        assert compiled == ([backbone] if isinstance(backbone, torch.nn.Conv2d) else list(backbone.compiled_parts()))


def test_synchronized_batch_norms_may_break_a_graph(monkeypatch):
    """PyTorch does not compile them; it has them on GPUs only, so nothing is computed here."""
    whole = []
    monkeypatch.setattr(torch, 'compile', lambda function, **kwargs: whole.append(kwargs['fullgraph']))
    model = build_small('VAN')
    model.compile()
    assert set(whole) == {True}
    whole.clear()
    torch.nn.SyncBatchNorm.convert_sync_batchnorm(model).compile()
    assert set(whole) == {False}


@pytest.fixture
def traced_only(monkeypatch):
    """Compiles without generating code, which takes minutes."""
    original = torch.compile
    monkeypatch.setattr(torch, 'compile', lambda f, **kwargs: original(f, **{**kwargs, 'backend': 'aot_eager'}))


@pytest.mark.modes
@pytest.mark.parametrize('options', [{}, dict(ema=True, accumulate=2)], ids=['', 'averaged and accumulated'])
def test_a_resumed_run_equals_an_uninterrupted_one(traced_only, tiny_config, shapes, tmp_path, options, logged):
    said = logged('mmbackbones.engine.compilation')
    common = dict(data=shapes, compile=True, from_scratch=True, img_scale=(64, 64), **options)
    common['cfg_options'] = {'default_hooks.checkpoint.interval': 1, 'default_hooks.checkpoint.max_keep_ckpts': 9}
    train(tiny_config, work_dir=tmp_path / 'whole', epochs=2, **common)
    train(tiny_config, work_dir=tmp_path / 'parts', epochs=2, **common)
    for path in (tmp_path / 'parts').glob('*epoch_2.pth'):
        path.unlink()
    first = next((tmp_path / 'parts').glob('epoch_1.pth'))
    train(tiny_config, work_dir=tmp_path / 'parts', epochs=2, resume=first, **common)
    assert unequal(tmp_path / 'whole', tmp_path / 'parts') == []
    assert len(said) == 3


@pytest.mark.modes
def test_a_compiled_run_equals_another(traced_only, tiny_config, shapes, tmp_path):
    """To rounding: one training step, and what is learned is kept under the same keys."""
    runs = {
        compiled: train(
            tiny_config, data=shapes, work_dir=tmp_path / str(compiled), iters=2, compile=compiled, from_scratch=True
        )
        for compiled in (False, True)
    }
    one, other = (torch.load(run.checkpoint, weights_only=False)['state_dict'] for run in runs.values())
    assert one.keys() == other.keys()
    for key in one:
        torch.testing.assert_close(one[key], other[key], rtol=1e-3, atol=1e-4)


@pytest.mark.modes
def test_with_generated_code(tiny_seg_config, shapes, tmp_path):
    """A run, from the check of the compiler to the last validation, in which a compiler is called."""
    run = train(tiny_seg_config, data='shapes', work_dir=tmp_path / 'run', iters=2, compile=True, from_scratch=True)
    assert run.checkpoint.is_file()
    assert 'CompileHook' in run.config.read_text()
