"""From a finished config to a runner that is ready to train, and to the config that the work directory keeps."""

from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size, master_only
from mmengine.runner import Runner

from ..utils.config_files import CONFIG_COPY
from .batch import check_step_size
from .config import dump_config
from .config_tree import drop_hook
from .log import log_operators, logging_prints
from .option_errors import building
from .processes.distributed import noticing_lost_processes
from .processes.loss_normalizers import share_normalizers
from .resume import ResumingRunner, RunState, check_model
from .run_log import without_logs
from .runner_facts import network_of
from .schedule import fit_schedulers


def build_runner(cfg: Config, original_length: dict, options: dict[str, Any], state: RunState | None) -> Runner:
    """A runner with its loops and optimizer, ready to train.

    Args:
        cfg: The config that is run, with its data.
        original_length: The ``train_cfg`` that its schedules were written for.
        options: Flat ``--cfg-options``.
        state: The run to resume, if any.

    Raises:
        UserError: Something that the config names cannot be built, or does not fit to the data or to `state`.
    """
    with building('', options), noticing_lost_processes(), logging_prints():
        runner = ResumingRunner.from_cfg(cfg)
        runner.resumed = state
        log_operators(cfg)
        images, epoch_length = len(runner.train_dataloader.dataset), len(runner.train_dataloader)
    check_step_size(cfg, images, get_world_size())
    if state:
        check_model(state, cfg, network_of(runner))
    share_normalizers(runner.model)
    runner.param_schedulers = runner.cfg.param_scheduler = fit_schedulers(
        cfg.get('param_scheduler') or [], original_length, cfg.train_cfg, epoch_length, options
    )
    with building('', options), noticing_lost_processes(), logging_prints():
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        _ = runner.val_loop  # built on first access
    return runner


@master_only
def write_config(runner: Runner) -> None:
    """Write the config that is run to the work directory, as one that starts such a run from the beginning."""
    cfg = deepcopy(runner.cfg)
    if cfg.resume:
        cfg.resume, cfg.load_from = False, None
        cfg.default_hooks.pop('rebuild_checkpoint', None)
    drop_hook(cfg, 'RunStateHook')
    without_logs(cfg)
    dump_config(cfg, Path(cfg.work_dir) / CONFIG_COPY)
