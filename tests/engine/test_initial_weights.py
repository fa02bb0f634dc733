"""Initial weights: a backbone's file in any format, a whole model's, or those of the config."""

import pytest
import torch

from mmbackbones import get_config
from mmbackbones.apis import train
from mmbackbones.engine.initial_weights import checkpoint_classes, drop_pretrained, set_initial_weights
from mmbackbones.errors import UserError
from tests.helpers.van_layouts import mmpretrain

pytestmark = pytest.mark.slow

OURS = {'stem.proj.weight': torch.zeros(1)}
THEIRS = {'patch_embed1.proj.weight': torch.zeros(1), 'head.weight': torch.zeros(1)}


def below(state: dict) -> dict:
    return {f'backbone.{key}': value for key, value in state.items()}


@pytest.mark.parametrize(
    ('state', 'prefix'),
    [
        (OURS, ''),
        (THEIRS, ''),
        (mmpretrain(THEIRS), 'backbone.'),
        (below(THEIRS), 'backbone.'),
        (below(OURS), 'backbone.'),
    ],
)
def test_weights_of_a_backbone(state, prefix, tmp_path):
    cfg, file = get_config('retinanet_van_b'), str(tmp_path / 'weights.pth')
    torch.save(state, file)
    set_initial_weights(cfg, file, from_scratch=False, resume=None)
    assert cfg.model.backbone.init_cfg == dict(type='Pretrained', checkpoint=file, prefix=prefix)
    assert not cfg.get('load_from')


@pytest.mark.parametrize('backbone', [OURS, THEIRS])
def test_weights_of_a_whole_model(backbone, tmp_path):
    cfg, file = get_config('retinanet_van_b'), str(tmp_path / 'weights.pth')
    torch.save({**below(backbone), 'neck.0': torch.zeros(1)}, file)
    set_initial_weights(cfg, file, from_scratch=False, resume=None)
    assert cfg.load_from == file
    assert cfg.model.backbone.init_cfg is None
    assert cfg.custom_hooks[-1] == dict(type='CheckpointMatchHook')


def test_weights_of_another_library_s_backbone_are_checked(tmp_path):
    """MMEngine loads what ``init_cfg`` names without a check; our backbones load it strictly."""
    cfg, file = get_config('retinanet_van_b'), str(tmp_path / 'weights.pth')
    cfg.model.backbone = dict(type='ResNet', depth=18)
    torch.save(below(OURS), file)
    set_initial_weights(cfg, file, from_scratch=False, resume=None)
    assert cfg.load_from == file
    assert cfg.custom_hooks[-1] == dict(type='CheckpointMatchHook')


def test_pretrained_files_of_all_parts_are_checked_first(tmp_path):
    file = str(tmp_path / 'neck.pth')
    torch.save({'neck.0.weight': torch.tensor([float('nan')])}, file)
    for checkpoint, message in (
        (file, 'are not finite'),
        (str(tmp_path / 'none.pth'), 'does not exist'),
        (5, '5 is no checkpoint'),
    ):
        cfg = get_config('retinanet_van_b')
        cfg.model.backbone.init_cfg = None
        cfg.model.neck.init_cfg = [dict(type='Pretrained', checkpoint=checkpoint, prefix='neck.')]
        with pytest.raises(UserError, match=f'cannot load the pre-trained weights: .*{message}'):
            set_initial_weights(cfg, None, from_scratch=False, resume=None)


def test_load_from_of_a_config_is_checked(tiny_config, shapes, tmp_path):
    """MMEngine would load what its ``load_from`` names after the check of the data, whatever is in it."""
    file = tmp_path / 'whole.pth'
    torch.save(below({'stem.proj.weight': torch.tensor([float('nan')])}), file)
    config = tmp_path / 'finetune.py'
    config.write_text(f'_base_ = {tiny_config!r}\nload_from = {str(file)!r}\n')
    with pytest.raises(UserError, match='whole.pth was not loaded: 1 of its 1 weights are not finite'):
        train(str(config), data=str(shapes), img_scale=(64, 64), epochs=1, work_dir=str(tmp_path / 'run'))
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('value', [5, ['a'], True])
def test_load_from_that_is_not_a_string(value, tiny_config, shapes, tmp_path):
    with pytest.raises(UserError, match='--cfg-options load_from=.*: must be a file, a URL or a short name'):
        train(tiny_config, data=str(shapes), work_dir=str(tmp_path / 'run'), cfg_options=dict(load_from=value))


def test_drop_pretrained():
    cfg = get_config('retinanet_van_b')
    cfg.model.neck.init_cfg = dict(type='Xavier', layer='Conv2d')
    assert cfg.model.backbone.init_cfg.type == 'Pretrained'
    drop_pretrained(cfg)
    assert cfg.model.backbone.init_cfg is None
    assert cfg.model.neck.init_cfg == dict(type='Xavier', layer='Conv2d')


@pytest.mark.parametrize(
    ('meta', 'classes'), [(dict(dataset_meta=dict(classes=('a', 'b'))), ('a', 'b')), (dict(), None)]
)
def test_classes_of_a_checkpoint(tmp_path, meta, classes):
    torch.save(dict(meta=meta, state_dict=OURS), tmp_path / 'a.pth')
    assert checkpoint_classes(str(tmp_path / 'a.pth')) == classes


def test_classes_of_a_file_without_weights(tmp_path):
    torch.save(dict(meta={}, state_dict={}), tmp_path / 'a.pth')
    with pytest.raises(UserError, match='a.pth'):
        checkpoint_classes(str(tmp_path / 'a.pth'))
