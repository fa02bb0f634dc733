"""The tables of ``mmbackbones benchmark gpu``: detectors and segmentors with each backbone."""

from collections.abc import Iterator, Sequence

from ...utils.markdown import table
from ..table import Row
from .cells import first, select, unique

_NAMES = {
    'van_s': 'VAN-B1',
    'van_b': 'VAN-B2',
    'transcnn_s': 'TransCNN-S',
    'hatnet_s': 'HAT-Net-S',
    'dualvit_s': 'Dual-ViT-S',
    'sasa_r26': 'SASA ResNet-26',
    'resnet50': 'ResNet-50',
    'swin_t': 'Swin-T',
    'convnext_t': 'ConvNeXt-T (timm)',
}
_NETWORKS = {'retinanet': 'RetinaNet', 'mask_rcnn': 'Mask R-CNN', 'upernet': 'UperNet'}
_COLUMNS = (
    'inference, 1 image, ms: float32 / AMP',
    'inference, 8 images, AMP: images/s',
    'training step, 2 images, ms: float32 / AMP',
    'its peak memory, GB: float32 / AMP',
)
_PRECISIONS = ('float32', 'float16')


def gpu_tables(rows: Sequence[Row]) -> Iterator[str]:
    """The tables of networks as they come, one for each network and size."""
    rows = [row for row in select(rows, form='eager', layout='default') if row['network'] in _NETWORKS]
    rows = [row for row in rows if row['task'] in ('inference', 'training')]
    for network, height, width in unique(rows, 'network', 'height', 'width'):
        some = select(rows, network=network, height=height, width=width)
        head = [f'{_NETWORKS[network]}, {height}x{width}', *_COLUMNS]
        yield table(head, [_cells(name, some) for (name,) in unique(some, 'backbone')])


def _cells(backbone: str, rows: Sequence[Row]) -> list[str]:
    def pair(task: str, batch: str, column: str, digits: int) -> str:
        found = [first(rows, backbone=backbone, task=task, batch=batch, precision=name) for name in _PRECISIONS]
        return ' / '.join(_number(row, column, digits) for row in found)

    eight = first(rows, backbone=backbone, task='inference', batch='8', precision='float16')
    return [
        _NAMES.get(backbone, backbone),
        pair('inference', '1', 'median_ms', 0),
        _number(eight, 'images_per_second', 0),
        pair('training', '2', 'median_ms', 0),
        pair('training', '2', 'peak_gb', 1),
    ]


def _number(row: Row | None, column: str, digits: int) -> str:
    return f'{float(row[column]):.{digits}f}' if row is not None and row[column] else '-'
