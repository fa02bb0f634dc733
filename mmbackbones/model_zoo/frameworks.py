"""The detectors and segmentors of the model zoo; a new one is one more entry of :data:`FRAMEWORKS`."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Framework:
    """A detector or segmentor that there are configs of.

    Attributes:
        title: Heading of its section in docs/model_zoo.md.
        prefix: What the names of its configs begin with.
        metrics: The published metrics, in the order of their columns.
        readme_column: Heading of its column in the README's table; None: it has none there.
    """

    title: str
    prefix: str
    metrics: tuple[str, ...]
    readme_column: str | None = None

    def includes(self, model: dict[str, Any]) -> bool:
        """Whether an entry of the metadata is one of its configs."""
        return 'Config' in model and model['Name'].startswith(self.prefix)


FRAMEWORKS = (
    Framework('RetinaNet on COCO', 'retinanet_', ('box AP',), 'RetinaNet AP'),
    Framework('Mask R-CNN on COCO', 'mask_rcnn_', ('box AP', 'mask AP'), 'Mask R-CNN box / mask AP'),
    Framework('Cascade Mask R-CNN on COCO', 'cascade_mask_rcnn_', ('box AP',)),
    Framework('UperNet on ADE20K', 'upernet_', ('mIoU', 'mIoU(ms+flip)'), 'UperNet mIoU'),
    Framework('Semantic FPN on ADE20K', 'semantic_fpn_', ('mIoU',), 'Semantic FPN mIoU'),
)
CLASSIFICATION_METRIC = 'Top 1 Accuracy'  # of released checkpoints
METRICS = tuple(dict.fromkeys([CLASSIFICATION_METRIC, *(metric for entry in FRAMEWORKS for metric in entry.metrics)]))
