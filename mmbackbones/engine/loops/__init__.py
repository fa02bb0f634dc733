"""Training loops whose data follows from seed and position, so that a run can be resumed at any iteration."""

from .epoch_loop import PositionedEpochLoop
from .iteration_loop import PositionedTrainLoop

__all__ = ['PositionedEpochLoop', 'PositionedTrainLoop']
