"""What the labels of a segmentation data set must fulfil: 1 to n are classes, 0 and 255 are ignored."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import UserError
from .label_maps import LabelMap

IGNORED = {0, 255}  # mmseg's reduce_zero_label leaves out 0, its losses and metrics leave out 255


def check_labels(maps: dict[Path, LabelMap], names: Sequence[str], names_file: Path) -> None:
    """Raise UserError unless every label has a name, and some pixel has one."""
    allowed = IGNORED | set(range(1, len(names) + 1))
    wrong = {path: min(set(label.labels) - allowed) for path, label in maps.items() if not allowed >= set(label.labels)}
    if wrong:
        path, label = next(iter(wrong.items()))
        raise UserError(f'{path} has the label {label}, but {names_file} names the labels 1 to {len(names)} only '
                        f'(0 and 255 are ignored); {len(wrong)} of {len(maps)} label maps have such labels.')
    occurring = _occurring(maps.values())
    if occurring <= IGNORED:
        raise UserError(f'All {len(maps)} label maps, such as {next(iter(maps))}, have no label but '
                        f'{" and ".join(map(str, sorted(occurring)))}, which are ignored: the classes must be '
                        f'numbered from 1, as the lines of {names_file}.')


def check_numbering(maps: Sequence[LabelMap], names: Sequence[str], names_file: Path, root: Path) -> None:
    """Raise UserError if all labels are one too low: 0, which is ignored, occurs, and of the classes only the last
    doesn't."""
    last, occurring = len(names), _occurring(maps)
    if 0 in occurring and occurring - IGNORED == set(range(1, last)):
        raise UserError(f'The label maps in {root} seem to be numbered from 0, but 0 is ignored and line n of '
                        f'{names_file.name} names label n: no pixel has label {last} ({names[-1]!r}); add 1 to every '
                        f'label, or, if 0 is rightly ignored, take {names[-1]!r} out of {names_file.name}.')


def describe_labels(maps: Sequence[LabelMap], names: Sequence[str]) -> list[str]:
    """What a user should know of labels that pass: which are ignored, and which classes occur nowhere."""
    notes, occurring = [], _occurring(maps)
    if zeros := sum(0 in found.labels for found in maps):
        notes.append(f'label 0 is in {zeros} of {len(maps)} label maps: its pixels are ignored, in training and in '
                     'evaluation; a background that is to be learnt must be a class')
    if unseen := [name for label, name in enumerate(names, 1) if label not in occurring]:
        notes.append(f'of the {len(names)} classes, {len(unseen)} occur nowhere, such as {unseen[0]!r}')
    return notes


def _occurring(maps: Iterable[LabelMap]) -> set[int]:
    return {label for found in maps for label in found.labels}
