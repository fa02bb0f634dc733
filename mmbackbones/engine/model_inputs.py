"""What a model is given in training: images after the augmentation of a config, with their labels."""

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, DefaultScope

from ..errors import UserError, summarize_error
from ..utils.masks import dense_masks
from .config_tree import dicts_in
from .option_errors import building
from .seeding import SAMPLE, seed_all

_TRIES = 3  # for a draw of an image, in place of which the data set may give another one


@dataclass(frozen=True)
class ModelInput:
    """An image as a model is given it, and its labels there.

    Attributes:
        image: In RGB, its normalization undone, padding included, of shape ``(H, W, 3)``.
        boxes: Left, top, right and bottom in pixels, of shape ``(N, 4)``; None for segmentors.
        labels: Index of the class of each box; None for segmentors.
        masks: Pixels of each object, of shape ``(N, H, W)``; None where none are learned.
        segmentation: Index of the class of each pixel, of shape ``(H, W)``; None for detectors.
    """

    image: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.floating] | None
    labels: npt.NDArray[np.integer] | None
    masks: npt.NDArray[np.bool_] | None
    segmentation: npt.NDArray[np.integer] | None


class ModelInputs:
    """The training images of a config, as its pipeline and its preprocessor make them.

    Args:
        cfg: Config of a detector or a segmentor, with its data set; see
            :func:`~mmbackbones.engine.dataset_config.use_dataset`.

    Attributes:
        classes: Names of the classes.
        steps: The steps of the pipeline as text, such as ``RandomFlip(prob=0.5)``.

    Raises:
        UserError: The data set or the preprocessor of the config cannot be built.
    """

    def __init__(self, cfg: Config) -> None:
        self._scope = cfg.default_scope
        with DefaultScope.overwrite_default_scope(self._scope):
            # pycocotools prints what it does.
            with building('train_dataloader.dataset', {}), redirect_stdout(io.StringIO()):
                self._dataset = DATASETS.build(cfg.train_dataloader.dataset)
            with building('model.data_preprocessor', {}):
                self._preprocessor = MODELS.build(cfg.model.data_preprocessor)
        self._given = cfg.model.data_preprocessor
        pipeline = cfg.train_dataloader.dataset
        self.steps = [_as_text(step) for step in _pipeline(cfg.train_dataloader.dataset)]
        self._normalize = next((step for step in dicts_in(pipeline) if step.get('type') == 'Normalize'), None)
        self.classes = tuple(self._dataset.metainfo['classes'])

    def __len__(self) -> int:
        return len(self._dataset)

    def path(self, index: int) -> str:
        """Path of an image of the data set."""
        return str(self._dataset.get_data_info(index)['img_path'])

    def draw(self, index: int, number: int) -> tuple[str, list[ModelInput]]:
        """Draw the augmentation of an image several times, the same at each call.

        Args:
            index: Index of the image in the data set.
            number: How many draws.

        Returns:
            Path of the image; the draws.

        Raises:
            UserError: The pipeline of the config fails on the image.
        """
        draws: list[ModelInput] = []
        path = self.path(index)
        with _seeds_restored(), DefaultScope.overwrite_default_scope(self._scope):
            for place in range(number * _TRIES):
                seed_all(0, SAMPLE, index, place)
                try:
                    sample = self._dataset[index]
                    if sample['data_samples'].metainfo.get('img_path', path) == path:
                        draws.append(self._as_given(sample))
                except Exception as error:  # transforms of any kind, with any arguments
                    raise UserError(
                        f'the train pipeline of the config fails on the image {path}: {summarize_error(error)}'
                    ) from error
                if len(draws) == number:
                    break
        return path, draws

    def _as_given(self, sample: dict[str, Any]) -> ModelInput:
        batch = dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']])
        with torch.no_grad():
            batch = self._preprocessor(batch, training=True)
        image, labels = self._undo(batch['inputs'][0]), batch['data_samples'][0]
        if 'gt_sem_seg' in labels and 'gt_instances' not in labels:
            return ModelInput(image, None, None, None, labels.gt_sem_seg.data[0].numpy())
        objects = labels.gt_instances
        boxes = getattr(objects.bboxes, 'tensor', objects.bboxes).float().numpy()
        masks = dense_masks(objects.masks, *image.shape[:2]) if 'masks' in objects else None
        return ModelInput(image, boxes, objects.labels.numpy(), masks, None)

    def _undo(self, values: torch.Tensor) -> npt.NDArray[np.uint8]:
        """An image of RGB from what the network gets, of which the first three channels are shown."""
        is_rgb = bool(self._given.get('bgr_to_rgb'))
        if getattr(self._preprocessor, '_enable_normalize', False):
            values = values * self._preprocessor.std + self._preprocessor.mean
        if self._normalize:
            mean, std = (torch.tensor(self._normalize[key]).view(-1, 1, 1) for key in ('mean', 'std'))
            values = values * std + mean
            is_rgb ^= bool(self._normalize.get('to_rgb', True))
        pixels = values.clamp(0, 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        pixels = pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
        return np.ascontiguousarray(pixels if is_rgb or values.shape[0] < 3 else pixels[..., ::-1])


def _pipeline(dataset: Any) -> list[dict[str, Any]]:
    """The transforms of a data set and of its wrappers, in the order in which they are applied."""
    inner = _pipeline(dataset['dataset']) if isinstance(dataset.get('dataset'), dict) else []
    return [*inner, *(dataset.get('pipeline') or [])]


def _as_text(step: dict[str, Any]) -> str:
    name = step.get('type')
    name = name if isinstance(name, str) else getattr(name, '__name__', str(name))
    return f'{name}({", ".join(f"{key}={value!r}" for key, value in step.items() if key != "type")})'


@contextmanager
def _seeds_restored() -> Iterator[None]:
    """Leave the generators of Python, NumPy and PyTorch as they were."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
