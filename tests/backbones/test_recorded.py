"""Networks that are traced, exported or compiled once, then run at other sizes and batch sizes."""

import io
import warnings

import pytest
import torch
from torch import nn

from mmbackbones.apis.classify import ImageClassifier
from mmbackbones.layers import LocalAttention2d
from mmbackbones.ops import local_attention
from tests.helpers.graphs import Graphs
from tests.helpers.small_backbones import SMALL, build_small

pytestmark = pytest.mark.slow

FULL = (96, 96)  # fills every grid of the small networks, which only a branch in Python could tell from other sizes
SIZES = [FULL, (128, 128), (100, 150), (33, 50), (64, 96), (131, 57)]
VARIANTS = {
    'DualViT with a fixed grid': ('DualViT', dict(semantic_grid=(8, 8))),
    'SASAResNet with an attention stem': ('SASAResNet', dict(stem='attention')),
    'SASAResNet with a sliding stem': (
        'SASAResNet',
        dict(stem='attention', stem_cfg=dict(window='sliding', kernel_size=3), out_indices=(0,)),
    ),
    **{name: (name, {}) for name in SMALL},
}
every_variant = pytest.mark.parametrize('variant', VARIANTS)


def network(variant, **kwargs):
    torch.manual_seed(0)
    name, options = VARIANTS[variant]
    return build_small(name, **options, **kwargs).eval()


def image(height, width, batch=1):
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def assert_equal_at_every_size(model, run):
    for i, size in enumerate(SIZES):
        x = image(*size, batch=1 + i % 2)
        for got, want in zip(run(x), model(x), strict=True):
            torch.testing.assert_close(torch.as_tensor(got), want, rtol=0, atol=1e-5 * want.abs().max().item())


@every_variant
def test_traced(variant):
    """Saved and loaded, as traces are used; and no warning says that a number of ours was recorded as a constant.

    Exporters trace an image that fills every grid (below).
    """
    model = network(variant)
    with torch.no_grad(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always', torch.jit.TracerWarning)
        traced = torch.jit.trace(model, image(33, 50), check_trace=False)
    ours = [
        str(w.message)
        for w in caught
        if issubclass(w.category, torch.jit.TracerWarning) and 'mmbackbones' in w.filename
    ]
    assert not ours
    file = io.BytesIO()
    torch.jit.save(traced, file)
    file.seek(0)
    assert_equal_at_every_size(model, torch.jit.load(file))


@every_variant
def test_exported_to_onnx_through_a_trace(variant, tmp_path):
    pytest.importorskip('onnx')
    onnxruntime = pytest.importorskip('onnxruntime')
    model, file = network(variant), tmp_path / 'model.onnx'
    axes = {0: 'batch', 2: 'height', 3: 'width'}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            model,
            (image(*FULL),),
            str(file),
            dynamo=False,
            opset_version=17,
            input_names=['image'],
            dynamic_axes=dict(image=axes),
        )
    session = onnxruntime.InferenceSession(str(file), providers=['CPUExecutionProvider'])
    assert_equal_at_every_size(model, lambda x: session.run(None, dict(image=x.numpy())))


def test_traced_classifier_of_dualvit():
    """It keeps the queries unchanged for any grid of 64 cells, and resizes them for others."""
    classifier = ImageClassifier(dict(type='DualViT', **SMALL['DualViT']), num_classes=3).eval()
    with torch.no_grad():
        traced = torch.jit.trace(classifier, image(64, 64), check_trace=False)
        for size in ((224, 224), (112, 448), (96, 96)):
            torch.testing.assert_close(traced(image(*size)), classifier(image(*size)))


def export(model):
    dynamic = torch.export.Dim.DYNAMIC
    return torch.export.export(model, (image(*FULL, 2),), dynamic_shapes=({0: dynamic, 2: dynamic, 3: dynamic},))


@pytest.mark.skipif(not hasattr(torch.export.Dim, 'DYNAMIC'), reason='torch.export is older than its dynamic sizes')
@pytest.mark.parametrize('variant', ['VAN', 'SASAResNet'])
def test_exported(variant):
    model = network(variant, out_indices=(0,))
    run = export(model).module()
    assert_equal_at_every_size(model, run)


@pytest.mark.parametrize('batch', [1, 2])
def test_an_export_for_one_image_only_says_so(batch):
    """PyTorch records a batch of one as a constant, even if its ONNX exporter declares it dynamic."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        torch.export.export(network('VAN', out_indices=(0,)), (image(*FULL, batch),), strict=False)
    said = [w for w in caught if 'for one image at a time' in str(w.message)]
    assert len(said) == (1 if batch == 1 else 0)


@pytest.mark.parametrize('impl', ['tiled', 'blocked'])
def test_an_implementation_that_cannot_be_exported_is_refused(impl):
    class Layer(nn.Module):
        def forward(self, x):
            return local_attention(x, x, x, impl=impl)

    with pytest.raises(RuntimeError, match=f"traced or exported with impl='auto' or 'reference', got '{impl}'"):
        torch.jit.trace(Layer(), torch.randn(1, 1, 2, 5, 5))


# torch.compile -------------------------------------------------------------------------------------------------------


def step(model, run):
    """Feature maps, gradients and running statistics of one training step."""
    torch.manual_seed(1)
    x = image(64, 64, 2).requires_grad_()
    outs = run(x)
    sum(out.square().mean() for out in outs).backward()
    return [*outs, x.grad, *(param.grad for param in model.parameters()), *model.buffers()]


@pytest.mark.parametrize(
    'variant', [pytest.param(name, marks=[] if name == 'VAN' else pytest.mark.modes) for name in SMALL]
)
@pytest.mark.parametrize('whole', [True, False])
def test_compiled_with_checkpointing_and_frozen_stages(variant, whole):
    """Without a graph break; running statistics are updated once, not again in the second forward pass."""
    kwargs = dict(with_cp=True, frozen_stages=1, drop_path_rate=0.5, out_indices=(1,))
    torch.compiler.reset()
    model, same = network(variant, **kwargs).train(), network(variant, **kwargs).train()
    run = compiled(same, whole)
    torch.testing.assert_close(step(same, run), step(model, model), rtol=1e-5, atol=1e-6)


def compiled(model, whole):
    """A function that runs the model, compiled as a whole or part by part."""
    if whole:
        return torch.compile(model, backend='aot_eager', fullgraph=True)
    model.compile(backend='aot_eager')
    return model


def test_compiled_with_a_frozen_stem_before_a_group_norm():
    torch.compiler.reset()
    kwargs = dict(frozen_stages=0, out_indices=(0,), norm_cfg=dict(type='GN', num_groups=4))
    model, same = network('VAN', **kwargs).train(), network('VAN', **kwargs).train()
    run = torch.compile(same, backend='aot_eager', fullgraph=True)
    torch.testing.assert_close(step(same, run), step(model, model), rtol=1e-5, atol=1e-6)


def test_local_attention_is_compiled_once_for_all_heights():
    torch.compiler.reset()
    layer, graphs = LocalAttention2d(4, 8, kernel_size=3, heads=2), Graphs()
    run = torch.compile(layer, backend=graphs, fullgraph=True, dynamic=True)
    for height in range(8, 20):
        x = torch.randn(2, 4, height, 9)
        torch.testing.assert_close(run(x), layer(x))
    assert len(graphs) == 1
