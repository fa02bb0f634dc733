"""Whole models of the backbones' authors on the command line: tested, trained on, converted, never resumed."""

import json
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmbackbones.apis.load import load
from mmbackbones.backbones import VAN
from mmbackbones.datasets.shapes import CLASSES
from mmbackbones.weights import load_from_file
from tests.helpers.authors_models import OPTIONS, authors_backbone, authors_model, averaged_copies, checkpoint_of_mmcv
from tests.helpers.checkpoints import assert_equal
from tests.helpers.small_backbones import SMALL as SMALL_BACKBONES

pytestmark = pytest.mark.slow

SMALL = ['--img-scale', 64, 64]
VAN_SIZE = dict(embed_dims=(8, 8, 16, 16), depths=(1, 1, 1, 1), mlp_ratios=(2, 2, 2, 2))  # of the tiny configs


def both_files(config, classes, folder) -> tuple[str, str]:
    """The same random model as we save it, and as the authors of VAN would have."""
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    for head in ('bbox_head', 'decode_head', 'auxiliary_head'):
        if head in cfg.model:
            cfg.model[head].num_classes = len(classes)
    torch.manual_seed(0)
    ours = MODELS.build(cfg.model).state_dict()
    theirs = {f'backbone.{VAN.rename_key(key)}': f'backbone.{key}' for key in authors_backbone('VAN', VAN_SIZE)}
    state = {theirs.get(key, key): value for key, value in ours.items()}
    torch.save(dict(meta=dict(dataset_meta=dict(classes=classes)), state_dict=ours), folder / 'ours.pth')
    torch.save(checkpoint_of_mmcv({**state, **averaged_copies(state)}, classes), folder / 'theirs.pth')
    return str(folder / 'ours.pth'), str(folder / 'theirs.pth')


def test_a_segmentor_gives_the_same_metrics(tool, tiny_seg_config, shapes, tmp_path):
    """And keeps the label order of its classes."""
    config, folder, metrics = tmp_path / 'tiny_seg.py', tmp_path / 'test', []
    Config.fromfile(tiny_seg_config).dump(config)  # see tiny_config
    for file in both_files(config, ('background', *reversed(CLASSES)), tmp_path):
        code, out, err = tool('test', config, file, '--data', shapes, *SMALL, '--work-dir', folder)
        assert code == 0, err
        metrics.append(json.loads((folder / 'metrics.json').read_text()))
    assert metrics[0] == metrics[1]
    assert metrics[0]['aAcc'] > 0
    assert "MMCV's second copy of the weights" in out + err


def test_a_detector_is_trained_on_but_not_resumed(tool, tiny_config, shapes, tmp_path):
    _, file = both_files(tiny_config, [f'thing {n}' for n in range(80)], tmp_path)
    run = ['train', tiny_config, '--data', shapes, *SMALL, '--iters', 1, '--lr', 1e-12, '--work-dir', tmp_path / 'run']
    code, _, err = tool(*run, '--resume', file)
    assert code == 2
    assert f'cannot be resumed here: to start a new one from its weights, use --weights {file}' in err.splitlines()[-1]

    code, _, err = tool(*run, '--weights', file)
    assert code == 0, err
    after, before = load_from_file(tmp_path / 'run' / 'iter_1.pth')['state_dict'], load_from_file(file)['state_dict']
    for theirs, ours in (
        ('backbone.block4.0.attn.proj_1.weight', 'backbone.stages.3.blocks.0.attn.proj_1.weight'),
        ('neck.lateral_convs.0.conv.weight', 'neck.lateral_convs.0.conv.weight'),
        ('bbox_head.retina_reg.weight', 'bbox_head.retina_reg.weight'),
    ):
        torch.testing.assert_close(after[ours], before[theirs], rtol=0, atol=1e-6)
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert 'for another number of classes: bbox_head.retina_cls.weight (720x16x3x3 in the file, 36x16x3x3 here)' in log


def test_a_model_is_loaded_in_python(tiny_config, tmp_path):
    classes = [f'thing {n}' for n in range(5)]
    ours, theirs = (load(file, device='cpu', config=tiny_config) for file in both_files(tiny_config, classes, tmp_path))
    assert_equal(ours.network.state_dict(), theirs.network.state_dict())
    assert theirs.classes == tuple(classes)


@pytest.mark.parametrize('family', ['DualViT', 'TransCNN', 'VAN'])
def test_the_backbone_is_converted(tool, family, tmp_path, monkeypatch):
    """Even if there still is an image classifier in it."""
    monkeypatch.setattr(MODELS.get(family), 'arch_zoo', {'small': SMALL_BACKBONES[family]['arch'], **OPTIONS[family]})
    state = authors_model('retinanet_van_t', family)
    if family == 'TransCNN':
        state['backbone.classifier.1.weight'] = torch.zeros(1000, 16)
    torch.save(checkpoint_of_mmcv(state), tmp_path / 'epoch_12.pth')
    code, out, err = tool('convert-weights', tmp_path / 'epoch_12.pth', tmp_path / 'backbone.pth')
    assert code == 0, err
    assert re.search(rf"{family} \w+ in the authors' layout, whole model, 3 classes\n", out)
    backbone = MODELS.build(dict(type=family, **{**SMALL_BACKBONES[family], **OPTIONS[family]}))
    assert load_from_file(tmp_path / 'backbone.pth').keys() == backbone.state_dict().keys()
