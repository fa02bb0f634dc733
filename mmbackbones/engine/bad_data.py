"""Images that can no longer be read during training."""

from mmengine.config import Config


def set_on_bad_data(cfg: Config, reaction: str) -> None:
    """Set what happens: ``stop`` or ``skip``."""
    if reaction != 'stop':
        raise NotImplementedError
