"""Several processes: how they join, work that one does for all, and how they end."""

import os
from collections.abc import Callable
from datetime import timedelta

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import init_dist, is_distributed, is_main_process
from mmengine.logging import print_log
from torch.distributed import broadcast_object_list, init_process_group, new_group

from ..errors import RunFailed, UserError
from ..utils.launchers import LAUNCHERS
from .config import dicts_in

_TIMEOUT = 3600  # seconds; one process computes the metrics for all, which may take longer than PyTorch's 10 minutes

_patient = None  # a process group for waiting while the first process works, for however long


def start(cfg: Config, launcher: str) -> None:
    """Join the process group before anything is checked or written, and fit `cfg` to it.

    GPUs talk through NCCL, or what ``env_cfg.dist_cfg`` names; CPUs through Gloo.

    Args:
        cfg: The config that is run.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.

    Raises:
        UserError: The processes were not started as `launcher` says, or there is no GPU for each.
    """
    global _patient
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
        _patient = None
    if _patient is None:
        _patient = new_group(backend='gloo', timeout=timedelta(days=30))
    for name in ('val_evaluator', 'test_evaluator'):
        for evaluator in dicts_in(cfg.get(name)):
            if 'type' in evaluator:  # through the process group; else through a folder below the current one
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
        init_dist(launcher, **dist_cfg)
    elif device == 'cpu' and launcher == 'pytorch':
        init_process_group('gloo', timeout=timedelta(seconds=dist_cfg['timeout']))
    else:
        raise UserError(
            f'--launcher {launcher} does not work on the {device}: it needs CUDA GPUs, and '
            '--launcher pytorch CUDA GPUs or CPUs'
        )


def _use_cpus(cfg: Config) -> None:
    """MMEngine's wrapper hands each process a GPU, and PyTorch has no synchronized batch norm for CPUs."""
    cfg.setdefault(
        'model_wrapper_cfg',
        dict(
            type='MMDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        ),
    )
    cfg.model_wrapper_cfg.setdefault('device_ids', None)
    layers = [node for node in dicts_in(cfg.model) if node.get('type') == 'SyncBN']
    for node in layers:
        node.type = 'BN'
    conversion = cfg.pop('sync_bn', None)  # MMEngine's, of all batch norms
    if layers or conversion:
        print_log(
            'batch norms are not synchronized between processes: PyTorch can do that on GPUs only', logger='current'
        )


def main_process_first(work: Callable):
    """The result of ``work()``, done by the first process only, while the others wait for as long as it takes.

    Raises:
        UserError: `work` raised one: it is raised in every process.
        RunFailed: In the other processes, where `work` raised anything else in the first.
    """
    result, failure = None, None
    if is_main_process():
        try:
            result = work()
        except BaseException as error:  # Ctrl-C as well: nobody may wait for ever
            failure = error
    if not is_distributed():
        if failure is not None:
            raise failure
        return result
    told = [result, type(failure).__name__, isinstance(failure, UserError), str(failure)]
    broadcast_object_list(told, group=_patient)
    result, kind, users, text = told
    if failure is None and kind != 'NoneType':
        failure = UserError(text) if users else RunFailed(f'the first process ended with {kind}: {text}')
    if failure is not None:
        if isinstance(failure, UserError | RunFailed):
            failure.on_all_processes = True
        raise failure
    return result
