"""Configs of models small enough to train in seconds."""

from pathlib import Path

from mmengine.config import Config

ROOT = Path(__file__).parents[2]
BACKBONE = """dict(_delete_=True, type='VAN', out_indices={stages}, drop_path_rate=0.2,
                  arch=dict(embed_dims=(8, 8, 16, 16), depths=(1, 1, 1, 1), mlp_ratios=(2, 2, 2, 2)))"""
LOADERS = """
train_dataloader = dict(batch_size=2, num_workers=1)
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
test_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
custom_hooks = []
"""


def write_config(folder: Path, name: str, demo: str, model: str) -> str:
    """Write a config in one file: MMEngine takes seconds to look for the files that a config is based on."""
    path = folder / f'{name}.py'
    path.write_text(f'_base_ = {str(ROOT / "configs" / f"{demo}.py")!r}\nmodel = dict({model})\n{LOADERS}')
    # Not by `dump`, which some modules' fixtures switch off.
    content = Config.fromfile(path).to_dict()
    path.write_text('\n'.join(f'{key} = {value!r}' for key, value in content.items()))
    return str(path)
