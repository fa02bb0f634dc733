"""What --weights takes: a backbone's file in any layout, or a whole model's."""
import pytest
import torch
from van_layouts import mmpretrain

from mmbackbones import get_config
from mmbackbones.engine.start import choose_start

OURS = {'stem.proj.weight': torch.zeros(1)}
THEIRS = {'patch_embed1.proj.weight': torch.zeros(1), 'head.weight': torch.zeros(1)}


def below(state: dict) -> dict:
    return {f'backbone.{key}': value for key, value in state.items()}


@pytest.mark.parametrize(('state', 'prefix'), [
    (OURS, ''), (THEIRS, ''), (mmpretrain(THEIRS), 'backbone.'),
    ({**below(THEIRS), 'neck.0': torch.zeros(1)}, 'backbone.')])
def test_a_backbones_weights(state, prefix, tmp_path):
    cfg, file = get_config('retinanet_van_b'), str(tmp_path / 'weights.pth')
    torch.save(state, file)
    choose_start(cfg, file, from_scratch=False, resume=None)
    assert cfg.model.backbone.init_cfg == dict(type='Pretrained', checkpoint=file, prefix=prefix)
    assert not cfg.get('load_from')


def test_a_whole_models_weights(tmp_path):
    cfg, file = get_config('retinanet_van_b'), str(tmp_path / 'weights.pth')
    torch.save(below(OURS), file)
    choose_start(cfg, file, from_scratch=False, resume=None)
    assert cfg.load_from == file
    assert cfg.model.backbone.init_cfg is None
