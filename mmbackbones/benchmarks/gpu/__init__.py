"""Latency, throughput and memory of whole detectors and segmentors on a CUDA GPU."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend as Backend
from torch.nn.attention import sdpa_kernel

from ...engine.compilation import while_compiling
from ...engine.inference_form import inference_form
from ...errors import UserError, interruption, summarize_error
from ...ops.local_attention import IMPLEMENTATIONS
from ..table import Table
from ..timing import Step, Timing, measure
from .networks import (
    BACKBONES,
    OURS,
    STEPS,
    build,
    compiled,
    computing,
    layer_scale_in_half_precision,
    training_step,
)
from .operators import MAPS, local_attention_step

COCO, ADE20K, CITYSCAPES = (800, 1333), (512, 512), (512, 2048)  # rows and columns
SETTINGS = (('retinanet', COCO), ('mask_rcnn', COCO), ('upernet', ADE20K), ('upernet', CITYSCAPES))
TASKS = (('inference', 1), ('inference', 8), ('training', 2))  # and the images of a batch
PRECISIONS = ('float32', 'float16')
FOLDER = Path('docs/benchmarks')
# The sizes of multi-scale training, as 1333 x 800 images come: each is new to the kernels that are chosen for a size.
SCALES = ((480, 800), (544, 906), (576, 960), (640, 1066), (704, 1173), (736, 1226))


def time_or_none(make_step: Callable[[], Step], device: str, **options) -> Timing | None:
    """The timing of a step; None where it does not fit the device's memory, or PyTorch cannot compile it."""
    try:
        return measure(make_step(), device, **options)
    except torch.OutOfMemoryError:
        return None
    except Exception as error:  # each part of PyTorch has exceptions of its own
        if not while_compiling(error) or interruption(error):
            raise
        print(f'PyTorch cannot compile this: {summarize_error(error)}')
        return None
    finally:
        if device == 'cuda':
            torch.cuda.empty_cache()


def measure_networks(
    table: Table,
    backbones: Sequence[str] = BACKBONES,
    settings: Sequence = SETTINGS,
    precisions: Sequence[str] = PRECISIONS,
    **options,
) -> None:
    """Every network as it comes: inference and training, in float32 and with mixed precision."""
    for detector, size in settings:
        for backbone in backbones:
            for task, batch in TASKS:
                # Throughput, of eight images at once, is what mixed precision is for.
                chosen = precisions if batch < 8 else precisions[-1:]
                _measure(table, detector, backbone, size, ((task, batch, name) for name in chosen), **options)


def measure_compiled(
    table: Table,
    backbones: Sequence[str] = BACKBONES,
    size: tuple[int, int] = COCO,
    precisions: Sequence[str] = ('float16',),
    **options,
) -> None:
    """RetinaNet with a backbone compiled for any size, as ``train --compile`` does it."""
    for backbone in backbones:
        _measure(table, 'retinanet', backbone, size, _modes(precisions), form='compiled', **options)


def measure_fused(
    table: Table,
    backbones: Sequence[str] = BACKBONES,
    size: tuple[int, int] = COCO,
    precisions: Sequence[str] = PRECISIONS,
    **options,
) -> None:
    """RetinaNet in the form in which ``predict`` and ``test`` compute."""
    for backbone in backbones:
        _measure(table, 'retinanet', backbone, size, _modes(precisions)[: len(precisions)], form='fused', **options)


def measure_bfloat16(
    table: Table, backbones: Sequence[str] = BACKBONES, size: tuple[int, int] = COCO, **options
) -> None:
    """RetinaNet with mixed precision in bfloat16."""
    for backbone in backbones:
        _measure(table, 'retinanet', backbone, size, _modes(('bfloat16',)), **options)


def measure_layouts(
    table: Table,
    backbones: Sequence[str] = OURS,
    size: tuple[int, int] = COCO,
    precisions: Sequence[str] = PRECISIONS,
    **options,
) -> None:
    """RetinaNet with its backbone in the other memory format, and without the copy of its maps."""
    for backbone in backbones:
        for layout in ('other', 'as computed'):
            _measure(table, 'retinanet', backbone, size, _modes(precisions), layout=layout, **options)


def measure_layer_scale(
    table: Table, backbones: Sequence[str] = ('van_s', 'van_b', 'dualvit_s'), size: tuple[int, int] = COCO, **options
) -> None:
    """RetinaNet with mixed precision, whose layer scales do not turn maps into float32."""
    for backbone in backbones:
        with layer_scale_in_half_precision():
            _measure(table, 'retinanet', backbone, size, _modes(('float16',)), form='layer scale cast', **options)


def _modes(precisions: Iterable[str]) -> list[tuple[str, int, str]]:
    return [('inference', 1, name) for name in precisions] + [('training', 2, name) for name in precisions]


@lru_cache(maxsize=1)  # one at a time, for memory is measured
def _built(detector: str, backbone: str, device: str) -> Any:
    torch.manual_seed(0)
    return build(detector, backbone).to(device)


def _measure(
    table: Table,
    detector: str,
    backbone: str,
    size: tuple[int, int],
    modes: Iterable[tuple[str, int, str]],
    form: str = 'eager',
    layout: str = 'default',
    **options,
) -> None:
    """Measure one network in each of `modes`: task, batch and precision."""
    model = _built(detector, backbone, table.device)
    if form == 'fused':
        model = inference_form(model.eval())
    with computing(model.backbone, layout) as named, compiled(model) if form == 'compiled' else nullcontext():
        for task, batch, precision in modes:

            def make_step(task=task, batch=batch, precision=precision) -> Step:
                return STEPS[task](model, table.device, batch, *size, precision)

            table.add(
                time_or_none(make_step, table.device, **options),
                network=detector,
                backbone=backbone,
                height=size[0],
                width=size[1],
                task=task,
                batch=batch,
                precision=precision,
                form=form,
                layout=named,
            )


def measure_local_attention(table: Table, maps: Sequence = MAPS, batch: int = 2, **options) -> None:
    """The forms of local attention, forward and backward."""
    for channels, height, width in maps:
        for dtype in (torch.float32, torch.float16):
            for impl in IMPLEMENTATIONS:

                def make_step(impl=impl, dtype=dtype, size=(channels, height, width)) -> Step:
                    return local_attention_step(impl, table.device, dtype, batch, *size)

                table.add(
                    time_or_none(make_step, table.device, **options),
                    network='local attention',
                    backbone=f'{channels} channels a head',
                    height=height,
                    width=width,
                    task='training',
                    batch=batch,
                    precision=str(dtype).removeprefix('torch.'),
                    form=impl,
                    layout='default',
                )


def measure_new_sizes(table: Table, backbones: Sequence[str] = (*OURS, 'resnet50'), sizes: Sequence = SCALES) -> None:
    """The first training step at a size that was not there before, with and without cuDNN's attention.

    cuDNN makes a plan for each shape that it has not seen, in half precision.
    """
    for backbone in backbones:
        for form, cudnn in (('eager, no cuDNN attention', False), ('eager', True)):
            kernels = sdpa_kernel(_attention_kernels(cudnn)) if table.device == 'cuda' else nullcontext()
            with kernels:
                _measure_new_sizes(table, _built('retinanet', backbone, table.device), backbone, sizes, form)


def measure_new_sizes_compiled(
    table: Table, backbones: Sequence[str] = (*OURS, 'resnet50'), sizes: Sequence = SCALES
) -> None:
    """The same with a compiled backbone, which shows whether one compilation is enough for all sizes."""
    for backbone in backbones:
        model = _built('retinanet', backbone, table.device)
        with compiled(model):
            _measure_new_sizes(table, model, backbone, sizes, 'compiled')


def _measure_new_sizes(table: Table, model: Any, backbone: str, sizes: Sequence, form: str) -> None:
    precision = 'float16' if table.device == 'cuda' else 'float32'
    first, again = [], []
    for height, width in sizes:

        def make_step(height=height, width=width) -> Step:
            return training_step(model, table.device, 2, height, width, precision)

        timing = time_or_none(make_step, table.device, warmup=0, least=3, most=3)
        if timing is None:
            first, again = [], []
            break
        first.append(timing.milliseconds[0])
        again.append(timing.milliseconds[2])
    for name, times in (('first', first[1:]), ('third', again[1:])):  # the first size loads all libraries
        table.add(
            Timing(tuple(times), 0) if times else None,
            network='retinanet',
            backbone=backbone,
            height=sizes[1][0],
            width=sizes[1][1],
            task=f'training, {name} step at a size',
            batch=2,
            precision=precision,
            form=form,
            layout='default',
        )


def _attention_kernels(cudnn: bool) -> list:
    kernels = [Backend.FLASH_ATTENTION, Backend.EFFICIENT_ATTENTION, Backend.MATH]
    return [*kernels, Backend.CUDNN_ATTENTION] if cudnn else kernels


def run(folder: Path = FOLDER) -> None:
    """Measure everything on the GPU that PyTorch takes first, and write ``docs/benchmarks/<device>.csv``.

    Raises:
        UserError: There is no CUDA GPU.
    """
    if not torch.cuda.is_available():
        raise UserError('the benchmark "gpu" needs a CUDA GPU, and PyTorch finds none on this machine')
    table = Table('cuda', folder)
    measure_local_attention(table)
    measure_new_sizes(table)  # before anything else has met these sizes
    measure_networks(table)
    measure_layouts(table)
    measure_layer_scale(table)
    measure_fused(table)
    measure_bfloat16(table)
    measure_compiled(table)
    measure_new_sizes_compiled(table)
    print(f'\nwritten to {table.path}')
