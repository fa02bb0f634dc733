"""The kinds of errors of TIDE (Bolya, Foley, Hays and Hoffman, ECCV 2020).

Section 2.2 of the paper defines six kinds, and section 2.3 what each of them costs: how much AP50 would rise if an
oracle mended the errors of this kind and left all others. A prediction that fits several definitions counts as the
first of localization, classification, duplicate, background, both.
"""

from dataclasses import dataclass

import numpy as np

from .columns import Array
from .figures import ErrorKind
from .matching import BACKGROUND, FOREGROUND, NONE, Matches
from .precision import interpolated_precision

NAMES = ('classification', 'localization', 'both', 'duplicate', 'background', 'missed')


@dataclass(frozen=True)
class Errors:
    """The error that each prediction is.

    Attributes:
        kind: (n,) name of the kind; empty where the prediction is right or does not count.
        truth: (n,) of errors of localization and classification, the object that the prediction was meant for; else -1.
        missed: (t,) whether an object was neither found nor meant by such an error.
    """

    kind: Array
    truth: Array
    missed: Array


def sort_errors(matches: Matches) -> Errors:
    """Tell what kind of error each wrong prediction is, and which objects were missed.

    Args:
        matches: What found what.
    """
    found, truths, overlaps = matches.found, matches.truths, matches.overlaps
    of_class = found.labels[overlaps.found] == truths.labels[overlaps.truth]
    iou_same, truth_same = largest(
        overlaps.found[of_class], overlaps.truth[of_class], overlaps.iou[of_class], len(found)
    )
    iou_other, truth_other = largest(
        overlaps.found[~of_class], overlaps.truth[~of_class], overlaps.iou[~of_class], len(found)
    )
    wrong = matches.wrong_50
    conditions = {
        'localization': (iou_same >= BACKGROUND) & (iou_same < FOREGROUND),
        'classification': iou_other >= FOREGROUND,
        'duplicate': iou_same >= FOREGROUND,
        'background': np.maximum(iou_same, iou_other) < BACKGROUND,
        'both': np.ones(len(found), bool),
    }
    kind = np.select([wrong & condition for condition in conditions.values()], list(conditions), '')
    truth = np.full(len(found), NONE)
    for name, places in ('localization', truth_same), ('classification', truth_other):
        truth[kind == name] = places[kind == name]
    missed = ~truths.crowds
    missed[matches.truth_of[matches.right_50]] = False
    missed[truth[truth != NONE]] = False
    return Errors(kind, truth, missed)


def error_kinds(matches: Matches, errors: Errors) -> tuple[ErrorKind, ...]:
    """Number and cost of the errors of each kind.

    Args:
        matches: What found what.
        errors: What :func:`sort_errors` gives.
    """
    everything = np.where(matches.counted & ~matches.ignored[:, 0], True, False)
    labels, right, per_class = matches.found.labels, matches.right_50, matches.per_class
    before = _mean_ap50(matches, everything, labels, right, per_class)
    kinds = []
    for name in NAMES:
        kept, mended, now_right, truths = everything, labels, right, per_class
        if name == 'missed':
            count = int(errors.missed.sum())
            missed = matches.truths.labels[errors.missed]
            truths = per_class - np.bincount(missed, minlength=matches.classes)
        else:
            of_kind = errors.kind == name
            count = int(of_kind.sum())
            kept, mended, now_right = _mend(matches, errors, of_kind)
            kept = kept & everything
        after = _mean_ap50(matches, kept, mended, now_right, truths)
        kinds.append(ErrorKind(name, count, after - before))
    return tuple(kinds)


def largest(keys: Array, places: Array, values: Array, count: int) -> tuple[Array, Array]:
    """Of each key, the largest of its values, 0 without any, and the place beside it or -1.

    Args:
        keys: (m,) from 0 to `count` - 1.
        places: (m,) what is beside the values.
        values: (m,) above 0.
        count: Number of keys.
    """
    best, beside = np.zeros(count), np.full(count, NONE)
    order = np.argsort(values, kind='stable')
    best[keys[order]], beside[keys[order]] = values[order], places[order]  # the last one stays
    return best, beside


def _mend(matches: Matches, errors: Errors, of_kind: Array) -> tuple[Array, Array, Array]:
    """Which predictions stay, their classes, and which of them are right, once the errors of a kind are mended.

    What is meant for an object finds it. Of several that find one object, the one with the highest score stays; what is
    meant for none goes.
    """
    truth = np.where(matches.right_50, matches.truth_of, np.where(of_kind, errors.truth, NONE))
    claims = matches.order[truth[matches.order] != NONE]
    # First those that were right before, so that one of the same score stays.
    claims = claims[np.lexsort((~matches.right_50[claims], -matches.found.scores[claims]))]
    _, first = np.unique(truth[claims], return_index=True)
    winners = np.zeros(len(truth), bool)
    winners[claims[first]] = True
    right = winners
    kept = ~of_kind & ~matches.right_50 | winners
    mended = matches.found.labels.copy()
    changed = winners & of_kind
    mended[changed] = matches.truths.labels[truth[changed]]
    return kept, mended, right


def _mean_ap50(matches: Matches, kept: Array, labels: Array, right: Array, truths: Array) -> float:
    """Mean of AP50 over the classes that have objects; one that has none left to find is perfect if none is found."""
    order = matches.order[kept[matches.order]]
    labels, right = labels[order], right[order]
    values = []
    for label in np.flatnonzero(matches.per_class).tolist():
        of_class = right[labels == label]
        if truths[label]:
            values.append(interpolated_precision(of_class, int(truths[label])).mean())
        else:
            values.append(float(not of_class.size))
    return float(np.mean(values)) if values else np.nan
