"""Every backbone on a GPU: the values and gradients of float64 on the CPU, in each mode that a GPU is used in."""

import gc
from copy import deepcopy

import pytest
import torch

from tests.helpers.small_backbones import as_trained

pytestmark = pytest.mark.gpu

# Float32 rounds to 6e-8. Some 40 layers one after another make 3e-7 of it in the maps and, through batch norms over few
# pixels, up to ten times as much in the gradients, on CPUs as on GPUs; a wrong kernel or TF32 (1e-3) is far above.
VALUES, GRADIENTS = 1e-5, 1e-4
HALF = {torch.float16: 1e-2, torch.bfloat16: 8e-2}  # some ten times the rounding of the type
SIZES = ((64, 64), (97, 131), (257, 70))


def image(height: int, width: int, batch: int = 4, dtype=torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, 3, height, width, generator=generator, dtype=torch.float64).to(dtype)


def maps_and_gradients(model, x, autocast=None):
    x = x.detach().requires_grad_()
    with torch.autocast(x.device.type, autocast, enabled=autocast is not None):
        outs = model(x)
    params = [param for param in model.parameters() if param.requires_grad]
    loss = sum((out.float() if out.dtype.itemsize < 4 else out).square().mean() for out in outs)
    return list(outs), list(torch.autograd.grad(loss, [x, *params]))


def expected(model, x):
    """In float64 on the CPU."""
    return maps_and_gradients(deepcopy(model).cpu().double(), x.cpu().double())


@pytest.mark.parametrize('channels_last', [False, True], ids=['', 'channels-last'])
@pytest.mark.parametrize('training', [False, True], ids=['eval', 'train'])
@pytest.mark.parametrize('size', SIZES, ids=str)
def test_values_and_gradients(build, device, size, training, channels_last, relative_error):
    model, x = build().train(training), image(*size)
    want = expected(model, x)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    outs, grads = maps_and_gradients(model.to(device), x.float().to(device).contiguous(memory_format=memory_format))
    assert all(out.device.type == device and out.is_contiguous() for out in outs)
    assert relative_error(outs, want[0]) < VALUES
    assert relative_error(grads, want[1]) < GRADIENTS


@pytest.mark.parametrize('training', [False, True], ids=['eval', 'train'])
@pytest.mark.parametrize('dtype', HALF, ids=str)
def test_autocast(build, device, dtype, training, relative_error):
    model, x = build().train(training), image(97, 131)
    want = expected(model, x)
    outs, grads = maps_and_gradients(model.to(device), x.float().to(device), dtype)
    assert all(value.isfinite().all() for value in (*outs, *grads))
    assert relative_error(outs, want[0]) < HALF[dtype]
    assert all(grad.dtype == torch.float32 for grad in grads)


@pytest.mark.parametrize('dtype', HALF, ids=str)
def test_half_precision_weights(build, device, dtype, relative_error):
    """As for inference alone: no autocast, the weights themselves are of 16 bits."""
    model, x = build().eval(), image(97, 131)
    want = expected(model, x)
    with torch.no_grad():
        outs = model.to(device, dtype)(x.to(device, dtype))
    assert all(out.dtype == dtype for out in outs)
    assert relative_error(list(outs), want[0]) < HALF[dtype]


@pytest.mark.parametrize('dtype', [torch.float32, *HALF], ids=str)
def test_the_inference_form(build, device, dtype, relative_error):
    """Norms and layer scales folded into weights, with and without autocast."""
    model, x = as_trained(build()).eval(), image(97, 131)
    want = expected(model, x)
    model, x = model.to(device).fuse(), x.float().to(device)
    with torch.autocast(device, dtype, enabled=dtype != torch.float32):
        outs = model(x)
    assert all(out.is_contiguous() for out in outs)
    assert relative_error(list(outs), want[0]) < HALF.get(dtype, VALUES)


@pytest.mark.parametrize(
    ('training', 'dtype'),
    [(False, None), (True, None), (True, torch.float16), (True, torch.bfloat16)],
    ids=['eval', 'train', 'train, float16', 'train, bfloat16'],
)
def test_compiled(build, device, training, dtype, relative_error):
    """As `train --compile` compiles: part by part, and all graphs of the first size are those of the others."""
    torch.compiler.reset()
    counted = torch._dynamo.utils.counters['stats']
    model = build().to(device).train(training)
    plain = deepcopy(model)
    model.compile(backend='inductor' if device == 'cuda' else 'aot_eager')
    graphs = []
    for size in SIZES:
        x = image(*size, dtype=torch.float32).to(device)
        want = expected(plain, x)
        outs, grads = maps_and_gradients(model, x, dtype)
        graphs.append(counted['unique_graphs'])
        assert relative_error(outs, want[0]) < HALF.get(dtype, VALUES)
        assert all(grad.isfinite().all() for grad in grads)
        assert dtype or relative_error(grads, want[1]) < GRADIENTS
    assert graphs == graphs[:1] * len(SIZES)


def test_checkpointing_changes_nothing(build, device, relative_error):
    """Values, gradients, drop path and running statistics."""
    results = []
    for with_cp in (False, True):
        model = build(with_cp=with_cp, drop_path_rate=0.5).to(device).train()
        torch.manual_seed(1)
        outs, grads = maps_and_gradients(model, image(64, 96, dtype=torch.float32).to(device))
        results.append((outs, grads, [value.float() for value in model.buffers()]))
    for got, want in zip(*results, strict=True):
        assert not want or relative_error(got, want) < VALUES  # kernels that add in any order round differently


@pytest.mark.parametrize('dtype', HALF, ids=str)
def test_checkpointing_under_autocast(build, device, dtype):
    model = build(with_cp=True).to(device).train()
    _, grads = maps_and_gradients(model, image(64, 96, dtype=torch.float32).to(device), dtype)
    assert all(grad.isfinite().all() for grad in grads)


@pytest.mark.parametrize('frozen_stages', [0, 2, 4])
def test_frozen_stages(build, device, frozen_stages):
    model = build(frozen_stages=frozen_stages).to(device).train()
    frozen = {
        name: value.clone()
        for name, value in model.state_dict().items()
        if name.startswith(('stem.', *(f'stages.{i}.' for i in range(frozen_stages))))
    }
    x = image(64, 96, dtype=torch.float32).to(device).requires_grad_()
    sum(out.square().mean() for out in model(x)).backward()
    assert all((param.grad is None) == (name in frozen) for name, param in model.named_parameters())
    assert all(torch.equal(model.state_dict()[name], value) for name, value in frozen.items())


def test_a_step_leaves_no_memory_behind(build, device):
    """Nothing is kept between two steps: what a step allocates, the next one finds free."""
    if device == 'cpu':
        pytest.skip('PyTorch counts the memory of GPUs only')
    model, x = build().to(device).train(), image(96, 96, dtype=torch.float32).to(device)
    held = []
    for _ in range(6):
        maps_and_gradients(model, x)
        gc.collect()
        held.append(torch.cuda.memory_allocated())
    assert held[-3:] == held[-1:] * 3  # libraries take their workspaces in the first steps
