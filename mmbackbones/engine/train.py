"""Training, as ``tools/train.py`` does it."""
from copy import deepcopy

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.runner import Runner

from ..errors import UserError
from .config import drop_amp, keep_batches_whole, load_config, set_amp, set_batch, set_img_scale
from .data import find_data, is_segmentor, use_data
from .distributed import start
from .label_options import check_label_options, labels_as_trained
from .metrics import use_full_metrics
from .schedule import fit_schedulers, set_length
from .start import check_classes, choose_start


def train(config: str, data: str | None = None, img_scale: tuple[int, int] | None = None, epochs: int | None = None,
          iters: int | None = None, batch_size: int | None = None, lr: float | None = None, weights: str | None = None,
          from_scratch: bool = False, amp: bool = False, accumulate: int = 1, resume: str | None = None,
          work_dir: str | None = None, seed: int = 0, launcher: str = 'none',
          cfg_options: dict | None = None, background: str | None = None, ignore_label: int | None = None) -> Runner:
    """Train a model from a config.

    Args:
        config: Path of a config file.
        data: ``shapes``, or a folder in any of the known layouts; None for the config's own data.
        img_scale: Width and height in pixels that images are resized to fit into.
        epochs: Length of the training; the schedule stretches with it.
        iters: The same in iterations.
        batch_size: Images in a batch, for each process.
        lr: Learning rate; without it the config's, scaled to the batch size.
        weights: File, URL or short name to start from, of a backbone or of a whole model.
        from_scratch: Start from random weights.
        amp: Mixed precision. A recipe that has it without being asked does without where there is no GPU.
        accumulate: Batches that one optimizer step sums gradients over.
        resume: A checkpoint to go on from, or ``auto`` for the newest in `work_dir`.
        work_dir: Where everything is written; ``work_dirs/<config>`` by default.
        seed: Of every random draw.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        cfg_options: Any config entries to override, by dotted names.
        background: Of label maps: ``ignore`` if label 0 is ignored and label 1 is the first class, ``class`` if label 0
            is the first class; as the labels tell, without it.
        ignore_label: Pixels of this label are ignored in label maps, as those of 255 always are.

    Returns:
        The runner, when training is over.

    Raises:
        UserError: Something in the arguments, the data or the files that the user can put right.
    """
    cfg = load_config(config, work_dir, cfg_options)
    check_label_options(cfg, background, ignore_label)
    cfg.launcher = launcher
    start(launcher, cfg.env_cfg.dist_cfg)
    root = find_data(cfg, data)
    if img_scale:
        set_img_scale(cfg, *img_scale)
    set_batch(cfg, batch_size, lr, accumulate)
    if is_segmentor(cfg):
        keep_batches_whole(cfg, get_world_size())
    if amp:
        set_amp(cfg)
    else:
        drop_amp(cfg)
    recipe = deepcopy(cfg.train_cfg)
    set_length(cfg, epochs, iters)
    _depend_on_seed_only(cfg, seed)
    choose_start(cfg, weights, from_scratch, resume)
    use_full_metrics(cfg)
    labels = dict(background=background, ignore_label=ignore_label)
    if cfg.resume and is_segmentor(cfg):
        labels = labels_as_trained(cfg.load_from, **labels, resume=True)
    use_data(cfg, root, own=data is None, **labels)  # last, because checking much data takes long
    if cfg.resume:
        check_classes(cfg)

    runner = Runner.from_cfg(cfg)
    epoch_length = len(runner.train_dataloader)
    if not epoch_length:
        raise UserError(f'the {len(runner.train_dataloader.dataset)} images to train on do not fill one batch of '
                        f'{cfg.train_dataloader.batch_size}: use a smaller --batch-size')
    runner.param_schedulers = runner.cfg.param_scheduler = fit_schedulers(
        cfg.param_scheduler, recipe, cfg.train_cfg, epoch_length)
    runner.dump_config()
    runner.train()
    return runner


def _depend_on_seed_only(cfg: Config, seed: int) -> None:
    cfg.randomness = dict(seed=seed)
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='ReseedHook', seed=seed)]
    cfg.train_dataloader.persistent_workers = False
    cfg.train_dataloader.worker_init_fn = dict(type='keep_loader_seed')
