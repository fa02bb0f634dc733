"""The columns of ``results.csv``, which has a row for each validation of a training run."""

from collections.abc import Iterable

Row = dict[str, float]

TRAINED = 'train/'  # prefix of what is measured on training batches: losses, mostly
FIXED = ('epoch', 'iteration', 'seconds', 'lr', 'images_per_second', 'memory_mb')
WHOLE = ('epoch', 'iteration')
# Names of metrics of single classes begin with these.
OF_CLASSES = ('bbox_AP_', 'segm_AP_', 'IoU_', 'Acc_')


def columns_of(rows: Iterable[Row]) -> list[str]:
    """All columns of rows in the order of the file: the fixed ones, what was measured in training, and the metrics."""
    names = list(dict.fromkeys(name for row in rows for name in row if name not in FIXED))
    trained = [name for name in names if name.startswith(TRAINED)]
    return [*FIXED, *trained, *(name for name in names if not name.startswith(TRAINED))]


def losses_of(rows: Iterable[Row]) -> list[str]:
    """The columns of losses, the total first; other figures of training batches, such as an accuracy, are left out."""
    names = [name for name in columns_of(rows) if name.startswith(TRAINED) and 'loss' in name]
    return sorted(names, key=lambda name: name != f'{TRAINED}loss')


def metrics_of(rows: Iterable[Row], of_classes: bool = False) -> list[str]:
    """The columns of metrics: of all classes together, or those of single classes."""
    names = (name for name in columns_of(rows) if name not in FIXED and not name.startswith(TRAINED))
    return [name for name in names if name.startswith(OF_CLASSES) == of_classes]
