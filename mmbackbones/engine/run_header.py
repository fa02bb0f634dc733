"""What a run is about, in a few lines for the screen."""

from collections.abc import Sequence

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size, is_main_process
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch.nn import Module

from ..errors import printable
from ..utils.config_files import config_name
from ..utils.paths import shown_path
from ..utils.text import counted
from .amp import half_type
from .compilation import compiles

_CLASSES = 6  # class names that are shown
_NAME = 30  # letters of each


def print_training(runner: Runner) -> None:
    """Print what is trained, on what, how long, and where everything goes; in the first of several processes."""
    cfg, images = runner.cfg, len(runner.train_dataloader.dataset)
    data = f'{counted(images, "image")} to train on'
    if runner.val_loop is not None:
        data += f', {counted(len(runner.val_dataloader.dataset), "image")} to validate on'
    _print_rows(
        f'training {printable(config_name(cfg))}',
        dict(
            model=_describe_model(cfg, runner.model),
            data=data,
            classes=_describe_classes(runner.train_dataloader.dataset.metainfo.get('classes') or ()),
            length=_describe_length(runner),
            device=_describe_device(half_type(cfg, test=False), compiles(cfg)),
            results=printable(shown_path(runner.work_dir)),
            log=_describe_log(),
        ),
    )


def print_test(runner: Runner, checkpoint: str) -> None:
    """Print what is tested, and on what; in the first of several processes."""
    dataset = runner.test_loop.dataloader.dataset
    _print_rows(
        f'testing {printable(checkpoint)}',
        dict(
            model=_describe_model(runner.cfg, runner.model),
            data=counted(len(dataset), 'image'),
            classes=_describe_classes(getattr(dataset, 'metainfo', {}).get('classes') or ()),
            device=_describe_device(half_type(runner.cfg, test=True)),
            log=_describe_log(),
        ),
    )


def _print_rows(title: str, rows: dict[str, str]) -> None:
    if is_main_process():
        print('\n'.join(['', title, *(f'  {name:<8} {text}' for name, text in rows.items() if text), '']), flush=True)


def _describe_model(cfg: Config, model: Module) -> str:
    head = cfg.model.get('decode_head') or {}
    names = [str(cfg.model.type).removeprefix('mmdet.').removeprefix('mmseg.')]
    if isinstance(head, dict) and 'type' in head:
        names.append(f'({head["type"]})')
    if isinstance(cfg.model.get('backbone'), dict):
        names.append(f'with {str(cfg.model.backbone.get("type")).rpartition(".")[2]}')
    parameters = list(model.parameters())
    total, trained = (
        sum(parameter.numel() for parameter in some)
        for some in (parameters, [parameter for parameter in parameters if parameter.requires_grad])
    )
    if not total:  # an exported file
        return printable(' '.join(names))
    part = '' if trained == total else f', {_millions(trained)} of them trained'
    return printable(f'{" ".join(names)}: {_millions(total)} parameters{part}')


def _millions(number: int) -> str:
    return f'{number / 1e6:.1f} M' if number >= 1e5 else f'{number:,}'


def _describe_classes(classes: Sequence[str]) -> str:
    names = [name if len(name) <= _NAME else f'{name[:_NAME]}...' for name in map(str, classes[:_CLASSES])]
    more = f' and {len(classes) - _CLASSES} more' if len(classes) > _CLASSES else ''
    return f'{len(classes)}: {printable(", ".join(names))}{more}' if classes else ''


def _describe_length(runner: Runner) -> str:
    length = runner.cfg.train_cfg
    by_epoch = 'max_epochs' in length
    unit = 'epoch' if by_epoch else 'iteration'
    text = counted(runner.max_epochs if by_epoch else runner.max_iters, unit)
    if by_epoch:
        text += f' of {counted(len(runner.train_dataloader), "iteration")}'
    text += f' with {counted(runner.cfg.train_dataloader.batch_size, "image")}'
    if get_world_size() > 1:
        text += ' in each process'
    if runner.val_loop is not None:
        interval, end = length.get('val_interval', 1), runner.max_epochs if by_epoch else runner.max_iters
        when = f'every {unit}' if interval == 1 else f'every {interval} {unit}s'
        text += f'; validation {"at the end" if interval >= end else when}'
    return text


def _describe_device(half: str, compiled: bool = False) -> str:
    device, number = get_device(), get_world_size()
    name = torch.cuda.get_device_name() if device == 'cuda' else 'CPU' if device == 'cpu' else device
    parts = [name]
    if number > 1:
        parts.append(f'{number} processes')
    if half:
        parts.append(f'in {half}')
    if compiled:
        parts.append('with a compiled backbone')
    return printable(', '.join(parts))


def _describe_log() -> str:
    file = MMLogger.get_current_instance().log_file
    return printable(shown_path(file)) if file else ''
