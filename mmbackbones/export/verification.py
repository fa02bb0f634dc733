"""The check of an exported file against PyTorch, before it is called done."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import RunFailed
from .object_match import MAX_PIXELS, MAX_SCORE, Array, Decisions, Difference, Objects, compare_objects

BATCHES = (1, 2, 5)
_MAX_PIXELS = 400 * 400  # of an image
_MIN_SIDE = 33  # of an image, in pixels
_FEW_OBJECTS = 100  # that a copy of the file shows which has none at the threshold


@dataclass(frozen=True)
class Agreement:
    """How far an exported file and PyTorch are apart.

    Attributes:
        difference: The largest ones.
        sizes: Width and height of the images.
        batches: How many were computed at once.
        objects: How many objects PyTorch found; None where the network finds none.
        lowered: Score from which on objects were compared, in a copy of the file, because none reaches the threshold.
    """

    difference: Difference
    sizes: tuple[tuple[int, int], ...]
    batches: tuple[int, ...]
    objects: int | None = None
    lowered: float | None = None


def check_sizes(img_scale: tuple[int, int], static: bool) -> tuple[tuple[int, int], ...]:
    """Widths and heights to compare at: multiples of 32 and others, wide and high; the only one of a static file."""
    if static:
        return (img_scale,)
    width, height = img_scale
    shrink = min(1.0, (_MAX_PIXELS / (width * height)) ** 0.5)
    width, height = (max(_MIN_SIDE, round(side * shrink)) for side in (width, height))
    even = tuple(max(64, round(side / 32) * 32) for side in (width, height))
    odd = (_odd(0.8 * width), _odd(0.7 * height))
    return ((even[0], even[1]), odd, (_odd(0.6 * height), _odd(0.9 * width)))


def _odd(side: float) -> int:
    return max(_MIN_SIDE, round(side) // 2 * 2 + 1)


def verify_model(
    network: nn.Module,
    exported: nn.Module,
    images: Sequence[Array],
    sizes: Sequence[tuple[int, int]],
    rewrite: Callable[[], Any],
    batches: Sequence[int] = BATCHES,
) -> Agreement:
    """Compare the file of a detector or a segmentor with PyTorch.

    Args:
        network: The trained model.
        exported: The file as a model, see :mod:`mmbackbones.export.exported_model`.
        images: uint8 (H, W, 3), BGR; as many as the largest batch.
        sizes: Widths and heights to resize them to.
        rewrite: Exports the network again, as it is then, and returns that file as a model.
        batches: How many images to compute at once.

    Raises:
        RunFailed: They differ by more than rounding explains.
    """
    sizes, batches = tuple(sizes), tuple(batches)
    if hasattr(network, 'decode_head'):
        difference = _compare(exported, images, sizes, batches, _Segmentation(network))
        return _agreed(Agreement(difference, sizes, batches))
    detection = _Detection(network)
    found = Difference()
    with torch.no_grad():
        objects = detection.count(images, sizes)
        lowered = None
        if not objects:
            _compare(exported, images, sizes[:1], batches[:1], detection)  # runs, and finds nothing either
            lowered = detection.lower(images, sizes)
            exported = rewrite()
            objects = detection.count(images, sizes)
        found = _compare(exported, images, sizes, batches, detection)
    return _agreed(Agreement(found, sizes, batches, objects, lowered))


def verify_features(
    network: nn.Module,
    run: Callable[[Array], dict[str, Array]],
    normalized: Callable[[Array], Array],
    images: Sequence[Array],
    sizes: Sequence[tuple[int, int]],
    batches: Sequence[int] = BATCHES,
) -> Agreement:
    """Compare the file of a backbone with PyTorch; a difference counts in relation to the largest value of its map.

    Args:
        network: The backbone.
        run: Computes the file.
        normalized: Makes an input (3, H, W) of an image (H, W, 3).
        images: As of :func:`verify_model`.
        sizes: The same.
        batches: The same.

    Raises:
        RunFailed: They differ by more than rounding explains.
    """
    largest = 0.0
    for size in sizes:
        inputs = np.stack([normalized(cv2.resize(image, size)) for image in images])
        with torch.no_grad():
            expected = [values.numpy() for values in network(torch.from_numpy(inputs))]
        for batch in batches:
            for found, whole in zip(run(inputs[:batch]).values(), expected, strict=True):
                if found.shape != whole[:batch].shape:
                    raise RunFailed(f'the file gives a map of {found.shape}, and PyTorch of {whole[:batch].shape}')
                apart = np.abs(found - whole[:batch]).max() / max(np.abs(whole).max(), 1e-12)
                largest = max(largest, float(np.nan_to_num(apart, nan=np.inf)))
    return _agreed(Agreement(Difference(largest), tuple(sizes), tuple(batches)))


def _agreed(agreement: Agreement) -> Agreement:
    difference = agreement.difference
    problem = difference.problem
    if not problem and difference.score > MAX_SCORE:
        problem = f'a score differs by {difference.score:.2g}'
    if not problem and (difference.pixels or 0) > MAX_PIXELS:
        problem = f'a corner of a box differs by {difference.pixels:.2g} pixels'
    if problem:
        raise RunFailed(
            f'the exported file differs from PyTorch: {problem}; it was removed ({MAX_SCORE:g} of a score and '
            f'{MAX_PIXELS:g} pixels are allowed)'
        )
    return agreement


def _compare(exported: Any, images: Sequence[Array], sizes: Sequence, batches: Sequence[int], task: Any) -> Difference:
    largest = Difference()
    for size in sizes:
        expected = [task.expect(image, size) for image in images]
        for batch in batches:
            with torch.no_grad():
                samples = exported.test_step(task.batch(images[:batch], size))
            for sample, one in zip(samples, expected, strict=False):
                largest |= task.difference(sample, one)
                if largest.problem:
                    at = f' (images of {size[0]}x{size[1]} pixels, {batch} at once)'
                    return Difference(largest.score, largest.pixels, largest.problem + at)
    return largest


class _Detection:
    """Runs a detector, also without suppression."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.two_stages = hasattr(network, 'roi_head')
        settings = self.settings
        nms = dict(settings.get('nms') or {})
        self.decisions = Decisions(
            iou_threshold=nms.get('iou_threshold', 1.0),
            score_thr=settings.get('score_thr', 0.0),
            max_per_img=settings.get('max_per_img', -1),
            class_agnostic=bool(nms.get('class_agnostic', False)),
            two_stages=self.two_stages,
        )

    @property
    def settings(self) -> Any:
        """What its last stage decides by."""
        return (self.network.roi_head if self.two_stages else self.network.bbox_head).test_cfg

    def batch(self, images: Sequence[Array], size: tuple[int, int]) -> dict[str, list]:
        """A batch as the test pipeline makes it."""
        samples = []
        for image in images:
            height, width = image.shape[:2]
            meta = dict(ori_shape=(height, width), img_shape=size[::-1])
            samples.append(DetDataSample(metainfo=dict(meta, scale_factor=(size[0] / width, size[1] / height))))
        return dict(inputs=_tensors(images, size), data_samples=samples)

    def expect(self, image: Array, size: tuple[int, int]) -> tuple[Objects, Objects]:
        """The objects in an image, and all candidates."""
        with torch.no_grad():
            found = _objects(self.network.test_step(self.batch([image], size))[0])
            least = max(0.0, self.decisions.score_thr - 2 * MAX_SCORE)
            with self._without_suppression(least):
                return found, _objects(self.network.test_step(self.batch([image], size))[0])

    def difference(self, sample: DetDataSample, expected: tuple[Objects, Objects]) -> Difference:
        """That of an image."""
        return compare_objects(_objects(sample), *expected, self.decisions)

    def count(self, images: Sequence[Array], sizes: Sequence[tuple[int, int]]) -> int:
        """How many objects there are in all images at all sizes."""
        steps = (self.network.test_step(self.batch([image], size)) for size in sizes for image in images)
        return sum(len(sample.pred_instances) for step in steps for sample in step)

    def lower(self, images: Sequence[Array], sizes: Sequence[tuple[int, int]]) -> float:
        """Lower the network's threshold until there are objects, and return it."""
        scores = []
        with self._without_suppression(0.0):
            for size in sizes:
                found = _objects(self.network.test_step(self.batch(images[:1], size))[0]).scores
                scores.append(np.sort(found)[::-1][: _FEW_OBJECTS + 1][-1] if len(found) else 0.0)
        lowered = float(min(scores))
        self.settings['score_thr'] = lowered
        self.decisions = Decisions(**{**vars(self.decisions), 'score_thr': lowered})
        return lowered

    @contextmanager
    def _without_suppression(self, score_thr: float) -> Iterator[None]:
        """Let all candidates through, but without masks."""
        network = self.network
        everything = dict(nms=dict(type='nms', iou_threshold=1.0), max_per_img=100_000)
        changes = [(self.settings, dict(everything, score_thr=score_thr))]
        if self.two_stages:
            changes.append((network.rpn_head.test_cfg, everything))
        before = [(settings, deepcopy(dict(settings))) for settings, _ in changes]
        mask_head = network.roi_head._modules.pop('mask_head', None) if self.two_stages else None
        for settings, change in changes:
            settings.update(change)
        try:
            yield
        finally:
            for settings, old in before:
                settings.clear()
                settings.update(old)
            if mask_head is not None:
                network.roi_head._modules['mask_head'] = mask_head


class _Segmentation:
    """Runs a segmentor."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def batch(self, images: Sequence[Array], size: tuple[int, int]) -> dict[str, list]:
        """A batch as the test pipeline makes it."""
        metas = [dict(ori_shape=image.shape[:2], img_shape=size[::-1]) for image in images]
        return dict(inputs=_tensors(images, size), data_samples=[SegDataSample(metainfo=meta) for meta in metas])

    def expect(self, image: Array, size: tuple[int, int]) -> Tensor:
        """The score of each class at each pixel."""
        with torch.no_grad():
            return _probabilities(self.network.test_step(self.batch([image], size))[0])

    def difference(self, sample: SegDataSample, expected: Tensor) -> Difference:
        """That of an image."""
        found = _probabilities(sample)
        if found.shape != expected.shape:
            return Difference(problem=f'label scores of {tuple(found.shape)}, and in PyTorch {tuple(expected.shape)}')
        return Difference(float((found - expected).abs().max().nan_to_num(nan=torch.inf)))


def _tensors(images: Sequence[Array], size: tuple[int, int]) -> list[Tensor]:
    return [torch.from_numpy(cv2.resize(image, size).transpose(2, 0, 1).copy()) for image in images]


def _probabilities(sample: SegDataSample) -> Tensor:
    logits = sample.seg_logits.data
    return logits.softmax(0) if len(logits) > 1 else logits  # of two classes it is a probability already


def _objects(sample: DetDataSample) -> Objects:
    found = sample.pred_instances
    boxes, scores, labels = (torch.as_tensor(found[name]).numpy() for name in ('bboxes', 'scores', 'labels'))
    return Objects(boxes, scores, labels, torch.as_tensor(found.masks).numpy() if 'masks' in found else None)
