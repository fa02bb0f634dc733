"""Fully sharded data parallel training (FSDP): each process holds a part of every weight and of its moments."""

from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import broadcast, is_distributed
from mmengine.hooks import Hook
from mmengine.model import BaseModule
from mmengine.registry import HOOKS, MODEL_WRAPPERS
from mmengine.utils import apply_to
from torch import Tensor, nn

from ...errors import UserError
from ..amp import uses_amp
from ..averaged_weights import averages_weights
from ..config_tree import add_hook, drop_hook
from ..runner_facts import hook_of

try:
    from torch.distributed.fsdp import FSDPModule, fully_shard
    from torch.distributed.tensor import DTensor, distribute_tensor
except ImportError:  # before PyTorch 2.6
    fully_shard = None  # type: ignore[assignment]

WRAPPER = 'FullyShardedModel'
_MMENGINES = ('MMFullyShardedDataParallel', 'FullyShardedDataParallel')


def asks_for_shards(cfg: Config) -> bool:
    """Whether a config asks for :class:`FullyShardedModel`."""
    return (cfg.get('model_wrapper_cfg') or {}).get('type') == WRAPPER


def drop_sharding(cfg: Config) -> None:
    """For a test, for which every process holds the whole model: leave out :class:`FullyShardedModel`."""
    if asks_for_shards(cfg):
        cfg.pop('model_wrapper_cfg')


def set_sharding(cfg: Config, batch_size: int | str | None = None) -> None:
    """Prepare the config of a sharded training run; any other stays as it is.

    Args:
        cfg: The config that is run, complete but for the data; changed in place.
        batch_size: As it was asked for.

    Raises:
        UserError: It asks for MMEngine's wrapper, or for something that does not go together with shards.
    """
    asked = (cfg.get('model_wrapper_cfg') or {}).get('type')
    if asked in _MMENGINES:
        raise UserError(
            f"model_wrapper_cfg.type={asked}: MMEngine's runner writes the shards of one process as the whole "
            f'checkpoint; use model_wrapper_cfg.type={WRAPPER}'
        )
    drop_hook(cfg, 'ShardsHook')  # of the config in the work directory of an earlier run
    if not asks_for_shards(cfg) or not is_distributed():
        return
    wrong = sorted(set(cfg.model_wrapper_cfg) - {'type'})
    if wrong:
        raise UserError(f'model_wrapper_cfg.{wrong[0]}: {WRAPPER} takes no arguments')
    if fully_shard is None:
        raise UserError(f'{WRAPPER} needs PyTorch 2.6, and {torch.__version__} is installed')
    unsupported = {
        '--amp': uses_amp(cfg),
        '--ema': averages_weights(cfg),
        '--on-nan skip': any(hook.get('skip') for hook in cfg.custom_hooks if hook['type'] == 'FiniteLossHook'),
        '--batch-size auto': batch_size == 'auto',
    }
    for option, given in unsupported.items():
        if given:
            raise UserError(
                f'model_wrapper_cfg.type={WRAPPER} does not go together with {option}: leave out one of both'
            )
    add_hook(cfg, 'ShardsHook')


@MODEL_WRAPPERS.register_module()
class FullyShardedModel:
    """What ``model_wrapper_cfg.type`` names to train with PyTorch's ``fully_shard``.

    MMEngine's runner calls it like the class of a wrapper. It returns the model itself, the stages of its backbone and
    the rest of it sharded; names, `train_step` and the checkpoints are those of any model.

    Args:
        module: A model on its device; it gets its initial weights here, since shards can no longer be drawn.
    """

    def __new__(cls, module: BaseModule) -> BaseModule:
        module.init_weights()
        with torch.no_grad():
            for value in [*module.parameters(), *module.buffers()]:
                value.data = value.data.contiguous()
                broadcast(value)
        for stage in getattr(getattr(module, 'backbone', None), 'stages', ()):
            fully_shard(stage)
        fully_shard(module)
        return module


def is_sharded(model: nn.Module) -> bool:
    """Whether the parameters of a model are shards."""
    return fully_shard is not None and isinstance(model, FSDPModule)


def local_part(value: Tensor) -> Tensor:
    """What this process holds of a tensor."""
    return value.to_local() if fully_shard is not None and isinstance(value, DTensor) else value


def gather_shards(runner, optimizer: bool) -> None:
    """Before the first process saves a checkpoint, put the shards of all together; every process has to call this.

    Args:
        runner: The runner; nothing happens unless its model is sharded.
        optimizer: Whether the state of the optimizer will be saved, too.
    """
    if (hook := hook_of(runner, ShardsHook)) is not None:
        hook.gather(runner, optimizer)


@HOOKS.register_module()
class ShardsHook(Hook):
    """Saves whole weights and moments, as any other run does, and distributes those that are loaded."""

    priority = 'LOWEST'  # after the hooks that change what was loaded

    def __init__(self) -> None:
        self.whole: dict[str, Any] = {}

    def gather(self, runner, optimizer: bool) -> None:
        self.whole = dict(state_dict=_whole(runner.model.state_dict()))
        if optimizer:
            self.whole['optimizer'] = _whole(runner.optim_wrapper.state_dict())

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint.update((part, whole) for part, whole in self.whole.items() if part in checkpoint)
        self.whole = {}

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        own = runner.model.state_dict()
        state = checkpoint.get('state_dict', checkpoint)
        for key in state.keys() & own.keys():
            state[key] = _like(own[key], state[key])
        if 'optimizer' not in checkpoint:
            return
        params = [param for group in runner.optim_wrapper.optimizer.param_groups for param in group['params']]
        for number, moments in checkpoint['optimizer']['state'].items():
            for name, value in moments.items():
                if isinstance(value, Tensor) and value.shape == params[number].shape:
                    moments[name] = _like(params[number], value)


def _whole(state: dict) -> dict:
    """A state dict with whole tensors, in the memory of the first process only."""
    return apply_to(state, lambda value: isinstance(value, DTensor), lambda value: value.full_tensor().cpu())


def _like(shard: Tensor, whole: Tensor) -> Tensor:
    """A whole tensor, distributed like `shard`; unchanged if that is none, or of another shape."""
    if not isinstance(shard, DTensor) or shard.shape != whole.shape:
        return whole
    return distribute_tensor(whole.to(shard.device), shard.device_mesh, shard.placements)
