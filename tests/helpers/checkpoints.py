"""Small checkpoints of training runs, in the form that MMEngine writes."""

import io
from pathlib import Path

import torch


def make_checkpoint(run: str | None = None, classes=('a', 'b'), **parts) -> dict:
    """What a run of a linear layer with AdamW writes after the first of its epochs of 2 iterations.

    Args:
        run: The run's id; None as in files of version 1, which had none.
        classes: Names of the classes.
        parts: Further parts, in place of those of the same name; None takes one out.
    """
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    meta = dict(epoch=1, iter=2, dataset_meta=dict(classes=classes))
    if run:
        meta.update(run_id=run, by_epoch=True, epoch_length=2, settings=dict(lr=0.01, optimizer='AdamW'))
    checkpoint = dict(meta=meta, state_dict=model.state_dict(), optimizer=optimizer.state_dict())
    return {key: value for key, value in {**checkpoint, **parts}.items() if value is not None}


def save_checkpoint(path: Path, run: str | None = None, **parts) -> str:
    """Write one to a file; arguments as of :func:`make_checkpoint`."""
    torch.save(make_checkpoint(run, **parts), path)
    return str(path)


def file_of(state: object) -> bytes:
    """The content of a checkpoint file."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def assert_equal(one: dict, other: dict) -> None:
    """Assert that two state dicts have the same keys and the same values, bit by bit."""
    torch.testing.assert_close(dict(one), dict(other), rtol=0, atol=0)
