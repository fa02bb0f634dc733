"""What is known of a call: whether it is traced, exported or compiled."""

import warnings
from contextlib import nullcontext
from importlib import import_module

import pytest
import torch
from torch import nn

from mmbackbones.ops import checks, is_exporting, is_recording, prepare_compilation, warn_of_one_image


class Noting(nn.Module):
    """Notes what is said of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append((is_exporting(), is_recording()))
        return x + 1


def test_a_plain_call_is_not_recorded():
    model = Noting()
    model(torch.zeros(2))
    assert model.seen == [(False, False)]


def test_a_trace_is_an_export():
    model = Noting()
    torch.jit.trace(model, torch.zeros(2), check_trace=False)
    assert set(model.seen) == {(True, True)}


def test_a_compilation_is_recorded_but_no_export():
    @torch.compile(backend='eager', fullgraph=True)
    def run(x):
        return x + (10 if is_exporting() else 0) + (1 if is_recording() else 0)

    if not hasattr(torch.compiler, 'is_exporting'):
        pytest.skip('before PyTorch 2.7 an export cannot be told from a compilation')
    assert run(torch.zeros(1)).item() == 1


@pytest.mark.parametrize(('context', 'warned'), [(checks, False), (nullcontext, True)])
def test_checks_hide_the_warnings_of_the_tracer(context, warned):
    def run(x):
        with context():
            fits = bool(x.shape[0] > 0)
        return x if fits else -x

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        torch.jit.trace(run, torch.zeros(2), check_trace=False)
    assert any(issubclass(warning.category, torch.jit.TracerWarning) for warning in caught) == warned


@pytest.mark.parametrize(('exporting', 'batch', 'warned'), [(True, 1, True), (True, 2, False), (False, 1, False)])
def test_warn_of_one_image(exporting, batch, warned, monkeypatch):
    monkeypatch.setattr('mmbackbones.ops.recording.is_exporting', lambda: exporting)
    monkeypatch.setattr(torch.compiler, 'is_dynamo_compiling', lambda: False, raising=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        warn_of_one_image(batch)
    assert ['export with an example of two images' in str(warning.message) for warning in caught] == [True] * warned


def test_images_of_any_size_are_compiled_without_the_analysis_that_fails_on_gpus(monkeypatch):
    settings = import_module('torch._inductor.config').triton
    monkeypatch.setattr(settings, 'coalesce_tiling_analysis', True, raising=False)
    prepare_compilation()
    assert not settings.coalesce_tiling_analysis
