"""From a config file and the command line's options to the config that is run."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from time import time_ns
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.logging import print_log

from ..errors import UserError
from ..utils.atomic_write import atomic_write
from ..utils.config_files import read_config
from .options import LENGTHS, flatten, merge

NO_AMP = ('cpu', 'mps')  # devices that MMEngine has no mixed precision for


def load_config(path: str, work_dir: str | None, cfg_options: dict | None) -> Config:
    """Read a config file and merge ``--cfg-options`` into it; the work directory is ``work_dirs/<config>`` by default.

    Args:
        path: The file.
        work_dir: The work directory; ``--cfg-options work_dir`` wins over it.
        cfg_options: Config entries to override, by dotted names or nested.

    Raises:
        UserError: There is no such file, it is no valid config, or an option doesn't fit it.
    """
    cfg = read_config(path)
    complete(cfg, path, work_dir, flatten(cfg_options))
    return cfg


def complete(cfg: Config, path: str, work_dir: str | None, options: dict[str, Any], stretch: bool = False) -> None:
    """Merge ``--cfg-options`` into a config that was read from `path`, and add what every tool needs.

    Args:
        cfg: The config.
        path: Its file.
        work_dir: The work directory; ``--cfg-options work_dir`` wins over it.
        options: Flat ``--cfg-options``.
        stretch: Leave the length of training as it is in the file, for schedules to be stretched from.

    Raises:
        UserError: An option doesn't fit the config.
    """
    merge(cfg, {key: value for key, value in options.items() if not (stretch and key in LENGTHS)})
    # What this package registers for its tools is there, too, when the config that they leave behind is read again.
    cfg.setdefault('custom_imports', dict(imports=[], allow_failed_imports=False))
    cfg.custom_imports.imports = [*cfg.custom_imports.imports, 'mmbackbones.engine']
    for key in ('test_dataloader', 'test_evaluator'):  # in some configs they are the same objects as the validation's
        cfg[key] = deepcopy(cfg[key])
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if options.get(f'{name}.num_workers') == 0:  # where there are no workers, none persist
            cfg[name].setdefault('persistent_workers', False)
            cfg[name].persistent_workers &= bool(options.get(f'{name}.persistent_workers'))
    cfg.work_dir = str(options.get('work_dir') or '') or work_dir or str(Path('work_dirs') / Path(path).stem)
    # MMEngine keeps a visualizer, and the folder that it writes to, under its name for as long as the process lives.
    cfg.visualizer.name = f'{Path(path).stem}_{time_ns()}'


def dump_config(cfg: Config, path: Path) -> None:
    """Write a config to a file that reads as the same config, whatever its texts are, class names among them."""
    # MMEngine fills in what stands in double braces, variables of the environment included, when it reads a config.
    text = cfg.pretty_text.replace('{{', r'{\x7b')
    with atomic_write(path) as partial:
        partial.write_text(text, encoding='utf-8')


def dicts_in(node) -> Iterator[ConfigDict]:
    """Every dict below `node`, each once."""
    seen, stack = set(), [node]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, dict):
            yield node
            stack.extend(node.values())
        elif isinstance(node, list | tuple):
            stack.extend(node)


def set_num_classes(cfg: Config, num_classes: int) -> None:
    """Give every head of the model `num_classes` classes."""
    for node in dicts_in(cfg.model):
        if 'num_classes' in node:
            node['num_classes'] = num_classes


def as_sizes(scale: Any) -> list[tuple]:
    """The sizes that a `scale` of the libraries' resizing stands for: a number, a pair of them, or several pairs."""
    if isinstance(scale, int | float):
        scale = (scale, scale)
    several = isinstance(scale, list | tuple) and scale and isinstance(scale[0], list | tuple)
    return [tuple(size) for size in (scale if several else [scale])]


def set_img_scale(cfg: Config, width: int, height: int) -> None:
    """Resize images to fit into `width` x `height` pixels, in training and testing.

    Other scales of multi-scale training or testing, and the crops of training, keep their proportion to the test
    pipeline's scale.
    """
    if min(width, height) < 32:
        raise UserError(f'--img-scale {width} {height} is too small: backbones take images of at least 32x32 pixels')
    base, *_ = next(as_sizes(step.scale) for step in cfg.test_dataloader.dataset.pipeline if step.type == 'Resize')
    growth = max(width / base[0], height / base[1])  # of what has to hold in both directions

    def rescale(scale):
        if (scale[0] < scale[1]) != (base[0] < base[1]):  # to fit into WxH or HxW is one: images keep their proportions
            scale = scale[::-1]
        return tuple(max(1, round(old * new / was)) for old, new, was in zip(scale, (width, height), base, strict=True))

    def grow(size):
        return tuple(max(32, round(side * growth)) for side in size)

    for node in list(dicts_in(cfg._cfg_dict)):
        if node.get('type') in ('Resize', 'RandomResize', 'RandomChoiceResize'):
            for key in ('scale', 'scales'):
                if key in node:
                    scales = [rescale(scale) for scale in as_sizes(node[key])]
                    node[key] = scales if key == 'scales' or len(scales) > 1 else scales[0]
        elif node.get('type') == 'RandomCrop':
            node.crop_size = grow(node.crop_size)
        elif node.get('type') == 'SegDataPreProcessor' and 'size' in node:
            node.size = grow(node.size)


def set_batch(cfg: Config, batch_size: int | None, lr: float | None, accumulate: int) -> None:
    """Batch size for each process, learning rate, and gradient accumulation.

    Without `lr`, the config's rate is scaled linearly by MMEngine's ``auto_scale_lr``, from the batch size that the
    recipe was made for to what one optimizer step sees here.
    """
    if batch_size:
        cfg.train_dataloader.batch_size = batch_size
    cfg.optim_wrapper.accumulative_counts = accumulate
    if lr:
        cfg.optim_wrapper.optimizer.lr = lr
        cfg.auto_scale_lr = dict(enable=False, base_batch_size=1)
    elif cfg.get('auto_scale_lr'):
        cfg.auto_scale_lr.base_batch_size /= accumulate
        cfg.auto_scale_lr.enable |= batch_size is not None


def require_full_batches(cfg: Config, processes: int) -> None:
    """See to it that no segmentor is trained on a single image, which batch norms over 1x1 maps can learn nothing from.

    UperNet's pyramid pooling has such maps. A last, smaller batch of an epoch is left out.

    Raises:
        UserError: The batch is one image.
    """
    if any('pool_scales' in node for node in dicts_in(cfg.model)) and cfg.train_dataloader.batch_size * processes < 2:
        raise UserError(
            'a batch of 1 image is too small: the pyramid pooling of this model normalises over the batch; '
            'use --batch-size 2 or more'
        )
    cfg.train_dataloader.drop_last = True


def set_amp(cfg: Config) -> None:
    """Mixed precision, with dynamic loss scaling unless the config says otherwise."""
    device = get_device()
    if device in NO_AMP:
        raise UserError(f'--amp needs a GPU; this machine trains on the {device}')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def drop_amp(cfg: Config) -> None:
    """Take mixed precision out of a recipe that brings it, where the device can't do it, and say so.

    MMEngine's ``AmpOptimWrapper`` would end the program with an AssertionError there.
    """
    device = get_device()
    if device in NO_AMP and cfg.optim_wrapper.type == 'AmpOptimWrapper':
        cfg.optim_wrapper.type = 'OptimWrapper'
        for key in ('loss_scale', 'dtype'):
            cfg.optim_wrapper.pop(key, None)
        print_log(
            f'the recipe is for half precision, which needs a GPU: training in float32 on the {device}',
            logger='current',
        )
