"""A model that is applied to images: in batches, the next of which is read while one is computed."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import MODELS, DefaultScope
from torch import nn

from ..engine.amp import check_half_precision, half_precision
from ..engine.augmentation import augment
from ..engine.device import device_of
from ..engine.option_errors import building
from ..engine.tile_config import checked_tile, tile_config
from ..errors import RunFailed, summarize_error
from ..utils.arguments import check_counts, check_share, check_switches
from ..utils.host_allocator import keep_memory, settle
from ..utils.masks import dense_masks
from ..utils.text import counted
from .inputs import FileImage, Input, InputPipeline
from .prediction import Prediction
from .predictions import Predictions
from .sources import Source
from .videos import frame_count

T = TypeVar('T')


class Predictor:
    """A trained model, and how it is applied.

    Args:
        network: A detector or segmentor, in evaluation mode.
        cfg: What it was built from, with the pipeline that its images go through.
        classes: Names of its classes.
        category_ids: The number of each class in the data.
        score_thr: Score from which an object counts.
        batch_size: Images that are computed at once.
        amp: Whether to compute in half precision.
        tta: Whether to average over scales and flips.
        tile: Width and height in pixels of tiles in which images are predicted as well as whole; None for whole only.
        overlap: Share of a tile that its neighbors cover, too, from 0 to below 0.9.

    Raises:
        UserError: A value is not allowed, or the config cannot do that.
    """

    def __init__(
        self,
        network: nn.Module,
        cfg: Config,
        classes: tuple[str, ...],
        category_ids: tuple[int, ...],
        *,
        score_thr: float = 0.3,
        batch_size: int = 1,
        amp: bool = False,
        tta: bool = False,
        tile: tuple[int, int] | None = None,
        overlap: float = 0.2,
    ) -> None:
        check_share('score_thr', score_thr)
        check_counts(batch_size=batch_size)
        check_switches(amp=amp, tta=tta)
        tile = checked_tile(tile, overlap, tta)
        self.classes = classes
        self.category_ids = category_ids
        self.score_thr = score_thr
        self.batch_size = batch_size
        self._device = device_of(network).type
        if amp:
            check_half_precision(self._device)
        self._amp = amp
        cfg = deepcopy(cfg)
        if tta:
            augment(cfg)
        if tile:
            cfg.test_dataloader.batch_size = batch_size
            tile_config(cfg, tile, overlap)
        with building('test_dataloader.dataset.pipeline', {}):
            self._pipeline = InputPipeline(cfg)
        self._network = _wrapped(network, cfg)
        self._reported = set[Source]()

    def predict(self, sources: Sequence[Source], failures: list[tuple[str, str]]) -> Predictions:
        """Predict one image after the other.

        Args:
            sources: The images.
            failures: Gets those that there is no prediction for.
        """
        return Predictions(self._predict(sources, failures), failures, _count(sources))

    def _predict(self, sources: Sequence[Source], failures: list[tuple[str, str]]) -> Iterator[Prediction]:
        inputs = self._pipeline.inputs(sources, failures)
        batches = iter(lambda: list(islice(inputs, self.batch_size)), [])
        if self._device == 'cpu':
            keep_memory()
        for batch in _one_ahead(batches):
            for given, sample in zip(batch, self._samples(batch, failures), strict=True):
                if sample is not None:
                    yield self._prediction(given, sample)
                if isinstance(given.read_image, FileImage):
                    given.read_image.forget()
            settle()

    def _samples(self, batch: list[Input], failures: list[tuple[str, str]]) -> list[Any]:
        """The network's own form of each prediction; None for an image that it cannot take."""
        try:
            with torch.inference_mode(), self._computing():
                return self._network.test_step(pseudo_collate([given.packed for given in batch]))
        except torch.cuda.OutOfMemoryError as error:
            raise RunFailed(_out_of_memory(len(batch))) from error
        except Exception as error:  # of a library, for an image that is too small, say
            if len(batch) > 1:
                return [sample for given in batch for sample in self._samples([given], failures)]
            self._report(batch[0], summarize_error(error), failures)
            return [None]

    def _report(self, given: Input, reason: str, failures: list[tuple[str, str]]) -> None:
        """Tell of an image that the network cannot take; of a video once, for its frames have one size."""
        if given.frame is not None:
            if given.source in self._reported:
                return
            self._reported.add(given.source)
            reason = f'frame {given.frame}: {reason}'
        failures.append((given.source.name or 'an array', reason))

    def _computing(self) -> AbstractContextManager:
        return half_precision(self._network, self._device) if self._amp else nullcontext()

    def _prediction(self, given: Input, sample: Any) -> Prediction:
        nothing = dict(boxes=np.zeros((0, 4), np.float32), scores=np.zeros(0, np.float32), labels=np.zeros(0, np.int64))
        if 'pred_sem_seg' in sample:
            found = dict(nothing, masks=None, segmentation=_array(sample.pred_sem_seg.data, np.int64)[0])
        else:
            found = dict(self._objects(sample.pred_instances, sample.ori_shape[:2]), segmentation=None)
        return Prediction(
            source=given.source.name,
            frame=given.frame,
            classes=self.classes,
            category_ids=self.category_ids,
            read_image=given.read_image,
            **found,
        )

    def _objects(self, instances: Any, size: tuple[int, int]) -> dict[str, Any]:
        scores = _array(instances.scores, np.float32)
        order = np.argsort(-scores, kind='stable')
        order = order[scores[order] >= self.score_thr]
        boxes = getattr(instances.bboxes, 'tensor', instances.bboxes)
        return dict(
            boxes=_array(boxes, np.float32).reshape(-1, 4)[order],
            scores=scores[order],
            labels=_array(instances.labels, np.int64)[order],
            masks=_masks(instances.get('masks'), order, size),
        )


def _masks(masks: Any, order: np.ndarray[Any, Any], size: tuple[int, int]) -> np.ndarray[Any, Any] | None:
    """The masks of the objects that are asked for, bool (n, H, W); no others leave the GPU or are decoded."""
    if masks is None:
        return None
    if torch.is_tensor(masks):
        return _array(masks[torch.from_numpy(order).to(masks.device)], bool)
    return dense_masks([masks[i] for i in order], *size)


def _wrapped(network: nn.Module, cfg: Config) -> Any:
    """The network, in the model that test-time augmentation puts around it, if it does."""
    if 'module' not in cfg.model:
        return network
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mmengine'):
        return MODELS.build({**cfg.model, 'module': network}).eval()


def _array(values: Any, dtype: Any) -> np.ndarray[Any, Any]:
    if torch.is_tensor(values):
        values = values.detach().to('cpu')
        values = (values.float() if values.is_floating_point() else values).numpy()
    return np.asarray(values, dtype)


def _one_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield `items`, each of which is computed in a thread while the one before it is used."""
    end: Any = object()
    with ThreadPoolExecutor(1, thread_name_prefix='reader') as pool:
        following = pool.submit(next, items, end)
        while (item := following.result()) is not end:
            following = pool.submit(next, items, end)
            yield item


def _count(sources: Sequence[Source]) -> int | None:
    """The number of images, if all sources say how many they have."""
    total = 0
    for source in sources:
        count = 1
        if source.camera is not None:
            return None
        if source.is_video and source.file is not None:
            count = frame_count(source.file) or 0
            if not count:
                return None
        total += count
    return total


def _out_of_memory(images: int) -> str:
    fewer = 'a smaller --batch-size' if images > 1 else 'tiles (--tile W H)'
    return f'the GPU has not enough memory for {counted(images, "image")} at once: give {fewer}, --amp or --device cpu'
