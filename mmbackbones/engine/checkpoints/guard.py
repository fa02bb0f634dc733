"""Config entries that have a run write its checkpoints safely."""

from mmengine.config import Config

from ...errors import UserError


def guard_checkpoints(cfg: Config, minutes: float | None = None) -> None:
    """Have a config write its checkpoints with :class:`WholeCheckpointHook`.

    Args:
        cfg: The config; changed in place.
        minutes: Also save one whenever the last one is so old.

    Raises:
        UserError: The config writes its checkpoints to something else than a folder, or in a way of its own, without
            `minutes`.
    """
    checkpoint = cfg.default_hooks.get('checkpoint')
    if checkpoint and checkpoint.type in ('CheckpointHook', 'WholeCheckpointHook'):
        checkpoint.type = 'WholeCheckpointHook'
        if minutes:
            checkpoint.minutes = minutes
        place = checkpoint.get('out_dir') or ''
        if '://' in place or checkpoint.get('backend_args') or checkpoint.get('file_client_args'):
            raise UserError(
                f'default_hooks.checkpoint writes to {place or "a storage of its own"}, but checkpoints '
                'can only be written to a folder: give out_dir as a path, without backend_args'
            )
    elif minutes:
        kind = (
            f'default_hooks.checkpoint is a {checkpoint.type}' if checkpoint else 'the config asks for no checkpoints'
        )
        raise UserError(f'--checkpoint-minutes needs a CheckpointHook, but {kind}')
