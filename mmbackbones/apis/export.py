"""The verb ``export``: a trained model, or a backbone, as a file for other runtimes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from torch import nn

from ..engine.img_scale import MAX_SIZE, MIN_SIZE, checked_img_scale
from ..engine.inference_form import inference_form
from ..errors import UserError, printable
from ..export.example_images import example_images
from ..export.extra import need
from ..export.formats import SUFFIXES, choose_format
from ..export.graphs import graph_of
from ..export.metadata import FEATURES, Metadata
from ..export.object_match import Array
from ..export.onnx_file import OPSET
from ..export.sessions import Shape, open_session
from ..export.verification import BATCHES, Agreement, check_sizes, verify_features, verify_model
from ..export.writing import write_file
from ..utils.config_files import ConfigLike
from ..utils.paths import path_text
from ..utils.text import counted
from .export_source import Source, find_source
from .load import load

# What each format takes to be written and read again.
_NEEDED = {'onnx': ('onnx', 'onnxruntime'), 'openvino': ('onnx', 'openvino'), 'torch-export': ('torch',)}
_EXAMPLE_SIZE = (64, 96)  # height and width
_BACKBONE_SIZE = (224, 224)  # width and height that a backbone is compared at, and others beside it


@dataclass(frozen=True)
class ExportResult:
    """What was exported.

    Attributes:
        file: The file; OpenVINO's has another beside it, with the suffix ``.bin``.
        format: ``onnx``, ``openvino`` or ``torch-export``.
        metadata: What the file says of itself.
        agreement: How far its results are from those of PyTorch.
    """

    file: Path
    format: str
    metadata: Metadata
    agreement: Agreement


def export(
    checkpoint: str | os.PathLike[str],
    file: str | os.PathLike[str],
    *,
    format: str | None = None,
    img_scale: tuple[int, int] | None = None,
    static: bool = False,
    config: ConfigLike | None = None,
    weights: str | os.PathLike[str] | None = None,
) -> ExportResult:
    """Write a trained model, or a backbone, to a file for other runtimes, and compare that file with PyTorch.

    Example:
        >>> import mmbackbones as mmb
        >>> done = mmb.export('work_dirs/retinanet_van_t/epoch_12.pth', 'model.onnx')
        >>> done.agreement.difference.score, done.agreement.difference.pixels
        (1.1e-06, 0.00012)
        >>> mmb.test('model.onnx', data='photos')

    Args:
        checkpoint: File or URL of a trained model. Or, for a backbone alone: a checkpoint of one, the name of a config
            of this package, or a name of :func:`~mmbackbones.list_backbones` or
            :func:`~mmbackbones.list_checkpoints`.
        file: Where to write to: ``.onnx``, ``.xml`` (OpenVINO) or ``.pt2`` (a program of `torch.export`).
        format: ``onnx``, ``openvino`` or ``torch-export``; None to tell by the suffix.
        img_scale: Width and height in pixels that images are resized to fit into; None for as in training.
        static: Whether the file takes one image of `img_scale` at a time, and no others.
        config: As of :func:`~mmbackbones.load`.
        weights: File, URL or short name of weights for a backbone that is named.

    Returns:
        What was written. Its directory gets it complete or not at all.

    Raises:
        UserError: A mistake in the arguments or the files, a model that cannot be exported, or a missing library.
        RunFailed: The file computes something else than PyTorch; it is not kept.
    """
    path, format = choose_format(os.fspath(file), format)
    checkpoint, weights = os.fspath(checkpoint), path_text('weights', weights)
    need('exporting', *_NEEDED[format])
    img_scale = checked_img_scale(img_scale)
    if not isinstance(static, bool):
        raise UserError(f'static must be True or False, got {static!r}')
    source = find_source(checkpoint, config, weights, img_scale)
    source = _with_size(replace(source, network=inference_form(source.network)), img_scale, static)
    if format != 'torch-export':
        source = replace(source, metadata=replace(source.metadata, opset=OPSET))
    graph = graph_of(source.network)
    print(f'exporting {printable(checkpoint)}: {source.metadata.network}, {source.metadata.task}')
    if source.random:
        print('THE WEIGHTS ARE RANDOM: name trained ones with --weights')
    with _beside(path) as folder:
        written = folder / path.name
        write_file(graph, written, format, source.metadata)
        _describe(path, written, format, source.metadata)
        agreement = _verify(source, written, partial(_rewrite, source, folder, format))
        parts = [part for part in folder.iterdir() if part.is_file()]
        for part in sorted(parts, key=lambda part: part.name == path.name):
            os.replace(part, path.with_name(part.name))  # the weights of OpenVINO first
    print(f'done: {printable(str(path))}')
    return ExportResult(path, format, source.metadata, agreement)


def _with_size(source: Source, img_scale: tuple[int, int] | None, static: bool) -> Source:
    """The source, with what its file says of sizes."""
    metadata = source.metadata
    if source.carried is None:
        if img_scale and not static:
            raise UserError(
                '--img-scale of a backbone goes with --static: without it, its file takes images of any size'
            )
        if img_scale and not MIN_SIZE <= min(img_scale) <= max(img_scale) <= MAX_SIZE:
            raise UserError(f'--img-scale must be from {MIN_SIZE} to {MAX_SIZE} pixels a side, got {img_scale}')
    if not static:
        return source
    size = img_scale or metadata.img_scale
    settings = source.carried.model.get('test_cfg') if source.carried is not None else None
    if source.carried is not None and settings and settings.get('mode') == 'slide':
        height, width = settings.crop_size  # the windows of a segmentor are what the file sees
        size = (int(width), int(height))
    if size is None:
        raise UserError('--static needs a size: name it with --img-scale W H')
    return replace(source, metadata=replace(metadata, static_size=size))


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A folder beside a file, which is removed in the end."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(dir=path.parent, prefix=f'.{path.name}.', suffix='.partial')
    except OSError as error:
        raise UserError(f'cannot write to {path.parent}: {error.strerror or error}') from error
    if path.is_dir():
        folder.cleanup()
        raise UserError(f'{path} is a folder: name a file')
    with folder as name:
        yield Path(name)


def _describe(path: Path, written: Path, format: str, metadata: Metadata) -> None:
    """Print what the file is."""
    session = open_session(written)
    size = sum(part.stat().st_size for part in written.parent.iterdir() if part.is_file())
    kind = {'onnx': f'ONNX, opset {metadata.opset}', 'openvino': 'OpenVINO', 'torch-export': 'torch.export program'}
    print(f'{printable(str(path))}: {kind[format]}, {size / 1e6:.1f} MB')
    (name, shape), *_ = session.inputs.items()
    height, width = session.static_size or _EXAMPLE_SIZE
    print(f'  input {name}: {_in_letters(shape, shape, height, width)}')
    found = session.run(np.zeros((1, 3, height, width), np.float32))
    for name, shape in session.outputs.items():
        print(f'  output {name}: {_in_letters(shape, found[name].shape, height, width)}')


def _in_letters(shape: Shape, example: Shape, height: int, width: int) -> str:
    """A shape in words, with letters for what may have any size.

    Args:
        shape: The shape, in which names or -1 stand for any size.
        example: The same for one image.
        height: Of that image.
        width: Of that image.
    """
    sides = [str(side) if isinstance(side, int) and side >= 0 else '' for side in shape]
    letters = [
        'N',
        str(example[1]),
        *(_part(*sizes) for sizes in zip('HW', (height, width), example[2:], strict=False)),
    ]
    return ' x '.join(side or letter for side, letter in zip(sides, letters, strict=False))


def _part(letter: str, whole: int, part: int | str) -> str:
    return letter if part in (whole, letter) or not isinstance(part, int) or part <= 0 else f'{letter}/{whole // part}'


def _verify(source: Source, written: Path, rewrite: Any) -> Agreement:
    """Compare the file with PyTorch, and print what was compared."""
    images, said = example_images(source.metadata, max(BATCHES))
    metadata = source.metadata
    scale = metadata.static_size or metadata.img_scale or _BACKBONE_SIZE
    sizes = check_sizes(scale, metadata.static_size is not None)
    batches = BATCHES if metadata.static_size is None else (1,)
    if source.carried is None:
        prepare = partial(_normalized, metadata)
        agreement = verify_features(source.network, open_session(written).run, prepare, images, sizes, batches)
    else:
        exported = load(written, 'cpu').network
        agreement = verify_model(source.network, exported, images, sizes, rewrite, batches)
    _report(agreement, said, metadata.task)
    return agreement


def _rewrite(source: Source, folder: Path, format: str) -> nn.Module:
    """Export the network as it is now, and load that file."""
    copy = folder / 'copy' / f'copy{SUFFIXES[format]}'
    copy.parent.mkdir(exist_ok=True)
    write_file(graph_of(source.network), copy, format, source.metadata)
    return load(copy, 'cpu').network


def _normalized(metadata: Metadata, image: Array) -> Array:
    pixels = image[..., ::-1] if metadata.channel_order == 'RGB' else image
    return ((pixels - np.array(metadata.mean)) / np.array(metadata.std)).transpose(2, 0, 1).astype(np.float32)


def _report(agreement: Agreement, said: str, task: str) -> None:
    difference = agreement.difference
    sizes = ', '.join(f'{width}x{height}' for width, height in agreement.sizes)
    batches = ', '.join(map(str, agreement.batches))
    print(f'compared with PyTorch on {said}, resized to {sizes} pixels, {batches} at once:')
    if agreement.lowered is not None:
        print(f'  no object reaches the threshold, so objects from a score of {agreement.lowered:.4g} were compared')
    if agreement.objects is not None:
        print(f'  {counted(agreement.objects, "object")}')
    whole = {FEATURES: 'the largest value of a map', 'semantic segmentation': 'a probability'}.get(task, 'a score')
    apart = [f'{difference.score:.1e} of {whole}']
    if difference.pixels is not None:
        apart.append(f'{difference.pixels:.1e} pixels of a corner of a box')
    print(f'  largest difference: {" and ".join(apart)}')
