"""The config in a checkpoint, taken as data: what predicting and testing need of it, in a run of our own settings."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..errors import UserError
from ..weights import find_state_dict, read_trained_config
from .config_tree import dicts_in
from .untrusted_config import SCOPES, UntrustedConfig

_LOG_LEVELS = ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')
_OF_VERSION_2 = {'data', 'optimizer', 'runner', 'evaluation', 'workflow', 'optimizer_config'}


def require_whole_model(content: object, filename: str) -> None:
    """Raise UserError if a checkpoint holds a backbone or an image classifier alone.

    Args:
        content: Content of the checkpoint.
        filename: What to call it in the message.
    """
    parts = {key.partition('.')[0] for key in find_state_dict(content, filename)}
    if 'backbone' not in parts or parts <= {'backbone', 'head'}:
        raise UserError(
            f'{filename} holds a backbone alone, or an image classifier, but no detector or segmentor: train one from '
            f'it with --weights {filename}'
        )


def checkpoint_config(content: object, filename: str, loader: bool = True, data: bool = True) -> Config:
    """The config that a checkpoint was trained with, as far as a test needs it.

    The model, the test pipeline, the metrics and the data set come from the checkpoint; hooks, logging, environment and
    everything else are our own. Nothing in the checkpoint is run, imported or opened.

    Args:
        content: Content of the checkpoint.
        filename: Its file, for messages and for the config's name.
        loader: Whether to take metrics and a data loader.
        data: Whether to take the data set.

    Raises:
        UserError: The file holds a backbone alone, carries no config, or one that cannot be used as data.
    """
    require_whole_model(content, filename)
    return carried_config(content, filename, loader, data)


def carried_config(content: object, filename: str, loader: bool = True, data: bool = True) -> Config:
    """The same of any file that carries a config as checkpoints do, with or without weights."""
    trained = read_trained_config(content, filename)
    scope = _default_scope(trained, filename)
    part = UntrustedConfig(filename, scope)
    model = _section(trained, 'model', part)
    if 'data_preprocessor' not in model and 'data_preprocessor' in trained:
        model = {**model, 'data_preprocessor': trained['data_preprocessor']}
    test = _innermost(trained, 'test_dataloader', part)
    cfg = dict(
        default_scope=scope,
        model=part.model(model, 'model'),
        train_dataloader=dict(dataset=_training_data(trained, part)),
        test_dataloader=dict(
            batch_size=1,  # whatever it was in training: images of a batch are padded, which changes predictions
            num_workers=0,
            drop_last=False,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(
                type='CocoDataset' if scope == 'mmdet' else 'PairedSegDataset',
                test_mode=True,
                pipeline=part.pipeline(test.get('pipeline'), 'test_dataloader.dataset.pipeline'),
            ),
        ),
        test_cfg=_test_loop(trained),
        **_runtime(scope),
        log_level=trained['log_level'] if trained.get('log_level') in _LOG_LEVELS else 'INFO',
    )
    if 'tta_model' in trained and 'tta_pipeline' in trained:
        cfg['tta_model'] = part.model(trained['tta_model'], 'tta_model')
        cfg['tta_pipeline'] = part.pipeline(trained['tta_pipeline'], 'tta_pipeline')
    if loader:
        _take_loader(cfg, trained, part)
        if data:
            _take_data(cfg, trained, part)
    name = Path(filename).name.partition('?')[0]
    return Config(cfg, cfg_text='# taken from a checkpoint', filename=f'{Path(name).stem}.py')


def _default_scope(trained: Mapping[str, Any], filename: str) -> str:
    scope = trained.get('default_scope')
    if '_base_' in trained:
        raise UserError(
            f'the config in {filename} is not used, because it refers to another one (_base_): give a config as CONFIG'
        )
    if scope is None and _OF_VERSION_2 & set(trained):
        raise UserError(
            f'the config in {filename} is of MMDetection 2 or MMSegmentation 0.x, which no longer run: give one of '
            'this version as CONFIG'
        )
    if scope not in SCOPES:
        raise UserError(
            f'the config in {filename} is not used, because its default_scope is {scope!r}, and mmdet and mmseg are '
            'known: give a config as CONFIG'
        )
    return str(scope)


def _section(trained: Mapping[str, Any], name: str, part: UntrustedConfig) -> Mapping[str, Any]:
    section = trained.get(name)
    if not isinstance(section, Mapping):
        part.refuse(name, f'is {"not there" if section is None else "not a dict"}')
    return section


def _innermost(trained: Mapping[str, Any], name: str, part: UntrustedConfig) -> Mapping[str, Any]:
    """The data set of a loader, without its wrappers."""
    node = _section(trained, name, part)
    where = name
    while 'dataset' in node:
        node, where = node['dataset'], f'{where}.dataset'
        if not isinstance(node, Mapping):
            part.refuse(where, 'is not a dict')
    return node


def _training_data(trained: Mapping[str, Any], part: UntrustedConfig) -> dict[str, Any]:
    """What the training data says of a model: whether it learns masks, and whether it is made for COCO or ADE20K."""
    if not isinstance(trained.get('train_dataloader'), Mapping):
        return dict(pipeline=[])
    dataset = _innermost(trained, 'train_dataloader', part)
    masks = any(step.get('with_mask') is True for step in dicts_in(dataset.get('pipeline')))
    facts: dict[str, Any] = dict(pipeline=[dict(type='LoadAnnotations', with_mask=masks)])
    for key, kind in (('data_root', str), ('ann_file', str), ('data_prefix', Mapping), ('filter_cfg', Mapping)):
        if isinstance(dataset.get(key), kind):
            facts[key] = dataset[key]
    return facts


def _take_loader(cfg: dict[str, Any], trained: Mapping[str, Any], part: UntrustedConfig) -> None:
    loader = trained['test_dataloader']
    workers = loader.get('num_workers', 0)
    if type(workers) is not int or workers < 0:
        part.refuse('test_dataloader.num_workers', f'is {workers!r}, not a number of processes')
    cfg['test_dataloader']['num_workers'] = min(workers, os.cpu_count() or 1)
    cfg['test_evaluator'] = part.evaluator(trained.get('test_evaluator'), 'test_evaluator')


def _test_loop(trained: Mapping[str, Any]) -> dict[str, Any]:
    loop = trained.get('test_cfg')
    half = isinstance(loop, Mapping) and loop.get('fp16') is True
    return dict(type='TestLoop', **(dict(fp16=True) if half else {}))


def _take_data(cfg: dict[str, Any], trained: Mapping[str, Any], part: UntrustedConfig) -> None:
    loader = trained['test_dataloader']
    dataset = loader.get('dataset')
    if not isinstance(dataset, Mapping) or 'dataset' in dataset:
        part.refuse('test_dataloader.dataset', 'is a combination of data sets; or give --data DIR')
    cfg['test_dataloader']['dataset'].update(part.dataset(dataset, 'test_dataloader.dataset'))
    evaluators = trained['test_evaluator']
    for taken, given in zip(
        cfg['test_evaluator'], evaluators if isinstance(evaluators, list | tuple) else [evaluators], strict=True
    ):
        if given.get('ann_file') is not None:
            taken['ann_file'] = part.annotation_file(given['ann_file'], 'test_evaluator.ann_file')


def _runtime(scope: str) -> dict[str, Any]:
    """What the libraries' own configs say of hooks, logging and environment."""
    library = 'Det' if scope == 'mmdet' else 'Seg'
    return dict(
        default_hooks=dict(
            timer=dict(type='IterTimerHook'),
            logger=dict(type='LoggerHook', interval=50),
            sampler_seed=dict(type='DistSamplerSeedHook'),
            visualization=dict(type=f'{library}VisualizationHook'),
        ),
        env_cfg=dict(
            cudnn_benchmark=scope == 'mmseg',
            mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
            dist_cfg=dict(backend='nccl'),
        ),
        visualizer=dict(
            type=f'{library}LocalVisualizer',
            vis_backends=[dict(type='LocalVisBackend')],
            name='visualizer',
        ),
        log_processor=dict(type='LogProcessor', window_size=50, by_epoch=scope == 'mmdet'),
    )
