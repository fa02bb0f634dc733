"""Test-time augmentation, as a config describes it."""

from mmengine.config import Config

from ..errors import UserError
from .dataset_config import learns_masks


def augment(cfg: Config) -> None:
    """Average predictions over scales and flips; changes the test pipeline, and puts a model around the config's.

    Raises:
        UserError: The config does not say over which.
    """
    if 'tta_model' not in cfg or 'tta_pipeline' not in cfg:
        raise UserError('--tta needs tta_model and tta_pipeline in the config, and this one has none')
    if learns_masks(cfg):
        cfg.tta_model.type = 'InstanceTTAModel'  # MMDetection's own does not take masks
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    cfg.model = dict(**cfg.tta_model, module=cfg.model)
