"""Trials before a training run: the batch that fits into memory, and the length that fits into a time budget.

What a trial builds is thrown away, so a run is the same as one that was given the numbers that are found. A run that is
resumed takes them from its checkpoint (:func:`take_over`).
"""

from .batch_size import check_batch_search, choose_batch_size
from .take_over import take_over
from .time_budget import fit_time_budget, set_provisional_length

__all__ = ['check_batch_search', 'choose_batch_size', 'fit_time_budget', 'set_provisional_length', 'take_over']
