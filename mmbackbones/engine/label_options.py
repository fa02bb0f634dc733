"""Options of reading label maps: as given, or as a model was trained."""

from collections.abc import Mapping
from typing import Any, TypedDict

from mmengine.config import Config
from mmengine.runner import CheckpointLoader

from ..datasets.checks.label_numbering import BACKGROUNDS, check_numbering_options
from ..errors import UserError
from .dataset_config import is_segmentor
from .processes.distributed import main_process_first


class LabelOptions(TypedDict, total=False):
    """How label maps are read.

    Attributes:
        background: ``ignore`` if label 0 is ignored, ``class`` if it is the first class; None to tell by the labels.
        ignore_label: Label whose pixels are ignored, beside 255; None for no other.
    """

    background: str | None
    ignore_label: int | None


def check_label_options(cfg: Config, background: str | None, ignore_label: int | None) -> None:
    """Check the options of label maps against a config.

    Args:
        cfg: Config of a detector or a segmentor.
        background: See :class:`LabelOptions`.
        ignore_label: See :class:`LabelOptions`.

    Raises:
        UserError: There is no such value, or the config is of a detector.
    """
    check_numbering_options(background, ignore_label)
    if not is_segmentor(cfg) and (background is not None or ignore_label is not None):
        raise UserError(
            '--background and --ignore-label say how label maps are read, but this config is of a detector, which '
            'learns boxes'
        )


def labels_as_trained(
    checkpoint: str,
    background: str | None,
    ignore_label: int | None,
    resumed: LabelOptions | None = None,
    trained: LabelOptions | None = None,
) -> LabelOptions:
    """The options of label maps as given, and those not given as a checkpoint was trained.

    Args:
        checkpoint: File or URL.
        background: As given; see :class:`LabelOptions`.
        ignore_label: As given; see :class:`LabelOptions`.
        resumed: For a run that is resumed from `checkpoint`: what :func:`trained_labels` returns for it. It has to read
            label maps as before.
        trained: What :func:`trained_labels` returns for an exported file; None to read `checkpoint`.

    Raises:
        UserError: The run to resume read label maps differently.
    """
    if resumed is None:
        if trained is None:
            trained = main_process_first(
                lambda: trained_labels(CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent'))
            )
    else:
        trained = resumed
        for option, given, before in (
            ('--background', background, trained.get('background')),
            ('--ignore-label', ignore_label, trained.get('ignore_label')),
        ):
            if trained and given not in (None, before):
                raise UserError(
                    f'{option} is {given}, but {checkpoint} was trained with '
                    + (f'{before}' if before is not None else f'no {option}')
                    + ': a resumed run reads labels as before; to start a new run from it, use --weights'
                )
    return LabelOptions(
        background=trained.get('background') if background is None else background,
        ignore_label=trained.get('ignore_label') if ignore_label is None else ignore_label,
    )


def trained_labels(content: Any) -> LabelOptions:
    """The options of label maps in a checkpoint, where MMSegmentation and :class:`PairedSegDataset` wrote them.

    Args:
        content: Content of the checkpoint.

    Returns:
        The options; empty if the checkpoint has none.
    """
    for key in ('meta', 'dataset_meta'):
        content = content.get(key) if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping) or type(content.get('reduce_zero_label')) is not bool:
        return LabelOptions()
    ignored = content.get('ignore_label')
    background = content.get('background', 'ignore' if content['reduce_zero_label'] else 'class')
    return LabelOptions(
        background=background if background in BACKGROUNDS else None,
        ignore_label=ignored if type(ignored) is int else None,
    )
