"""Work that one process does for all."""
from collections.abc import Callable

import torch
from mmengine.dist import broadcast_object_list, init_dist, is_distributed, is_main_process

from ..errors import UserError


def start(launcher: str, dist_cfg: dict) -> None:
    """Join the process group before anything is checked or written. `launcher`: none, pytorch, slurm or mpi."""
    if launcher != 'none' and not is_distributed():
        if not torch.cuda.is_available():
            raise UserError(f'--launcher {launcher} needs GPUs, and PyTorch sees none')
        init_dist(launcher, **dist_cfg)


def main_first(work: Callable):
    """The result of ``work()``, done by the first process only; its :class:`UserError` is raised in every process."""
    result = [None, None]
    if is_main_process():
        try:
            result = [work(), None]
        except UserError as error:
            result = [None, str(error)]
    broadcast_object_list(result)
    if result[1] is not None:
        raise UserError(result[1])
    return result[0]
