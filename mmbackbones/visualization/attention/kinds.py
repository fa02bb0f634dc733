"""The kinds of maps: what each is called, and what it says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of map.

    Attributes:
        title: What pictures call it.
        meaning: What it says, for the legend.
        dense: Whether it has a value everywhere, shown from the smallest to the largest; else it is a share of a whole,
            shown from 0.
    """

    title: str
    meaning: str
    dense: bool = False


KINDS = {
    'features': Kind('feature map', 'mean absolute value of the features', dense=True),
    'gate': Kind('gate', 'mean absolute value that LKA multiplies its input by, the same for every point', dense=True),
    'receptive-field': Kind('receptive field', 'how much the features at the point change with each pixel'),
    'grid': Kind('grid', 'weights inside the cell of the grid that the point is in'),
    'grid-2': Kind('second grid', 'weights of the second step, whose tokens are cells of the first'),
    'grid-3': Kind('third grid', 'weights of the third step, whose tokens are cells of the second'),
    'global': Kind('global', 'weights over the whole map'),
    'window': Kind('window', 'weights in the window around the point'),
    'pixel-to-semantic': Kind('pixel to semantic', 'weights on the semantic tokens, each where it was pooled from'),
    'semantic-to-pixel': Kind('semantic to pixel', 'weights of the semantic token that the point attends to most'),
    'pixel-to-pixel': Kind('pixel to pixel', 'weights on the other pixels'),
    'combined': Kind('combined', 'all steps together'),
}

COMPONENTS = Kind(
    'components', 'the three main directions in which features differ, as red, green and blue: alike is of one color'
)
