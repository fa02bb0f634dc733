"""A backbone compiled by `torch.compile`."""

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from ..errors import RunFailed, UserError, interruption, summarize_error
from ..ops import prepare_compilation
from ..utils.messages import tell
from .config_tree import add_hook
from .run_failure import last_good_checkpoint
from .runner_facts import network_of

_NEEDS = {'cpu': "a C++ compiler such as g++, and the header files of Python (Debian's python3-dev)"}
_NEEDS_ELSEWHERE = 'Triton, a C compiler such as gcc, and the header files of Python'
_TRANSLATORS = ('torch._inductor.', 'torch._dynamo.convert_frame')  # modules


def set_compile(cfg: Config) -> None:
    """Have a run compile the backbone.

    Args:
        cfg: The config; changed in place.

    Raises:
        UserError: The model has no backbone, or this machine cannot compile.
    """
    if not isinstance(cfg.model.get('backbone'), dict):
        raise UserError(f'--compile compiles the backbone, and a {cfg.model.get("type")} has none: leave out --compile')
    check_compiler(get_device())
    add_hook(cfg, CompileHook.__name__)


def compiles(cfg: Config) -> bool:
    """Whether a run of this config compiles the backbone."""
    return any(hook['type'] == CompileHook.__name__ for hook in cfg.get('custom_hooks') or [])


def check_compiler(device: str) -> None:
    """Raise UserError unless `torch.compile` works on this machine, which a function of one line shows."""
    try:
        torch.compile(lambda x: x.sin() + 1)(torch.ones(8, device=device))
    except Exception as error:  # each part of PyTorch has exceptions of its own
        if interruption(error):
            raise
        raise UserError(
            f'--compile: PyTorch cannot compile here ({summarize_error(error)}): it needs '
            f'{_NEEDS.get(device, _NEEDS_ELSEWHERE)}; install what is missing, or leave out --compile'
        ) from error


def compile_backbone(model: nn.Module) -> None:
    """Compile the backbone of a detector or a segmentor in place, for images of any size.

    A backbone of ours is compiled part by part, any other one as a whole, with breaks where its author left some.
    """
    prepare_compilation()
    model.backbone.compile(dynamic=True)  # type: ignore[union-attr]


@HOOKS.register_module()
class CompileHook(Hook):
    """Compiles the backbone, once its weights are loaded; it is translated when the first batch passes through it."""

    def before_train(self, runner) -> None:
        compile_backbone(network_of(runner))
        tell('compiling the backbone: the first iteration and the first validation may take several minutes longer')


def while_compiling(error: BaseException) -> bool:
    """Whether an exception was raised by what translates a network, not by what runs it."""
    names = [
        type(error).__module__,
        *(str(frame.f_globals.get('__name__')) for frame, _ in walk_tb(error.__traceback__)),
    ]
    return names[0].startswith('torch._dynamo.') or any(name.startswith(_TRANSLATORS) for name in names)


@contextmanager
def compile_errors_as_failures(runner: Runner) -> Iterator[None]:
    """When the backbone cannot be compiled, say so; the run does not go on without."""
    try:
        yield
    except Exception as error:  # each part of PyTorch has exceptions of its own
        if not while_compiling(error) or interruption(error):
            raise
        MMLogger.get_current_instance().info(error)  # some say in many lines what the compiler said
        raise RunFailed(
            f'the backbone cannot be compiled: {summarize_error(error)}; leave out --compile '
            f'({last_good_checkpoint(runner)})'
        ) from error
