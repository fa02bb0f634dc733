"""The section on single images: the worst and the best."""

from collections.abc import Sequence

from ...evaluation.diagnosis.figures import DetectionDiagnosis, ImageFigures
from ...evaluation.diagnosis.results import Results
from ...utils.progress import track
from ..rendering import Section, render
from .run import Diagnosis, threshold_of
from .scenes import Shown, strip

_WORST, _BEST = 12, 4


def images_section(results: Results, diagnosis: Diagnosis) -> Section:
    """The worst and the best images, with the prediction beside the ground truth."""
    detector = isinstance(diagnosis, DetectionDiagnosis)
    threshold = threshold_of(diagnosis)
    worst = diagnosis.images[:_WORST]
    best = diagnosis.images[len(worst) :][-_BEST:][::-1]
    items = {'worst': _items(results, worst, threshold, detector), 'best': _items(results, best, threshold, detector)}
    shown = sum(map(len, items.values()))
    body = render(
        'report_images.html',
        **items,
        missing=len(worst) + len(best) - shown,
        folder=results.images[0].path.parent if results.images and results.images[0].path else None,
        detector=detector,
        threshold=threshold,
    )
    return Section('images', 'Worst and best images', body)


def _items(results: Results, figures: Sequence[ImageFigures], threshold: float, detector: bool) -> list[dict[str, str]]:
    """Pictures for the page, of the images that are there."""
    places = {image.id: place for place, image in enumerate(results.images)}
    items = []
    for image in track(figures, len(figures), 'Drawing images'):
        place = places[image.image_id]
        if source := strip([Shown(results, threshold)], [place]):
            name = results.images[place].name
            items.append(
                dict(source=source, alt=f'{name}: ground truth and prediction', caption=_caption(name, image, detector))
            )
    return items


def _caption(name: str, image: ImageFigures, detector: bool) -> str:
    if detector:
        return f'{name} · F1 {image.score:.2f}: {image.right} right, {image.wrong} wrong, {image.missed} missed'
    return f'{name} · mean IoU {image.score:.3f}'
