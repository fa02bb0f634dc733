"""The verb ``load``: a trained detector or segmentor, from its checkpoint alone."""

import logging
import os
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, DefaultScope
from torch import Tensor, nn

from ..engine.category_ids import category_ids
from ..engine.checkpoint_config import checkpoint_config, require_whole_model
from ..engine.config import read_model_config
from ..engine.config_tree import dicts_in, set_num_classes
from ..engine.config_types import find_class
from ..engine.dataset_config import is_segmentor, learns_masks
from ..engine.device import device_of, find_device
from ..engine.float32_boxes import use_float32_boxes
from ..engine.img_scale import as_sizes
from ..engine.inference_form import inference_form
from ..engine.initial_weights import drop_pretrained
from ..engine.option_errors import building
from ..engine.size_limit import little_memory, no_larger_than
from ..errors import UserError
from ..export.exported_model import NO_AMP, open_exported
from ..export.formats import is_exported
from ..prediction.predictions import Predictions
from ..prediction.predictor import Predictor
from ..prediction.sources import find_sources
from ..utils.config_files import ConfigLike
from ..utils.messages import tell
from ..utils.text import counted
from ..weights import find_state_dict, load_from_file, match_weights, trained_classes


@dataclass(frozen=True)
class Normalization:
    """How pixel values become a network's input: ``(pixel - mean) / std`` in each channel.

    Attributes:
        mean: One value per channel, for pixels from 0 to 255.
        std: One value per channel.
        channel_order: ``RGB`` or ``BGR``: the order of channels that the network takes, and that of `mean` and `std`.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    channel_order: str


@dataclass(frozen=True, repr=False, eq=False)
class Model:
    """A trained detector or segmentor, as :func:`load` returns it.

    Attributes:
        network: The model of MMDetection or MMSegmentation, in evaluation mode, on its device.
        config: What it was built from, with the pipeline that its images go through.
        classes: Names of the classes; the index is the label that the network predicts.
        category_ids: The number of each class in the training data: of a detector, the id in its annotation file; of a
            segmentor, the value in its label maps.
        img_scale: Width and height in pixels that images are resized to fit into; None if they are not.
        normalization: How pixel values become its input; None if they stay as they are.
        task: ``detection``, ``instance segmentation`` or ``semantic segmentation``.
        checkpoint: The file, URL or short name that it was loaded from.
    """

    network: nn.Module
    config: Config
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    img_scale: tuple[int, int] | None
    normalization: Normalization | None
    task: str
    checkpoint: str

    def predict(
        self,
        source: Any,
        score_thr: float = 0.3,
        batch_size: int = 1,
        amp: bool = False,
        tta: bool = False,
        tile: tuple[int, int] | None = None,
        overlap: float = 0.2,
    ) -> Predictions:
        """Predict images, one after the other.

        Example:
            >>> found = model.predict('photos')
            >>> for prediction in found:
            ...     print(prediction.source, prediction.class_names, prediction.boxes)
            >>> found.failures
            [('photos/b.jpg', 'the JPEG file is truncated')]

        Args:
            source: An image or a video, a folder, which is searched with its subfolders, a pattern such as
                ``photos/*.jpg``, the number of a camera, an array uint8 (H, W, 3) in RGB, or a list of these.
            score_thr: Score from which an object counts.
            batch_size: Images that are computed at once. Those of a batch are padded to one size, which may change
                predictions a little.
            amp: Whether to compute in half precision: float16 on GPUs, bfloat16 on CPUs that have
                instructions for it.
            tta: Test-time augmentation: average over scales and flips.
            tile: Width and height in pixels of tiles in which images are predicted as well as whole, for small objects
                in large images; None for whole only. A tile is resized as an image would be.
            overlap: Share of a tile that its neighbors cover, too, from 0 to below 0.9.

        Returns:
            The predictions, in the order of the images; of a video, one for each frame. Its attribute ``failures``
            tells of the files that could not be read.

        Raises:
            UserError: A mistake in the arguments, or nothing is found to predict on.
            RunFailed: While iterating, if the GPU has not enough memory.
        """
        sources, failures = find_sources(source)
        options = dict(score_thr=score_thr, batch_size=batch_size, amp=amp, tta=tta, tile=tile, overlap=overlap)
        return self.predictor(**options).predict(sources, failures)

    def predictor(self, **options: Any) -> Predictor:
        """What :meth:`predict` applies; arguments as there."""
        if options.get('amp') and is_exported(self.checkpoint):
            raise UserError(NO_AMP.format(self.checkpoint))
        return Predictor(inference_form(self.network), self.config, self.classes, self.category_ids, **options)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return device_of(self.network)

    def __repr__(self) -> str:
        backbone = getattr(self.network, 'backbone', None)
        name = type(self.network).__name__ + (f' with {type(backbone).__name__}' if backbone is not None else '')
        scale = 'x'.join(map(str, self.img_scale)) if self.img_scale else 'their own size'
        return (
            f'<Model {name}: {self.task}, {counted(len(self.classes), "class", "classes")}, images of {scale}, on '
            f'{self.device}, from {self.checkpoint}>'
        )


def load(
    checkpoint: str | os.PathLike[str],
    device: str | torch.device | None = None,
    config: ConfigLike | None = None,
) -> Model:
    """Load a trained detector or segmentor.

    Example:
        >>> import mmbackbones as mmb
        >>> model = mmb.load('work_dirs/retinanet_van_t/epoch_12.pth', device='cpu')
        >>> model.classes, model.img_scale
        (('cat', 'dog'), (1333, 800))

    Args:
        checkpoint: File or URL of a model that this package, MMDetection 3 or MMSegmentation 1 has trained; with
            `config` also one of MMDetection 2 or MMSegmentation 0.x, such as those of the backbones' authors. Or a file
            that :func:`~mmbackbones.apis.export` wrote.
        device: ``cuda:0``, ``cpu``, ``mps`` or the like; None for the best there is.
        config: Path of a config file that describes the model, which is Python and runs, the name of a config of this
            package, or a config; None for the config that the checkpoint carries, which is read as data.

    Returns:
        The model, with all of its weights, in evaluation mode.

    Raises:
        UserError: The checkpoint cannot be read, holds a backbone alone or carries no usable config, its weights do not
            fit, or there is no such device.
    """
    checkpoint = os.fspath(checkpoint)
    if is_exported(checkpoint):
        return _load_exported(checkpoint, None if device is None else find_device(device), config)
    place = find_device(device)
    content = load_from_file(checkpoint, 'cpu')
    weights = find_state_dict(content, checkpoint)
    classes = trained_classes(content)
    if config is None:
        cfg = checkpoint_config(content, checkpoint, loader=False)
        with no_larger_than(weights, checkpoint), little_memory(weights):
            network = _build(cfg, classes)
    else:
        require_whole_model(content, checkpoint)
        cfg = read_model_config(config)
        network = _build(cfg, classes)
    _load_weights(network, weights, checkpoint, 'its own config' if config is None else 'the config')
    classes = classes or _class_names(cfg if config is not None else None, checkpoint)
    return _model(network.to(place).eval(), cfg, classes, content, checkpoint)


def _load_exported(file: str, device: torch.device | None, config: ConfigLike | None) -> Model:
    content, cfg = open_exported(file, config, None if device is None else str(device), loader=False)
    network = _build(cfg, None).eval()
    _ = network.session  # opened now, so that what is missing is said now
    classes = trained_classes(content) or _class_names(cfg if config is not None else None, file)
    return _model(network, cfg, classes, content, file)


def _model(network: nn.Module, cfg: Config, classes: tuple[str, ...], content: Any, checkpoint: str) -> Model:
    return Model(
        network=network,
        config=cfg,
        classes=classes,
        category_ids=category_ids(content, len(classes), is_segmentor(cfg)),
        img_scale=_img_scale(cfg),
        normalization=_normalization(cfg),
        task=_task(cfg),
        checkpoint=checkpoint,
    )


def _build(cfg: Config, classes: tuple[str, ...] | None) -> nn.Module:
    drop_pretrained(cfg)
    use_float32_boxes(cfg)  # for predictions in half precision
    if classes:
        set_num_classes(cfg, len(classes))
    scope = cfg.get('default_scope') or 'mmengine'
    with building('model', {}), DefaultScope.overwrite_default_scope(scope):
        return MODELS.build(cfg.model)


def _load_weights(network: nn.Module, weights: dict[str, Tensor], checkpoint: str, config: str) -> None:
    match = match_weights(network, weights)
    if problems := match.problems():
        raise UserError(f'{checkpoint} does not fit {config}: {problems}')
    network.load_state_dict(match.fitting, strict=False)  # strictly, but for the batch counts of batch norms
    for line in match.left_out():
        tell(line, level=logging.WARNING)


def _class_names(cfg: Config | None, checkpoint: str) -> tuple[str, ...]:
    """The classes of the test data of a config, as many as its model predicts."""
    found = ''
    if cfg is not None:
        dataset = cfg.test_dataloader.dataset
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mmengine'):
            named = dataset.get('metainfo') or getattr(find_class(dataset.type, DATASETS), 'METAINFO', {})
        classes = tuple(map(str, named.get('classes') or ()))
        predicted = {node['num_classes'] for node in dicts_in(cfg.model) if 'num_classes' in node}
        if predicted <= {len(classes)}:
            return classes
        found = f', and the test data of the config has {len(classes)}, not {min(predicted)}'
    raise UserError(
        f'{checkpoint} does not name its classes{found}: give a config as CONFIG in which '
        'test_dataloader.dataset.metainfo does'
    )


def _img_scale(cfg: Config) -> tuple[int, int] | None:
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == 'Resize' and step.get('scale'):
            width, height = as_sizes(step.scale)[0]
            return width, height
    return None


def _normalization(cfg: Config) -> Normalization | None:
    settings: Any = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    if settings.get('mean') is None:
        return None
    order = 'RGB' if settings.get('bgr_to_rgb') else 'BGR'  # images are read as BGR
    return Normalization(tuple(map(float, settings.mean)), tuple(map(float, settings.std)), order)


def _task(cfg: Config) -> str:
    if is_segmentor(cfg):
        return 'semantic segmentation'
    return 'instance segmentation' if learns_masks(cfg) else 'detection'
