"""How label maps are to be read: as the command line says, or as a model was trained."""

from collections.abc import Mapping

from mmengine.config import Config
from mmengine.runner import CheckpointLoader

from ..datasets.checks.label_numbering import check_numbering_options
from ..errors import UserError
from .dataset_config import is_segmentor
from .distributed import main_process_first


def check_label_options(cfg: Config, background: str | None, ignore_label: int | None) -> None:
    """Raise UserError for values that there are not, and for a model that learns no label maps."""
    check_numbering_options(background, ignore_label)
    if not is_segmentor(cfg) and (background is not None or ignore_label is not None):
        raise UserError(
            '--background and --ignore-label say how label maps are to be read, but this config is of a '
            'detector, which learns boxes'
        )


def labels_as_trained(
    checkpoint: str,
    background: str | None,
    ignore_label: int | None,
    resumed: dict[str, str | int | None] | None = None,
) -> dict[str, str | int | None]:
    """The two options as given, or else as `checkpoint` was trained, if it says.

    Args:
        checkpoint: File or URL.
        resumed: What :func:`trained_labels` says of it, where its run is resumed and has to read labels as before.

    Raises:
        UserError: The run to resume read labels otherwise.
    """
    if resumed is None:
        theirs = main_process_first(
            lambda: trained_labels(CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent'))
        )
    else:
        theirs = resumed
    ours = dict(background=background, ignore_label=ignore_label)
    for key, value in ours.items():
        if resumed and value not in (None, theirs[key]):
            option = f'--{key.replace("_", "-")}'
            raise UserError(
                f'{option} is {value}, but {checkpoint} was trained with '
                + (f'{theirs[key]}' if theirs[key] is not None else f'no {option}')
                + ': a resumed run reads labels as before; to start a new one from it, use --weights'
            )
    return {key: theirs.get(key) if value is None else value for key, value in ours.items()}


def trained_labels(content) -> dict[str, str | int | None]:
    """What MMSegmentation and :class:`PairedSegDataset` wrote into a checkpoint, given its content; else empty."""
    for key in ('meta', 'dataset_meta'):
        content = content.get(key) if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping) or type(content.get('reduce_zero_label')) is not bool:
        return {}
    ignored = content.get('ignore_label')
    return dict(
        background='ignore' if content['reduce_zero_label'] else 'class',
        ignore_label=ignored if type(ignored) is int else None,
    )
