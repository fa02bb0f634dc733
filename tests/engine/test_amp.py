"""Mixed precision is set as the device has it, and dropped where it does not have it."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper

from mmbackbones import get_config
from mmbackbones.engine import amp
from mmbackbones.engine.amp import cpu_has_bfloat16  # before tests have all CPUs have it
from mmbackbones.engine.bfloat16_training import Bfloat16OptimWrapper
from mmbackbones.engine.run_header import _describe_device
from mmbackbones.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture
def cfg() -> Config:
    return get_config('retinanet_van_b')


@pytest.fixture
def machine(monkeypatch):
    """Has the code see a device, and a CPU with or without instructions for bfloat16."""

    def see(device: str, bfloat16: bool = False) -> None:
        monkeypatch.setattr(amp, 'get_device', lambda: device)
        monkeypatch.setattr(amp, 'cpu_has_bfloat16', lambda: bfloat16)

    return see


def test_what_amp_stands_for(cfg, machine):
    machine('cuda')
    assert amp.half_type(cfg, test=False) == amp.half_type(cfg, test=True) == ''
    amp.set_amp(cfg)
    amp.fit_amp(cfg)
    assert amp.half_type(cfg, test=False) == 'float16'
    assert (cfg.optim_wrapper.type, cfg.optim_wrapper.loss_scale) == ('AmpOptimWrapper', 'dynamic')
    machine('cpu', bfloat16=True)
    amp.set_amp(cfg)
    amp.fit_amp(cfg)
    assert cfg.optim_wrapper.type == 'Bfloat16OptimWrapper'
    assert type(build_optim_wrapper(torch.nn.Linear(1, 1), cfg.optim_wrapper)) is Bfloat16OptimWrapper
    assert amp.half_type(cfg, test=False) == 'bfloat16'
    amp.test_in_half_precision(cfg)
    assert amp.half_type(cfg, test=True) == 'bfloat16'


def test_the_screen_says_it():
    assert _describe_device('') == 'CPU'
    assert _describe_device('bfloat16', compiled=True) == 'CPU, in bfloat16, with a compiled backbone'


@pytest.mark.parametrize(
    ('device', 'message'),
    [
        ('cpu', '--amp computes in bfloat16 on a CPU, and this one has no instructions for it'),
        ('mps', '--amp needs an NVIDIA GPU or a CPU'),
    ],
)
def test_device_without_amp(cfg, machine, device, message):
    machine(device)
    with pytest.raises(UserError, match=message):
        amp.set_amp(cfg)
    with pytest.raises(UserError, match=message):
        amp.test_in_half_precision(cfg)
    with pytest.raises(UserError, match=message):
        amp.check_half_precision(device)
    assert not amp.uses_amp(cfg)


def test_a_config_in_half_precision_trains_everywhere(machine, logged):
    """Dual-ViT's recipe has it; that of a run on a CPU is at home on a GPU, too."""
    told = logged('mmbackbones.engine.amp')
    for device, bfloat16, expected in (
        ('cuda', False, 'AmpOptimWrapper'),
        ('cpu', True, 'Bfloat16OptimWrapper'),
        ('cuda', False, 'Bfloat16OptimWrapper'),
        ('mps', False, 'OptimWrapper'),
        ('cpu', False, 'OptimWrapper'),
    ):
        machine(device, bfloat16)
        cfg = get_config('retinanet_dualvit_s')
        optim_wrapper = dict(cfg.optim_wrapper)
        if device == 'cuda':
            cfg.optim_wrapper.type = expected
        amp.fit_amp(cfg)
        assert cfg.optim_wrapper.type == expected
        assert (cfg.optim_wrapper == optim_wrapper) == (expected == 'AmpOptimWrapper')
        assert len(told) == (expected == 'OptimWrapper')
        told.clear()
        if device == 'cpu':  # what is left can be built
            wrapper = build_optim_wrapper(torch.nn.Linear(1, 1), cfg.optim_wrapper)
            assert type(wrapper) is {'OptimWrapper': OptimWrapper}.get(expected, Bfloat16OptimWrapper)


def test_loss_scale_of_the_config_is_kept(machine):
    machine('cuda')
    cfg = get_config('retinanet_dualvit_s')
    amp.set_amp(cfg)
    amp.fit_amp(cfg)
    assert cfg.optim_wrapper.loss_scale == 512


@pytest.mark.parametrize(
    ('flags', 'supported', 'expected'),
    [
        ({'flags': 'avx2 avx512f avx512_bf16 amx_tile amx_bf16'}, True, True),
        ({'flags': 'avx2 avx512f avx512_bf16'}, True, True),
        ({'flags': 'avx2 avx512f'}, True, False),
        ({'Features': 'asimd bf16'}, True, True),
        ({'flags': 'amx_bf16'}, False, False),
    ],
)
def test_cpus_with_bfloat16(monkeypatch, flags, supported, expected):
    monkeypatch.setattr(torch.ops.mkldnn, '_is_mkldnn_bf16_supported', lambda: supported, raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, 'is_available', lambda: True)
    monkeypatch.setattr(amp, 'key_values', lambda path: flags)
    assert cpu_has_bfloat16.__wrapped__() is expected
