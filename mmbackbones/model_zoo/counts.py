"""What the metadata says of a model that can be counted or looked up."""

from collections.abc import Iterator

from torch import nn

from ..analysis.complexity import build_network
from ..analysis.counting import multiply_adds
from ..weights import RELEASES
from .metadata import metafiles, read_metafile, write_metafile


def count(model: nn.Module, input_size: str) -> dict[str, int]:
    """``Parameters`` and ``FLOPs`` of a network for an image of `input_size`, as in ``800x1280`` (H x W).

    The network is moved to the meta device.
    """
    height, width = map(int, input_size.split('x'))
    parameters = sum(param.numel() for param in model.parameters())
    return dict(Parameters=parameters, FLOPs=multiply_adds(model.eval(), (1, 3, height, width)))


def released(entry: dict) -> dict:
    """`entry` with what :data:`~mmbackbones.weights.RELEASES` knows of that checkpoint; no other than a release's
    changes."""
    release = RELEASES.get(entry['Name'])
    if release is None:
        return entry
    metadata = {**entry['Metadata'], 'Training Data': release.data, 'Input Size': f'{release.size}x{release.size}'}
    entry = {**entry, 'Metadata': metadata}
    if release.top1:
        entry['Results'] = [
            {'Task': 'Image Classification', 'Dataset': 'ImageNet-1K', 'Metrics': {'Top 1 Accuracy': release.top1}}
        ]
    if release.url:
        entry['Weights'] = release.url
    return entry


def recount_all() -> Iterator[str]:
    """Count every model, write its metadata, and name it; takes minutes."""
    for path in metafiles():
        content = read_metafile(path)
        for i, entry in enumerate(content['Models']):
            yield entry['Name']
            entry = released(entry)
            entry['Metadata'].update(count(build_network(entry['Name'])[0], entry['Metadata']['Input Size']))
            content['Models'][i] = entry
        write_metafile(path, content)
