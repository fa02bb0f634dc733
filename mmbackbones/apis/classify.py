"""Image classification with the released checkpoints: the backbones with the authors' classifiers on top."""

from mmengine.model import BaseModule
from mmengine.registry import MODELS
from torch import Tensor

from ..errors import UserError
from ..weights import load_pretrained
from .identify import identify_checkpoint


class ImageClassifier(BaseModule):
    """A backbone and its authors' classification head. :func:`classifier` builds one with released weights.

    Args:
        backbone: Config of a backbone of this package, without `out_indices`.
        num_classes: Number of classes.
        init_cfg: ``dict(type='Pretrained', checkpoint=NAME)``: file, URL or short name of a released classifier.

    Shape:
        (N, 3, H, W), normalized as the weights expect it -> logits (N, num_classes).
    """

    def __init__(self, backbone: dict, num_classes: int = 1000, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        kwargs = dict(backbone)
        network = MODELS.get(kwargs.pop('type'))
        self.backbone = network(**kwargs, out_indices=(3,))
        self.head = self.backbone.build_classifier(num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(*self.backbone.classifier_inputs(x))

    def rename_key(self, key: str) -> str | None:
        """Our key for a key of a released file, or for one of our own; None if it has no effect."""
        renamed = self.backbone.rename_key(key.removeprefix('backbone.'))
        return renamed if renamed is None or renamed.startswith('head.') else f'backbone.{renamed}'

    def is_ignored_key(self, key: str) -> bool:
        """Whether `key` (ours) is left out: never, the classifier reads the whole network."""
        return False

    def init_weights(self) -> None:
        """Load the checkpoint of `init_cfg`, strictly, backbone and head."""
        if self.init_cfg:
            load_pretrained(self, self.init_cfg['checkpoint'])
        self.is_init = True


def classifier(checkpoint: str) -> ImageClassifier:
    """Build an image classifier with released weights, ready for inference.

    Args:
        checkpoint: Short name, file or URL of a released checkpoint, with its classifier.

    Returns:
        The network, in eval mode, on the CPU. The mean and standard deviation to normalize its images with are in
        ``RELEASES[checkpoint].mean`` and ``.std`` (:data:`mmbackbones.weights.RELEASES`).

    Raises:
        UserError: The file cannot be found or downloaded, has an unknown layout, or holds no classifier.
    """
    found = identify_checkpoint(checkpoint)
    if found.whole_model or not found.num_classes:
        raise UserError(f'{checkpoint} holds {found}, not an image classifier')
    model = ImageClassifier(found.config, found.num_classes, init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
    model.init_weights()
    return model.eval()
