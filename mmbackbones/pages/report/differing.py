"""The section on the images that runs differ on most."""

from collections.abc import Sequence

from ...utils.progress import track
from ..rendering import Section, render
from .run import Run, threshold_of
from .scenes import Shown, strip

_IMAGES = 8
_RUNS = 3  # beside the ground truth in a picture


def differing_section(runs: Sequence[Run]) -> Section:
    """The images whose scores differ most between runs, with the prediction of each run.

    Args:
        runs: Runs that were tested on the same images; the first ones are shown.
    """
    runs = runs[:_RUNS]
    scores = [{image.image_id: image.score for image in run.diagnosis.images} for run in runs if run.diagnosis]
    by_name = [
        {image.name: (place, score[image.id]) for place, image in enumerate(run.results.images) if image.id in score}
        for run, score in zip(runs, scores, strict=True)
        if run.results
    ]
    common = [name for name in by_name[0] if all(name in images for images in by_name)]

    def spread(name: str) -> float:
        values = [images[name][1] for images in by_name]
        return max(values) - min(values)

    ranked = [name for name in sorted(common, key=spread, reverse=True) if spread(name) > 0][:_IMAGES]
    shown = [Shown(run.results, threshold_of(run.diagnosis)) for run in runs if run.results]
    items = []
    for name in track(ranked, len(ranked), 'Drawing images'):
        places = [images[name][0] for images in by_name]
        if source := strip(shown, places):
            values = ', '.join(f'{run.name} {images[name][1]:.2f}' for run, images in zip(runs, by_name, strict=True))
            items.append(dict(source=source, alt=f'{name}: ground truth and predictions', caption=f'{name} · {values}'))
    body = render(
        'report_differing.html',
        items=items,
        names=[run.name for run in runs],
        measure='mean IoU' if runs[0].is_segmentor else 'F1',
        missing=len(ranked) - len(items),
    )
    return Section('images', 'Images they differ on', body)
