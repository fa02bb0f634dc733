"""Our record in a checkpoint: what its run has validated, and which validations were the best."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeGuard

RECORD = 'record'  # name of our part of a checkpoint


@dataclass
class Record:
    """What a run has found until a checkpoint.

    Attributes:
        validated: The last position of the run, in epochs or iterations as the run is counted, with no validation left
            to do.
        best: Metric -> score and position. None as the position: it was chosen by a run that kept no record.
        metrics: Position -> metrics, of the last validation and the best ones.
        waited: Validations in a row that found no better figure of the first metric that the best is chosen by.
        passing: Whether the file is only kept until the next checkpoint is written.
    """

    validated: int | None = None
    best: dict[str, tuple[float, int | None]] = field(default_factory=dict)
    metrics: dict[int, dict[str, float]] = field(default_factory=dict)
    waited: int = 0
    passing: bool = False

    def write_to(self, checkpoint: dict[str, Any]) -> None:
        """Make this the record of a checkpoint, given its content."""
        best = {key: list(value) for key, value in self.best.items()}
        checkpoint[RECORD] = {**asdict(self), 'best': best}


def read_record(checkpoint: Mapping) -> Record:
    """The record in a checkpoint. Anybody may have written the file: entries of a wrong type are left out."""
    given = checkpoint.get(RECORD)
    given = given if isinstance(given, dict) else {}
    validated, best, metrics, waited = (given.get(key) for key in ('validated', 'best', 'metrics', 'waited'))
    return Record(
        validated=validated if _is_position(validated) else None,
        best={
            key: (float(value[0]), value[1])
            for key, value in (best if isinstance(best, dict) else {}).items()
            if isinstance(key, str)
            and key.isprintable()
            and len(key) < 100
            and isinstance(value, list)
            and len(value) == 2
            and isinstance(value[0], int | float)
            and not math.isnan(value[0])
            and _is_position(value[1])
        },
        metrics={
            position: {
                name: float(value)
                for name, value in found.items()
                if isinstance(name, str) and type(value) in (int, float) and math.isfinite(value)
            }
            for position, found in (metrics if isinstance(metrics, dict) else {}).items()
            if _is_position(position) and isinstance(found, dict)
        },
        waited=waited if _is_position(waited) else 0,
        passing=given.get('passing') is True,
    )


def lacks_validation(checkpoint: Mapping) -> bool:
    """Whether a run ended between writing a checkpoint and validating it, so that a resume validates first.

    Args:
        checkpoint: Content of the file; one without a record lacks nothing.
    """
    meta = checkpoint.get('meta', {})
    return RECORD in checkpoint and read_record(checkpoint).validated not in (meta.get('epoch'), meta.get('iter'))


def run_of(checkpoint: Any) -> str | None:
    """Id of the run that wrote a checkpoint, given its content; None in files of version 1."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    run = meta.get('run_id') if isinstance(meta, Mapping) else None
    return run if isinstance(run, str) else None


def _is_position(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**53
