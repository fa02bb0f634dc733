"""Examples of each kind of errors, to be looked at."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from .errors_by_kind import Errors
from .figures import ErrorExample, ErrorKind
from .matching import NONE, Matches
from .results import TestedImage

_MOST = 6  # of a kind


def with_examples(
    kinds: Iterable[ErrorKind], errors: Errors, matches: Matches, images: tuple[TestedImage, ...]
) -> tuple[ErrorKind, ...]:
    """The kinds of errors with examples, each from another image: the most certain predictions, the largest objects.

    Args:
        kinds: The kinds.
        errors: The error that each prediction is.
        matches: What found what.
        images: All images.
    """
    found, truths = matches.found, matches.truths
    of_found, of_truths = found.images, truths.images
    filled = []
    for kind in kinds:
        examples: dict[int, ErrorExample] = {}  # by the place of the image
        if kind.name == 'missed':
            places = np.flatnonzero(errors.missed)
            for place in places[np.argsort(-truths.boxes[places, 2:].prod(axis=1), kind='stable')].tolist():
                image, box = int(of_truths[place]), tuple(truths.boxes[place].tolist())
                example = ErrorExample(images[image].id, box, int(truths.labels[place]), None, None)
                examples.setdefault(image, example)
                if len(examples) == _MOST:
                    break
        else:
            for place in matches.order[errors.kind[matches.order] == kind.name].tolist():
                image, meant = int(of_found[place]), int(errors.truth[place])
                label = None if meant == NONE else int(truths.labels[meant])
                box, score = tuple(found.boxes[place].tolist()), float(found.scores[place])
                example = ErrorExample(images[image].id, box, label, int(found.labels[place]), score)
                examples.setdefault(image, example)
                if len(examples) == _MOST:
                    break
        filled.append(replace(kind, examples=tuple(examples.values())))
    return tuple(filled)
