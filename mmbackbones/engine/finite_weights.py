"""The end of a training run before it writes a checkpoint of something that is not finite."""

from collections.abc import Iterator
from itertools import chain

from mmengine.dist import all_gather_object
from mmengine.optim import AmpOptimWrapper
from torch import Tensor

from .averaged_weights import averaged_model
from .processes.running_statistics import running_statistics
from .processes.sharding import local_part
from .run_failure import last_good_checkpoint, run_failed


def check_weights(runner) -> None:
    """Raise RunFailed, in all processes, if anything that goes into a checkpoint is not finite.

    That is weights and running statistics, their averages, what the optimizer keeps of each parameter, and gradients
    that wait for their optimizer step.
    """
    wrong = next((name for name, value in _saved_tensors(runner) if not local_part(value).isfinite().all()), None)
    wrong = next((name for name in all_gather_object(wrong) if name), None)  # each may have shards only
    if wrong:
        raise run_failed(
            f'{wrong} is no longer finite, and nothing is saved; {last_good_checkpoint(runner)}; use a lower --lr'
        )


def _saved_tensors(runner) -> Iterator[tuple[str, Tensor]]:
    """The tensors that a checkpoint holds, with their names in a message."""
    parameters = {name.removeprefix('module.'): value for name, value in runner.model.named_parameters()}
    yield from parameters.items()
    for name, value in running_statistics(runner.model).items():
        yield name.removeprefix('module.'), value
    average = averaged_model(runner)
    if average is not None:
        for name, value in chain(average.named_parameters(), running_statistics(average).items()):
            yield f'the average of {name}', value
    for name, value in parameters.items():
        for kept in runner.optim_wrapper.optimizer.state.get(value, {}).values():
            if isinstance(kept, Tensor):
                yield f"the optimizer's state of {name}", kept
        if value.grad is not None and not isinstance(runner.optim_wrapper, AmpOptimWrapper):  # which has infinite ones
            yield f'the gradient of {name}', value.grad
