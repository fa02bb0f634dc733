"""The part of the metadata that is generated: counted, or taken from the table of releases."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from ..analysis.complexity import build_network
from ..analysis.counting import multiply_adds
from ..weights import RELEASES
from .frameworks import CLASSIFICATION_METRIC
from .metadata import metafiles, read_metafile, write_metafile


def count(model: nn.Module, input_size: str) -> dict[str, int]:
    """``Parameters`` and ``FLOPs`` of a network.

    Args:
        model: The network; it is moved to the meta device.
        input_size: Height and width of the image, as in ``800x1280``.
    """
    height, width = map(int, input_size.split('x'))
    parameters = sum(param.numel() for param in model.parameters())
    return dict(Parameters=parameters, FLOPs=multiply_adds(model.eval(), (1, 3, height, width)))


def with_release_info(entry: dict[str, Any]) -> dict[str, Any]:
    """The metadata of a model, updated from :data:`~mmbackbones.weights.RELEASES` if it is a released checkpoint."""
    release = RELEASES.get(entry['Name'])
    if release is None:
        return entry
    metadata = {**entry['Metadata'], 'Training Data': release.data, 'Input Size': f'{release.size}x{release.size}'}
    entry = {**entry, 'Metadata': metadata}
    if release.top1:
        metrics = {CLASSIFICATION_METRIC: release.top1}
        entry['Results'] = [{'Task': 'Image Classification', 'Dataset': 'ImageNet-1K', 'Metrics': metrics}]
    if release.url:
        entry['Weights'] = release.url
    return entry


def recount_all() -> Iterator[str]:
    """Count every model and write its metadata; takes minutes.

    Yields:
        The name of each model before it is counted.
    """
    for path in metafiles():
        content = read_metafile(path)
        for i, entry in enumerate(content['Models']):
            yield entry['Name']
            entry = with_release_info(entry)
            entry['Metadata'].update(count(build_network(entry['Name'])[0], entry['Metadata']['Input Size']))
            content['Models'][i] = entry
        write_metafile(path, content)
