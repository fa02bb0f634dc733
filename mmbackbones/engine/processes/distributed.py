"""Distributed runs: how their processes join, and work that the first process does for all."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from signal import SIG_IGN, SIGTERM, signal
from threading import current_thread, main_thread
from typing import Any, TypeVar

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import init_dist, is_distributed, is_main_process
from torch.distributed import broadcast_object_list, init_process_group, new_group

from ...errors import ProcessLost, RunFailed, UserError, summarize_error
from ...utils.launchers import LAUNCHERS
from ...utils.messages import tell
from ..config_tree import dicts_in
from .sharding import asks_for_shards

Result = TypeVar('Result')

_TIMEOUT = 3600  # seconds; one process computes the metrics for all, in more than PyTorch's default of 10 minutes
_FIRST_PORT, _PORTS = 12000, 20000  # below those that systems hand out themselves

# What Gloo, NCCL and the store that processes meet in say of a process that is missing.
_LOST = re.compile(
    r'(?=.*(gloo|NCCL|c10d|store)).*(connection|time[d-]* ?out|broken pipe|by peer|remote|aborted|system error)',
    re.IGNORECASE | re.DOTALL,
)

_waiting_group = None  # a process group without a short timeout, to wait in while the first process works


def init_distributed(cfg: Config, launcher: str) -> None:
    """Join the process group, before anything is checked or written, and adapt the config to it.

    GPUs communicate through NCCL, or what ``env_cfg.dist_cfg`` names; CPUs through Gloo.

    Args:
        cfg: The config that is run; changed in place.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.

    Raises:
        UserError: The processes were not started by `launcher`, or there are fewer GPUs than processes.
    """
    global _waiting_group
    cfg.launcher = launcher
    if launcher == 'none':
        if (processes := int(os.environ.get('WORLD_SIZE', 1))) > 1 and 'RANK' in os.environ:
            raise UserError(
                f'torchrun started {processes} processes, and each of them would do the whole work: '
                'add --launcher pytorch'
            )
        if (processes := int(os.environ.get('OMPI_COMM_WORLD_SIZE', 1))) > 1:
            raise UserError(
                f'mpirun started {processes} processes, and each of them would do the whole work: add --launcher mpi'
            )
        return
    if not is_distributed():
        _join(launcher, {'timeout': _TIMEOUT, **cfg.env_cfg.get('dist_cfg', {})})
        _waiting_group = None
    if _waiting_group is None:
        _waiting_group = new_group(backend='gloo', timeout=timedelta(days=30))
    for name in ('val_evaluator', 'test_evaluator'):
        for evaluator in dicts_in(cfg.get(name)):
            if 'type' in evaluator:  # through the process group, not through a folder in the current one
                evaluator.setdefault('collect_device', 'gpu')
    if get_device() == 'cpu':
        _use_cpus(cfg)


def _join(launcher: str, dist_cfg: dict) -> None:
    timeout = dist_cfg['timeout']
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < 1e9:
        raise UserError(f'env_cfg.dist_cfg.timeout must be a number of seconds above 0, got {timeout!r}')
    program = LAUNCHERS[launcher]
    for name in program.variables:
        if name not in os.environ:
            raise UserError(
                f'--launcher {launcher} is for processes started with {program.command} ..., and this one was not: '
                f'{name} is not set'
            )
    device = get_device()
    if device == 'cuda':
        if launcher == 'pytorch' and int(os.environ['LOCAL_RANK']) >= torch.cuda.device_count():
            raise UserError(
                'torchrun started more processes than there are GPUs on this machine '
                f'({torch.cuda.device_count()}): use --nproc_per_node {torch.cuda.device_count()}'
            )
        if launcher == 'slurm' and os.environ.get('SLURM_JOB_ID', '').isdigit():  # another port for each job
            os.environ.setdefault('MASTER_PORT', str(_FIRST_PORT + int(os.environ['SLURM_JOB_ID']) % _PORTS))
        init_dist(launcher, **dist_cfg)
    elif device == 'cpu' and launcher == 'pytorch':
        init_process_group('gloo', timeout=timedelta(seconds=dist_cfg['timeout']))
    else:
        raise UserError(
            f'--launcher {launcher} does not work on the {device}: it needs CUDA GPUs, and '
            '--launcher pytorch CUDA GPUs or CPUs'
        )


def _use_cpus(cfg: Config) -> None:
    """Adapt a config to CPUs, for which PyTorch has no synchronized batch norm and MMEngine's wrapper no default."""
    cfg.setdefault(
        'model_wrapper_cfg',
        dict(
            type='MMDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        ),
    )
    if not asks_for_shards(cfg):
        cfg.model_wrapper_cfg.setdefault('device_ids', None)
    layers = [node for node in dicts_in(cfg.model) if node.get('type') == 'SyncBN']
    for node in layers:
        node.type = 'BN'
    conversion = cfg.pop('sync_bn', None)  # MMEngine's conversion of all batch norms
    if layers or conversion:
        tell('batch norms are not synchronized between processes: PyTorch can do that on GPUs only')


@contextmanager
def noticing_lost_processes() -> Iterator[None]:
    """Within the block, turn what the libraries say when another process is missing into one sentence.

    Gloo and NCCL notice at once that the connection to a process is closed, and after ``env_cfg.dist_cfg.timeout`` that
    one does not answer.

    Raises:
        ProcessLost: Another process has ended, or does not answer.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_distributed() or not _LOST.search(str(error)):
            raise
        why = re.sub(r'^\[[^\]]*\] |\. .*', '', summarize_error(error))  # without place in the source, and advice
        raise ProcessLost(
            f'another process of this run has ended, or no longer answers ({why}); what it printed says why, or the '
            'log of the system, if it was killed'
        ) from error


@contextmanager
def ending_after_lost_processes(kept: Callable[[], str]) -> Iterator[None]:
    """When a process is missing, say what is kept of the run.

    Launchers send SIGTERM to the processes that are left. These have nobody to agree with on a checkpoint, and end with
    their own sentence instead.

    Args:
        kept: Says it.

    Raises:
        ProcessLost: Another process has ended, or does not answer.
    """
    try:
        yield
    except ProcessLost as error:
        if current_thread() is main_thread():
            signal(SIGTERM, SIG_IGN)
        raise ProcessLost(f'{error}; {kept()}') from error


def main_process_first(work: Callable[[], Result]) -> Result:
    """Call `work` in the first process only, while the others wait for as long as it takes.

    Args:
        work: Takes no arguments; its result must be picklable.

    Returns:
        Its result, in every process.

    Raises:
        UserError: `work` raised one; it is raised in every process.
        RunFailed: In the other processes, if `work` raised anything else in the first.
    """
    result: Any = None
    failure: BaseException | None = None
    if is_main_process():
        try:
            result = work()
        except BaseException as error:  # Ctrl-C as well: the others must not wait forever
            failure = error
    if not is_distributed():
        if failure is not None:
            raise failure
        return result
    shared = [result, failure and type(failure).__name__, isinstance(failure, UserError), str(failure)]
    with noticing_lost_processes():
        broadcast_object_list(shared, group=_waiting_group)
    result, kind, by_user, text = shared
    if failure is None and kind is not None:
        failure = UserError(text) if by_user else RunFailed(f'the first process ended with {kind}: {text}')
    if failure is not None:
        if isinstance(failure, UserError | RunFailed):
            failure.on_all_processes = True
        raise failure
    return result
