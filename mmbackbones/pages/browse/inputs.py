"""The section on what a model is given in training."""

from collections.abc import Iterator, Sequence
from os.path import normpath

from ...datasets.survey.survey import Survey
from ...engine.model_inputs import ModelInputs
from ...utils.progress import track
from ..rendering import Section, render
from .drawn import draw_input, draw_labels, relative, spread
from .sheets import Picture

IMAGES = 6
DRAWS = 4
_TRIED = 4  # as many images as are shown: those with labels are preferred


def chosen_images(number: int) -> list[int]:
    """Indices of the images of a data set among which those that are shown are chosen."""
    return spread(range(number), IMAGES * _TRIED)


def draw_inputs(survey: Survey, inputs: ModelInputs) -> Iterator[Picture]:
    """Images, each as it is and then as it is given to the model several times."""
    content = survey.splits['train']
    places = {normpath(path): place for place, path in enumerate(content.paths)}
    candidates = chosen_images(len(inputs))
    per_image = content.per_image
    labeled = [index for index in candidates if per_image[places[normpath(inputs.path(index))]]]
    chosen = spread(labeled or candidates, IMAGES)
    for index in track(chosen, len(chosen), 'Augmenting'):
        path, draws = inputs.draw(index, DRAWS)
        name = relative(path, survey.data.root)
        yield Picture(draw_labels(survey, 'train', places[normpath(path)]), f'{name} · as it is')
        for given in draws:
            height, width = given.image.shape[:2]
            yield Picture(draw_input(given, inputs.classes), f'{width} × {height} pixels')  # noqa: RUF001


def inputs_section(config: str, steps: Sequence[str], pictures: list[Picture]) -> Section:
    """The section.

    Args:
        config: Name of the config.
        steps: The steps of its pipeline, in words.
        pictures: What :func:`draw_inputs` drew.
    """
    body = render(
        'browse_inputs.html', config=config, steps=steps, draws=DRAWS, items=[picture.item for picture in pictures]
    )
    return Section('inputs', 'What the model sees', body)
