"""Checks of a model against the data: numbers of classes, and images too small for its batch norms."""

from math import ceil
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from ..errors import UserError
from ..utils.text import counted
from .config_tree import dicts_in


def check_class_weights(cfg: Config) -> None:
    """Raise UserError if the ``class_weight`` of a loss does not match the number of classes of the data."""
    for head in dicts_in(cfg.model):
        classes = head.get('num_classes')
        for name, loss in head.items() if classes else ():
            for one in loss if isinstance(loss, list) else [loss]:
                weights = one.get('class_weight') if isinstance(one, dict) else None
                # The losses of detectors count the background as a class unless they are sigmoids.
                background = cfg.default_scope == 'mmdet' and not one.get('use_sigmoid') if weights else False
                wanted = classes + background
                if isinstance(weights, list | tuple) and len(weights) != wanted:
                    also = ' and the background' if background else ''
                    raise UserError(
                        f'class_weight of {name} has {counted(len(weights), "value")}, but the data has '
                        f'{counted(classes, "class", "classes")}{also}: give {counted(wanted, "value")}'
                    )


def check_single_images(cfg: Config, model: nn.Module) -> None:
    """Keep batch norms from getting a single value per channel, which PyTorch refuses in mid-training.

    That happens where a batch is one image that is as small as one pixel of the coarsest map. Where only the last batch
    of an epoch is a single image, it is dropped.

    Args:
        cfg: The config; ``train_dataloader.drop_last`` may be set.
        model: The model, built.

    Raises:
        UserError: All batches are of one image.
    """
    sizes = _training_sizes(cfg)
    if not sizes or min(height * width for height, width in sizes) > 32 * 32:
        return
    model.train()
    try:
        with torch.no_grad():
            images = torch.zeros(1, 3, 32, 32)
            if getattr(model, 'with_roi_head', False):
                model.extract_feat(images)  # type: ignore[operator]
            else:
                model(images, mode='tensor')
    except ValueError as error:
        if 'more than 1 value per channel' not in str(error):
            return
        if cfg.train_dataloader.batch_size == 1:
            raise UserError(
                'a batch of 1 image of 32x32 pixels is too small: batch norm has a single value per '
                'channel to learn from; use --batch-size 2 or more, or a larger --img-scale'
            ) from error
        cfg.train_dataloader.drop_last = True
    except Exception:  # a model that takes more than images; this was only a trial
        return


def _training_sizes(cfg: Config) -> list[tuple[int, int]]:
    """Heights and widths that images are resized, cropped and padded to in training; empty if the config has none."""
    crops: list[Any] = []
    scales: list[Any] = []
    for step in dicts_in(cfg.train_dataloader):
        for key, sizes in (('scale', scales), ('scales', scales), ('crop_size', crops)):
            value = step.get(key)
            if isinstance(value, list | tuple) and value:
                several = value if isinstance(value[0], list | tuple) else [value]
                sizes += [size for size in several if len(size) == 2 and all(isinstance(n, int) for n in size)]
    return [(32 * ceil(height / 32), 32 * ceil(width / 32)) for width, height in crops or scales]
