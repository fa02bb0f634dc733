"""Running statistics of batch norms, which each process collects from its own part of the data."""

import torch
from mmengine.dist import all_reduce, is_distributed


def running_statistics(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The running means and variances of a model, by name."""
    return {
        name: buffer
        for name, buffer in model.named_buffers()
        if name.endswith(('running_mean', 'running_var')) and buffer is not None
    }


def average_running_statistics(model: torch.nn.Module) -> None:
    """Average running statistics over all processes, in place; every process has to call this."""
    statistics = list(running_statistics(model).values())
    if not statistics or not is_distributed():
        return
    together = torch.cat([values.flatten().float() for values in statistics])
    all_reduce(together, 'mean')
    for values, mean in zip(statistics, together.split([values.numel() for values in statistics]), strict=True):
        values.copy_(mean.view_as(values))
