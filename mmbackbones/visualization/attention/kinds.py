"""The kinds of maps: what each is called, what it says, and how its values become colors."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of map.

    Attributes:
        title: What pictures call it.
        meaning: What it says, for the legend.
        of_point: Whether it depends on the point; else it is the same for all of the image.
        root: Whether colors show the square root of its values, because a few are much larger than the others.
    """

    title: str
    meaning: str
    of_point: bool = True
    root: bool = False


KINDS = {
    'features': Kind('Feature map', 'mean absolute value of the features', of_point=False),
    'gate': Kind('Gate', 'mean absolute factor by which LKA weights its input, whatever the point', of_point=False),
    'receptive-field': Kind(
        'Receptive field',
        'how much the features at the point depend on each part of the image (square root)',
        root=True,
    ),
    'grid': Kind('Grid', "weights in the point's cell of the grid"),
    'grid-2': Kind('Second grid', "weights in the point's cell of the next grid, of cells of the first"),
    'grid-3': Kind('Third grid', "weights in the point's cell of the next grid, of cells of the second"),
    'global': Kind('Global', 'weights over all of the map'),
    'combined': Kind('Combined', 'the mean of these weights, spread over the pixels (square root)', root=True),
    'window': Kind('Window', 'weights in the window around the point'),
    'pixel-to-semantic': Kind(
        'Pixel to semantic', 'weights on the semantic tokens, drawn where each token was pooled from'
    ),
    'semantic-to-pixel': Kind('Semantic to pixel', 'weights of the semantic token that the point attends to most'),
    'via-semantic': Kind('Via semantic tokens', 'weights on the pixels through all semantic tokens'),
    'pixel-to-pixel': Kind('Pixel to pixel', 'weights on the pixels themselves'),
}

# Shown beside the feature map, as colors rather than as values.
COMPONENTS = Kind(
    'Components',
    'the three main directions in which features differ, as red, green and blue: what is alike to the network has one '
    'color',
    of_point=False,
)
