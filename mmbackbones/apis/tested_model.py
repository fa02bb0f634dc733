"""What a test starts from: a checkpoint with a given config or its own, or an exported file."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from mmengine.config import Config

from ..engine.checkpoint_config import checkpoint_config
from ..engine.config import complete_config, load_config
from ..engine.initial_weights import checkpoint_classes
from ..engine.label_options import LabelOptions, labels_as_trained, trained_labels
from ..engine.processes.distributed import main_process_first
from ..engine.size_limit import little_memory, no_larger_than
from ..engine.work_dir import training_folder
from ..errors import UserError
from ..export.exported_model import NO_AMP, open_exported
from ..export.formats import is_exported
from ..utils.config_files import ConfigLike, config_name
from ..weights import find_state_dict, load_from_file, trained_classes


@dataclass(frozen=True)
class TestedModel:
    """A config to test with, and the file that it is for.

    Attributes:
        cfg: The config, without options but ``--cfg-options``.
        checkpoint: The file or URL.
        exported: Content of an exported file; None for a checkpoint.
        limited: A context in which a network that outgrows the checkpoint, as a config in it may ask for, is refused.
        frugal: A context in which little memory is taken.
    """

    cfg: Config
    checkpoint: str
    exported: Any = None
    limited: Callable[[], AbstractContextManager] = nullcontext
    frugal: Callable[[], AbstractContextManager] = nullcontext

    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes that the file carries."""
        if self.exported is not None:
            return trained_classes(self.exported)
        return main_process_first(lambda: checkpoint_classes(self.checkpoint))

    def labels(self, given: LabelOptions) -> LabelOptions:
        """The options of label maps as given, and those not given as in training."""
        trained = None if self.exported is None else trained_labels(self.exported)
        return labels_as_trained(self.checkpoint, **given, trained=trained)

    def load_weights(self, cfg: Config) -> None:
        """Have a test load the weights, strictly; an exported file has them already."""
        cfg.load_from = None if self.exported is not None else self.checkpoint
        cfg.custom_hooks = (
            [] if self.exported is not None else [dict(type='CheckpointMatchHook', strict=True), dict(type='FuseHook')]
        )


def tested_model(
    checkpoint: str,
    config: ConfigLike | None,
    own_data: bool,
    work_dir: str | None,
    cfg_options: dict | None,
    options: dict[str, Any],
) -> TestedModel:
    """Read the config to test with.

    Args:
        checkpoint: File or URL of a trained model, or an exported file.
        config: As given to :func:`~mmbackbones.apis.test`; None for the one in the file.
        own_data: Whether the data set of the config is tested on.
        work_dir: Folder to write to, as given.
        cfg_options: As given.
        options: The same, flat.

    Raises:
        UserError: The file or the config cannot be used.
    """
    if is_exported(checkpoint):
        content, cfg = open_exported(checkpoint, config, data=own_data)
        complete_config(cfg, config_name(config or cfg), work_dir or training_folder(checkpoint), options)
        return TestedModel(cfg, checkpoint, exported=content)
    if config is not None:
        return TestedModel(load_config(config, work_dir, cfg_options), checkpoint)
    content = load_from_file(checkpoint, 'cpu')
    cfg = checkpoint_config(content, checkpoint, data=own_data)
    complete_config(cfg, config_name(cfg), work_dir or training_folder(checkpoint), options)
    sizes = {key: value.to('meta') for key, value in find_state_dict(content, checkpoint).items()}
    return TestedModel(
        cfg, checkpoint, limited=partial(no_larger_than, sizes, checkpoint), frugal=partial(little_memory, sizes)
    )


def check_exported(checkpoint: str, amp: bool, launcher: str) -> None:
    """Raise UserError for options that an exported file does not take."""
    if not is_exported(checkpoint):
        return
    if amp:
        raise UserError(NO_AMP.format(checkpoint))
    if launcher != 'none':
        raise UserError(f'--launcher is for checkpoints: {checkpoint} is tested in one process')
