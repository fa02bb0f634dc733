"""Every reference value of the networks in every mode that they are computed in.

`make test-modes` compares the authors' values, which stand in for SASA's by a slow form of its attention; `make test`
compares small networks, without a compiler, with their own maps in float64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from mmbackbones.backbones import VAN, DualViT, HATNet, SASAResNet, TransCNN
from mmbackbones.backbones.base import PyramidBackbone
from mmbackbones.ops.local_attention import FASTEST
from tests.helpers.official_states import HIERARCHICAL, dualvit_state, hierarchical_state, load_reference, van_state
from tests.helpers.reference import assert_features_equal, image
from tests.helpers.small_backbones import SMALL, as_trained, build_small

Build = Callable[..., PyramidBackbone]


def load(network: Callable, state: dict, arch: str, **kwargs) -> PyramidBackbone:
    model = network(arch, **kwargs)
    renamed = {network.rename_key(key): value for key, value in state.items()}
    own = model.state_dict()
    model.load_state_dict({key: renamed[key] for key in own})
    return model.eval()


def van(arch: str) -> tuple[Build, Tensor, dict]:
    stored = load_reference('van')[arch]
    return lambda **kw: load(VAN, van_state(arch), arch, **kw), image(stored['seed'], stored['input_shape']), stored


def hierarchical(family: str, arch: str) -> tuple[Build, Tensor, dict]:
    stored, network = load_reference(family)[arch], dict(transcnn=TransCNN, hatnet=HATNet)[family]
    state = hierarchical_state(family, arch)
    return lambda **kw: load(network, state, arch, **kw), image(stored['seed'], stored['input_shape']), stored


def dualvit(layout: str) -> tuple[Build, Tensor, dict]:
    stored = load_reference('dualvit')['cases'][0]
    state = dualvit_state(layout)
    return lambda **kw: load(DualViT, state, 'small', **kw), image(stored['seed'], stored['input_shape']), stored


def sasa(stem: str) -> tuple[Build, Tensor, dict]:
    """Values of the attention written as a sum over unfolded windows, in float64."""

    def build(**kwargs) -> PyramidBackbone:
        torch.manual_seed(0)
        model = SASAResNet(26, stem=stem, **kwargs)
        for name, buffer in model.named_buffers():
            if buffer.is_floating_point():  # of norms that have seen images
                buffer.uniform_(0.5, 1.5) if name.endswith('var') else buffer.normal_(std=0.1)
        for name, param in model.named_parameters():
            if 'bn.weight' in name or 'norm.weight' in name:
                torch.nn.init.ones_(param)  # those of the residual branches start at zero
        return model.eval()

    return build, *values_in_float64(build)


def small(name: str) -> tuple[Build, Tensor, dict]:
    def build(**kwargs) -> PyramidBackbone:
        torch.manual_seed(0)
        return as_trained(build_small(name, **kwargs)).eval()

    return build, *values_in_float64(build)


@torch.no_grad()
def values_in_float64(build: Build) -> tuple[Tensor, dict]:
    """An image batch, and its maps in float64 at some points, in the form of the authors' stored values."""
    x, points = image(0, (2, 3, 70, 97)), torch.Generator().manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FASTEST, 'cpu', 'reference')
        outs = build().double()(x.double())
    features = {}
    for i, out in enumerate(outs):
        places = [[int(torch.randint(n, (1,), generator=points)) for n in out.shape] for _ in range(10)]
        stored = [[*place, out[tuple(place)].item()] for place in places]
        features[f'feat{i + 1}'] = dict(shape=list(out.shape), absmax=out.abs().max().item(), points=stored)
    return x, dict(features=features)


ONE_PER_FAMILY = {
    'VAN-B0': lambda: van('b0'),
    'TransCNN-T': lambda: hierarchical('transcnn', 'tiny'),
    'HAT-Net-T': lambda: hierarchical('hatnet', 'tiny'),
    'Dual-ViT-S': lambda: dualvit('classification'),
    'SASA-26': lambda: sasa('conv'),
}
ALL = {
    **ONE_PER_FAMILY,
    'VAN-B2': lambda: van('b2'),
    **{f'{family} {arch}': lambda names=(family, arch): hierarchical(*names) for family, arch in HIERARCHICAL},
    'Dual-ViT-S downstream': lambda: dualvit('downstream'),
    'SASA-26 with an attention stem': lambda: sasa('attention'),
}


# Modes ---------------------------------------------------------------------------------------------------------------


def plain(build: Build, x: Tensor) -> Sequence[Tensor]:
    return build()(x)


def contiguous(build: Build, x: Tensor) -> Sequence[Tensor]:
    """In the other memory format, whichever the network prefers."""
    model = build()
    model.memory_format = lambda device: torch.contiguous_format
    return model(x)


def channels_last(build: Build, x: Tensor) -> Sequence[Tensor]:
    model = build()
    model.memory_format = lambda device: torch.channels_last
    return model(x.contiguous(memory_format=torch.channels_last))


def checkpointed(build: Build, x: Tensor) -> Sequence[Tensor]:
    with torch.enable_grad():
        outs = build(with_cp=True)(x)
        assert all(out.requires_grad for out in outs)
    return [out.detach() for out in outs]


def fused(build: Build, x: Tensor) -> Sequence[Tensor]:
    return build().fuse()(x)


COMPILE_OPTIONS: dict[str, str] = {}


def compile_anew(model: PyramidBackbone) -> PyramidBackbone:
    torch.compiler.reset()
    model.compile(**COMPILE_OPTIONS)
    return model


def compiled(build: Build, x: Tensor) -> Sequence[Tensor]:
    return compile_anew(build())(x)


def compiled_and_fused(build: Build, x: Tensor) -> Sequence[Tensor]:
    return compile_anew(build().fuse())(x)


def compiled_and_checkpointed(build: Build, x: Tensor) -> Sequence[Tensor]:
    return checkpointed(lambda **kwargs: compile_anew(build(**kwargs)), x)


def bfloat16(build: Build, x: Tensor) -> Sequence[Tensor]:
    with torch.autocast('cpu', torch.bfloat16):
        return build()(x)


def fused_in_bfloat16(build: Build, x: Tensor) -> Sequence[Tensor]:
    return bfloat16(lambda: build().fuse(), x)


@dataclass(frozen=True)
class Mode:
    """How a network is computed, and how much its maps may differ from the reference, of their largest value."""

    run: Callable[[Build, Tensor], Sequence[Tensor]]
    tolerance: float


MODES = {
    'plain': Mode(plain, 1e-5),
    'contiguous': Mode(contiguous, 1e-5),
    'channels-last': Mode(channels_last, 1e-5),
    'checkpointed': Mode(checkpointed, 1e-5),
    'fused': Mode(fused, 1e-5),
    'bfloat16': Mode(bfloat16, 0.05),
    'fused, bfloat16': Mode(fused_in_bfloat16, 0.05),
}
COMPILED_MODES = {
    'compiled, fused': Mode(compiled_and_fused, 1e-5),
    'compiled, checkpointed': Mode(compiled_and_checkpointed, 1e-5),
}


@torch.no_grad()
def assert_equal_in_every(modes: dict[str, Mode], case: tuple[Build, Tensor, dict]) -> None:
    for name, mode in modes.items():
        assert_equal_in(name, mode, *case)


def assert_equal_in(name: str, mode: Mode, build: Build, x: Tensor, stored: dict) -> None:
    """`name` is for the reader of a failure."""
    assert_features_equal(mode.run(build, x), dict(enumerate(stored['features'].values())), mode.tolerance)


@pytest.mark.parametrize('name', sorted(SMALL))
def test_small_networks(name):
    assert_equal_in_every(MODES, small(name))


@pytest.mark.modes
@pytest.mark.parametrize('case', ALL)
def test_every_network(case):
    assert_equal_in_every(MODES, ALL[case]())


@pytest.mark.modes
@pytest.mark.parametrize('case', ONE_PER_FAMILY)
def test_compiled(case):
    assert_equal_in_every(dict(compiled=Mode(compiled, 1e-5)), ONE_PER_FAMILY[case]())


@pytest.mark.modes
def test_compiled_otherwise():
    """One small network, because each mode takes a minute."""
    assert_equal_in_every(COMPILED_MODES, small('VAN'))


@pytest.mark.modes
@pytest.mark.parametrize('name', sorted(SMALL))
def test_traced_otherwise(name, monkeypatch):
    """The same without generating code, which finds what a compiler cannot see through."""
    monkeypatch.setitem(COMPILE_OPTIONS, 'backend', 'aot_eager')
    assert_equal_in_every(COMPILED_MODES, small(name))
