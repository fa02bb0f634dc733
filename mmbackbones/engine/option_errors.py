"""Mistakes in a config or in ``--cfg-options``, turned from an exception of a library into one sentence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any

from mmcv.transforms import BaseTransform
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

from ..errors import STORAGE_FAULTS, RunFailed, UserError, interruption, summarize_error
from .options import format_options, options_in

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# What raises an exception in a run, and the sections of a config that it is made from, or fed by.
_SECTIONS = (
    ((Dataset, BaseTransform), tuple(f'{loader}.dataset' for loader in _LOADERS)),
    ((DataLoader, _BaseDataLoaderIter), (*_LOADERS, 'env_cfg.mp_cfg')),
    ((nn.Module,), ('model', 'tta_model', 'data_preprocessor', *_LOADERS)),
    ((Optimizer, OptimWrapper), ('model', 'optim_wrapper')),
    ((Evaluator, BaseMetric), ('val_evaluator', 'test_evaluator')),
    ((Hook,), ('default_hooks', 'custom_hooks')),
)


@contextmanager
def building(section: str, options: dict[str, Any]) -> Iterator[None]:
    """Turn whatever goes wrong while a section of a config is built into one sentence.

    Args:
        section: Dotted name of what is built; empty for the whole config, where an exception that no entry of the
            config has caused is a bug and keeps its traceback.
        options: Flat ``--cfg-options``; the message names those of the section.

    Raises:
        UserError: Something went wrong.
    """
    try:
        yield
    except Exception as error:  # a config can name any class, which can raise anything
        if isinstance(error, OSError) and error.errno in STORAGE_FAULTS:  # of what is written meanwhile
            raise
        if not section and (isinstance(error, UserError | RunFailed) or not _caused_by_entry(error)):
            raise
        given = format_options((options_in(options, section) if section else options).items())
        given = f'; --cfg-options {given}' if given else ''
        raise UserError(f'{section or "the config"} cannot be built: {summarize_error(error)}{given}') from error


@contextmanager
def blaming(options: dict[str, Any], what: str, possible: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Turn an exception of what ``--cfg-options`` changed into one sentence that names these options.

    An exception that was raised anywhere else is a bug, and keeps its traceback.

    Args:
        options: Flat ``--cfg-options``.
        what: Beginning of the sentence.
        possible: Whether options can still be the cause, asked when something goes wrong.

    Raises:
        UserError: A model, data loader, optimizer, metric or hook failed that these options changed.
    """
    try:
        yield
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        blamed = options_in(options, *_sections_of(error))
        if not blamed or interruption(error) or not possible():
            raise
        raise UserError(f'{what}: {summarize_error(error)}; --cfg-options {format_options(blamed.items())}') from error


def _caused_by_entry(error: Exception) -> bool:
    """Whether MMEngine raised an exception for an entry of a config, or a class that it built from entries did.

    MMEngine reads entries, looks up what they name and calls it. Where it calls code of this package, that refuses an
    argument with a ValueError, or fails with a TypeError on a value of the wrong kind; anything else is a bug there.
    """
    packages = [frame.f_globals.get('__name__', '').partition('.')[0] for frame, _ in walk_tb(error.__traceback__)]
    return 'mmengine' in packages and (packages[-1] != 'mmbackbones' or isinstance(error, ValueError | TypeError))


def _sections_of(error: Exception) -> tuple[str, ...]:
    """The sections of a config that the innermost object in the traceback of an exception is made from."""
    for frame, _ in reversed(list(walk_tb(error.__traceback__))):
        owner = frame.f_locals.get('self')
        for kinds, sections in _SECTIONS:
            if isinstance(owner, kinds):
                return sections
    return ()
