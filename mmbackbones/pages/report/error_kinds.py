"""The kinds of errors of a detector, in words."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of errors.

    Attributes:
        name: What it is called in a report.
        meaning: What it is.
        advice: What to do if it is the one that costs most.
    """

    name: str
    meaning: str
    advice: str


KINDS = {
    'classification': Kind(
        'wrong class',
        'an object is found where one is, but as another class',
        'See which classes are mixed up in the confusion matrix. If people would mix them up, too, check their '
        'annotations or join the classes; else add examples of both.',
    ),
    'localization': Kind(
        'badly placed',
        'the class is right, but the overlap with the object is too small (IoU from 0.1 to 0.5)',
        'Compare with the annotations whether these are drawn tightly and alike. For small objects, a larger '
        '--img-scale or --tile places them better; so does longer training.',
    ),
    'both': Kind(
        'wrong class and badly placed',
        'the overlap with an object of another class is small (IoU from 0.1 to 0.5)',
        'The model has learned too little of these objects: train longer, or add examples of them.',
    ),
    'duplicate': Kind(
        'found twice',
        'an object that a prediction with a higher score has found already',
        'Raise the score threshold; if objects do not overlap in your images, lower the IoU threshold of '
        'non-maximum suppression (model.test_cfg).',
    ),
    'background': Kind(
        'nothing there',
        'something is found where no object is annotated (IoU below 0.1)',
        'Look at the likely label errors first: objects may be missing in the annotations. Else raise the score '
        'threshold, and add images that hold nothing but what is mistaken for objects.',
    ),
    'missed': Kind(
        'missed',
        'an annotated object that nothing was found for',
        'Look at what the missed objects have in common. Small ones need a larger --img-scale or --tile; rare ones '
        'need more examples; if they are found with low scores, lower the score threshold.',
    ),
}


def kind_of(name: str) -> Kind:
    """A kind by its name in the figures; one that is not known is called as it is there."""
    return KINDS.get(name, Kind(name, '', ''))
