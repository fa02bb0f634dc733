"""A model that predicts an image as a whole and in tiles, and merges what it finds."""

from mmengine.model import BaseTTAModel
from mmengine.registry import MODELS
from torch import nn


@MODELS.register_module()
class TiledModel(BaseTTAModel):
    """Predicts images as a whole and in tiles, and merges what is found.

    Args:
        module: A detector or a segmentor, or its config: anything with a ``test_step``.
        batch_size: Number of tiles that go through it at a time.
    """

    def __init__(self, module: nn.Module | dict, batch_size: int = 1) -> None:
        super().__init__(module)
        self.batch_size = batch_size

    def test_step(self, data: dict) -> list:
        """Predict a batch of :class:`~mmbackbones.evaluation.tiles.TiledImage`."""
        inputs = [image.inputs for image in data['inputs']]
        return self.module.test_step(dict(data, inputs=inputs))
