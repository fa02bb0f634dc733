"""``--batch-size auto``: the largest batch that fits into the memory of the device."""

import platform
from collections.abc import Callable
from copy import deepcopy
from functools import partial

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import all_gather_object, get_world_size
from mmengine.registry import DefaultScope

from ...errors import RunFailed, UserError, summarize_error
from ...utils.host_memory import available_memory
from ...utils.messages import tell
from ...utils.text import counted
from ..batch import smallest_batch
from ..lean_runner import LeanRunner
from ..schedule import scaled_learning_rate
from .cpu_memory import can_measure, measure_on_cpu
from .gpu_memory import available_on_gpu, measure_on_gpu
from .search import Found, find_largest
from .traces import no_traces
from .training_steps import take_steps
from .worst_batch import WorstBatch

# Of the memory that is available. The rest is for what a trial does not see: gaps between tensors of many sizes, and on
# a CPU data workers and validation.
_SHARE = 0.9


def check_batch_search() -> None:
    """Raise UserError unless the memory of this device can be measured."""
    device = get_device()
    if device != 'cuda' and not (device == 'cpu' and can_measure() and available_memory()):
        raise UserError(
            f'--batch-size auto needs an NVIDIA GPU, or a CPU under Linux; on this {device} give the number of images'
        )


def choose_batch_size(cfg: Config) -> None:
    """Set the largest number of images per batch that fits into the memory of each process's device.

    Training steps on the worst batch of the data are tried. No step of the optimizer takes more images than there are.

    Args:
        cfg: The config that is run, with its data; ``train_dataloader.batch_size`` is set.

    Raises:
        UserError: Not even the smallest batch fits.
    """
    tell('--batch-size auto: trying training steps with the largest images')
    found = available = failure = None
    with no_traces():
        shared = _processes_here() if get_device() == 'cpu' else 1
        try:
            measure, available = _device(shared)
            found, images = _search(cfg, measure, available)
        except Exception as error:  # the others have to know, whatever it is
            failure = error
    gathered = all_gather_object((found, available, failure and summarize_error(failure)))
    if failure is not None:
        raise failure
    if problems := [problem for *_, problem in gathered if problem]:
        raise RunFailed(f'another process failed: {problems[0]}')
    found, available, _ = min(gathered, key=lambda one: (one[0].size, -(one[0].used or 0)))
    if not found.size:
        raise _too_small(found, available, smallest_batch(cfg, get_world_size()))
    cfg.train_dataloader.batch_size = found.size
    _tell_choice(cfg, found, available, images)


def _device(shared: int) -> tuple[Callable[[Callable[[], None]], int | None], int]:
    """How memory is measured here, and how many bytes there are for each of the processes that share it."""
    if get_device() == 'cuda':
        return measure_on_gpu, available_on_gpu()
    available = (available_memory() or 0) // shared
    return partial(measure_on_cpu, available=available), available


def _processes_here() -> int:
    """Processes of the run on this machine."""
    return all_gather_object(platform.node()).count(platform.node())


def _search(cfg: Config, measure: Callable, available: int) -> tuple[Found, int]:
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        loader = LeanRunner.build_dataloader(deepcopy(cfg.train_dataloader), seed=0)
        batch, images = WorstBatch(loader), len(loader.dataset)  # type: ignore[arg-type]
    processes = get_world_size()
    least = smallest_batch(cfg, processes)
    most = max(least, images // (processes * cfg.optim_wrapper.get('accumulative_counts', 1)))
    found = find_largest(
        lambda size: measure(partial(take_steps, cfg, partial(batch, size), batch.objects)),
        _SHARE * available,
        least,
        most,
    )
    return found, images


def _too_small(found: Found, available: int, least: int) -> UserError:
    takes = f'{_gib(found.used)} of the {_gib(available)}' if found.used else f'more than the {_gib(available)}'
    error = UserError(
        f'--batch-size auto: {counted(least, "image")} per batch would take {takes} that are available, and up to '
        f'{_SHARE:.0%} may be used: use a smaller --img-scale, or --cfg-options model.backbone.with_cp=True'
    )
    error.on_all_processes = True
    return error


def _tell_choice(cfg: Config, found: Found, available: int, images: int) -> None:
    processes = get_world_size()
    assert found.used is not None
    how = 'take' if found.measured else 'would take'
    each = ' in each process' if processes > 1 else ''
    text = (
        f'--batch-size auto: {counted(found.size, "image")} per batch{each} {how} up to {_gib(found.used)} of the '
        f'{_gib(available)} that are available ({found.used / available:.0%})'
    )
    step = found.size * processes * cfg.optim_wrapper.get('accumulative_counts', 1)
    if images < 2 * step:
        text += f'; one step takes {step} of the {counted(images, "training image")} (give a number for smaller ones)'
    tell(f'{text}; learning rate {scaled_learning_rate(cfg, found.size * processes):.2g}')


def _gib(size: int) -> str:
    return f'{size / 2**30:.3g} GiB'
