"""Settings of a training run that a command which resumes it is compared with."""

from pathlib import Path

from mmengine.config import Config
from mmengine.dist import get_world_size

from ..errors import printable
from .amp import uses_amp
from .averaged_weights import averages_weights
from .compilation import compiles
from .schedule import scaled_learning_rate

_MAX_LENGTH = 150  # characters of a path; long texts in a checkpoint are refused when it is read


def run_settings(
    cfg: Config, root: Path | None, img_scale: tuple[int, int] | None, time_budget: float | None = None
) -> dict[str, int | float | str]:
    """The settings that make a resumed run differ from an uninterrupted one, for the checkpoint and the log.

    Args:
        cfg: The config that is run.
        root: Folder of the data; None for data that only the config names.
        img_scale: Width and height in pixels; None for the config's own.
        time_budget: Hours that the length of the config was chosen for, if any.

    Returns:
        Name and value of each setting; the learning rate is the one after scaling to the batch size.
    """
    batch_size, processes = cfg.train_dataloader.batch_size, get_world_size()
    planned = dict(max_iters=cfg.train_cfg.max_iters, val_interval=cfg.train_cfg.val_interval) if time_budget else {}
    return dict(
        data=printable(str(root.absolute()))[-_MAX_LENGTH:] if root else 'of the config',
        batch_size=batch_size,
        processes=processes,
        accumulate=cfg.optim_wrapper.get('accumulative_counts', 1),
        lr=scaled_learning_rate(cfg, batch_size * processes),
        img_scale=f'{img_scale[0]}x{img_scale[1]}' if img_scale else 'of the config',
        amp=uses_amp(cfg),
        compile=compiles(cfg),
        optimizer=str(cfg.optim_wrapper.optimizer.type),
        ema=averages_weights(cfg),
        **({'time_budget': time_budget, **planned} if time_budget else {}),
    )
