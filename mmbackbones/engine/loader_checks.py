"""Checks of the data loaders of a config, before their data is read."""

from copy import deepcopy
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DATA_SAMPLERS, DATASETS, TRANSFORMS
from torch.utils.data import DataLoader, TensorDataset

from ..errors import UserError
from .config_types import check_arguments, find_class
from .option_errors import building

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# Entries of a loader's config that are not arguments of PyTorch's DataLoader as they stand.
_NOT_PYTORCHS = (
    'dataset',
    'sampler',
    'batch_sampler',
    'collate_fn',
    'worker_init_fn',
    'type',
    '_scope_',
    'num_batch_per_epoch',
    'disable_subprocess_warning',
)


def require_loaders(cfg: Config) -> None:
    """Raise UserError if a config lacks one of the data loaders, which data of a user is written into."""
    for section in LOADERS:
        if not cfg.get(section):
            raise UserError(f'{section} is {cfg.get(section)!r} in the config: --data needs a loader there')


def check_loader(cfg: Config, section: str, options: dict[str, Any]) -> None:
    """Build what a data loader's config asks for, but for the data: loader, samplers and transforms.

    Args:
        cfg: The config.
        section: ``train_dataloader``, ``val_dataloader`` or ``test_dataloader``; nothing is checked if it is empty.
        options: Flat ``--cfg-options``, for messages.

    Raises:
        UserError: Something cannot be built; the message names it.
    """
    loader = cfg.get(section)
    if not loader:
        return
    sampler = loader.get('sampler')
    if section == LOADERS[0] and 'max_epochs' in cfg.train_cfg and _type_of(sampler) == 'InfiniteSampler':
        raise UserError(
            f'{section}.sampler is an InfiniteSampler, which has no epochs, and the run is counted in epochs: use '
            'DefaultSampler, or count the run in iterations (--iters N)'
        )
    with building(section, options):
        arguments = {key: value for key, value in loader.items() if key not in _NOT_PYTORCHS}
        if loader.get('batch_sampler'):
            batch_sampler = {key: value for key, value in loader.batch_sampler.items() if key != 'batch_size'}
            check_arguments(batch_sampler | dict(batch_size=arguments.get('batch_size')), DATA_SAMPLERS)
        DataLoader(TensorDataset(torch.zeros(max(1, arguments['batch_size']))), **arguments)
        if isinstance(sampler, dict):
            check_arguments(sampler, DATA_SAMPLERS)
    path, dataset = f'{section}.dataset', loader.dataset
    with building(path, options):
        if not isinstance(dataset, dict):
            raise TypeError(f'must be a dict, got {dataset!r}')
    while isinstance(dataset, dict):
        with building(path, options):
            find_class(dataset.get('type'), DATASETS)
            steps = list(dataset.get('pipeline') or [])
        for number, step in enumerate(steps):
            with building(f'{path}.pipeline.{number}', options):
                TRANSFORMS.build(deepcopy(step))
        dataset, path = dataset.get('dataset'), f'{path}.dataset'


def _type_of(entry: Any) -> str:
    """The name of what an entry of a config asks for, without where it is registered."""
    return str(entry.get('type')).rpartition('.')[2] if isinstance(entry, dict) else ''
