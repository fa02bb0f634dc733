"""What a checkpoint says of the whole model in it and of its training run, read as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from ..errors import printable
from ..weights import trained_classes, trained_config

_MAX_LENGTH = 200  # characters of a name or path
_MAX_LISTED = 10  # classes
_TASKS = {'mmdet': 'detector', 'mmseg': 'segmentor'}  # by the default scope of the config


@dataclass(frozen=True)
class TrainedModel:
    """What a checkpoint says of its model; anybody may have written it. None or empty: it does not say.

    Attributes:
        task: ``detector`` or ``segmentor``.
        model: Registry type of the model, such as ``RetinaNet``; for segmentors that of the head, such as ``UPerHead``.
        classes: Names of the classes in label order.
        img_scale: Width and height in pixels that images are resized to fit into.
        mean: What is subtracted from each channel of an image, 0 to 255.
        std: What each channel is then divided by.
        channel_order: Order of these channels, ``RGB`` or ``BGR``.
        data: Folder of the data that it was trained on.
        epoch: Completed epochs; None in a run that was counted in iterations.
        iter: Completed iterations.
    """

    task: str | None
    model: str | None
    classes: tuple[str, ...]
    img_scale: tuple[int, int] | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channel_order: str | None
    data: str | None
    epoch: int | None
    iter: int | None

    @property
    def lines(self) -> list[str]:
        """All that is known, in words."""
        name = ' '.join(filter(None, (self.task, self.model)))
        shown = ', '.join(printable(text[:_MAX_LENGTH]) for text in self.classes[:_MAX_LISTED])
        more = f' and {len(self.classes) - _MAX_LISTED} more' if len(self.classes) > _MAX_LISTED else ''
        images = []
        if self.img_scale:
            images.append(f'resized to fit into {self.img_scale[0]}x{self.img_scale[1]} pixels')
        if self.mean and self.std:
            images.append(describe_normalization(self.mean, self.std, self.channel_order))
        position = []
        if self.epoch:
            position.append(f'epoch {self.epoch}')
        if self.iter:
            position.append(f'iteration {self.iter}')
        facts = {
            'model': name,
            f'classes ({len(self.classes)})': shown + more,
            'images': '; '.join(images),
            'trained on': self.data or '',
            'trained to': ', '.join(position),
        }
        return [f'{key}: {printable(value)}' for key, value in facts.items() if value]


def describe_normalization(mean: tuple[float, ...], std: tuple[float, ...], channel_order: str | None) -> str:
    """The normalization of images in words."""
    means, stds = (', '.join(f'{value:g}' for value in values) for values in (mean, std))
    return f'{channel_order + ", " if channel_order else ""}mean ({means}), standard deviation ({stds}), of 0 to 255'


def read_trained_model(checkpoint: object) -> TrainedModel:
    """What a checkpoint says of its model and its training run; whatever is of an unexpected kind is left out.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` returned.
    """
    cfg, meta = trained_config(checkpoint), _dict(_dict(checkpoint).get('meta'))
    model = _dict(cfg.get('model'))
    head = _dict(model.get('decode_head'))
    preprocessor = _dict(model.get('data_preprocessor'))
    mean, std = (_numbers(preprocessor.get(name)) for name in ('mean', 'std'))
    to_rgb = preprocessor.get('bgr_to_rgb')  # MMEngine reads images as BGR
    return TrainedModel(
        task=_TASKS.get(_name(cfg.get('default_scope')) or ''),
        model=_name(head.get('type')) or _name(model.get('type')),
        classes=trained_classes(checkpoint) or (),
        img_scale=_img_scale(_dataset(cfg, 'test_dataloader')),
        mean=mean,
        std=std,
        channel_order=('RGB' if to_rgb else 'BGR') if isinstance(to_rgb, bool) and len(mean) == 3 else None,
        data=_data(meta, cfg),
        epoch=None if meta.get('by_epoch') is False else _count(meta.get('epoch')),
        iter=_count(meta.get('iter')),
    )


def _dict(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _name(value: Any) -> str | None:
    return str(value)[:_MAX_LENGTH] if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 2**53 else None


def _numbers(value: Any) -> tuple[float, ...]:
    sound = isinstance(value, list | tuple) and len(value) <= 16
    sound = sound and all(type(number) in (int, float) and isfinite(number) for number in value)
    return tuple(map(float, value)) if sound else ()


def _dataset(cfg: Mapping[str, Any], loader: str) -> Mapping[Any, Any]:
    """The data set of a loader, without its wrappers."""
    dataset = _dict(_dict(cfg.get(loader)).get('dataset'))
    for _ in range(10):
        if 'dataset' not in dataset:
            break
        dataset = _dict(dataset['dataset'])
    return dataset


def _img_scale(dataset: Mapping[Any, Any]) -> tuple[int, int] | None:
    pipeline = dataset.get('pipeline')
    for step in pipeline if isinstance(pipeline, list | tuple) else ():
        scale = _dict(step).get('scale')
        if isinstance(scale, list | tuple) and len(scale) == 2 and all(_count(side) for side in scale):
            return scale[0], scale[1]
    return None


def _data(meta: Mapping[Any, Any], cfg: Mapping[str, Any]) -> str | None:
    """The data folder as the run recorded it, or else as its config names it."""
    recorded = _name(_dict(meta.get('settings')).get('data'))
    if recorded and recorded != 'of the config':
        return recorded
    return _name(_dataset(cfg, 'train_dataloader').get('data_root'))
