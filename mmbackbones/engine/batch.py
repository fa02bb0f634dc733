"""Batch size: what one batch and one optimizer step hold."""

from mmengine.config import Config

from ..errors import UserError
from ..utils.text import counted
from .config_tree import dicts_in


def set_batch(cfg: Config, batch_size: int | None, accumulate: int) -> None:
    """Set the images per batch of each process, and the batches that one optimizer step accumulates gradients over.

    The learning rate is set by :func:`~mmbackbones.engine.schedule.set_learning_rate`.

    Args:
        cfg: Config of a training run; changed in place.
        batch_size: None for the config's own.
        accumulate: Batches per optimizer step.
    """
    if batch_size:
        cfg.train_dataloader.batch_size = batch_size
    cfg.optim_wrapper.accumulative_counts = accumulate


def require_full_batches(cfg: Config, processes: int) -> None:
    """Require batches of at least 2 images for pyramid pooling, and drop a smaller last batch of an epoch.

    Batch norm cannot learn from one image whose map is 1x1, and UperNet's pyramid pooling has such maps.

    Args:
        cfg: Config of a segmentor; changed in place.
        processes: Number of processes, which share a batch norm.

    Raises:
        UserError: The model has pyramid pooling and the batch is one image.
    """
    if _pools_pyramids(cfg) and cfg.train_dataloader.batch_size * processes < 2:
        raise UserError(
            'a batch of 1 image is too small: the pyramid pooling of this model normalizes over the batch; '
            'use --batch-size 2 or more'
        )
    cfg.train_dataloader.drop_last = True


def smallest_batch(cfg: Config, processes: int) -> int:
    """The fewest images per batch of each process that the config can be trained with.

    Args:
        cfg: Config of a training run, after the checks of its model.
        processes: Number of processes.
    """
    # Only where single images are too small does a detector drop the last of an epoch.
    too_small = _pools_pyramids(cfg) or (cfg.default_scope == 'mmdet' and cfg.train_dataloader.get('drop_last'))
    return 2 if too_small and processes < 2 else 1


def _pools_pyramids(cfg: Config) -> bool:
    return any('pool_scales' in node for node in dicts_in(cfg.model))


def check_step_size(cfg: Config, images: int, processes: int) -> None:
    """Check that one optimizer step takes no more images than there are.

    Args:
        cfg: The config that is run.
        images: Number of training images.
        processes: Number of processes.

    Raises:
        UserError: It takes more.
    """
    batch_size, batches = cfg.train_dataloader.batch_size, cfg.optim_wrapper.get('accumulative_counts', 1)
    needed = batch_size * processes * batches
    if needed > images:
        factors = [counted(batch_size, 'image per batch', 'images per batch')]
        factors += [f'{processes} processes'] if processes > 1 else []
        factors += [f'{batches} batches per step'] if batches > 1 else []
        raise UserError(
            f'there {"is" if images == 1 else "are"} {counted(images, "training image")}, and one step would take '
            f'{needed} ({" x ".join(factors)}): use a smaller --batch-size or --accumulate'
        )
