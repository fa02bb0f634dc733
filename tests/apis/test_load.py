"""Trained models, from their checkpoints alone."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmbackbones.apis import load
from mmbackbones.errors import UserError
from tests.helpers.carried_configs import MEAN, STD, content, detector, save, segmentor


@pytest.fixture(scope='module')
def file(tmp_path_factory) -> str:
    return save(tmp_path_factory.mktemp('checkpoint') / 'cats.pth', config=detector())


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> str:
    """A config of the same model with other numbers of classes, as those that are made for COCO have."""
    path = tmp_path_factory.mktemp('config') / 'retinanet.py'
    text = detector(**{'model.bbox_head.num_classes': 80})
    text.update(custom_imports=dict(imports=['mmbackbones']), custom_hooks=[])
    path.write_text(''.join(f'{key} = {value!r}\n' for key, value in text.items()))
    return str(path)


def test_a_detector(file):
    model = load(file)
    assert (model.task, model.classes, model.img_scale, model.checkpoint) == (
        'detection',
        ('cat', 'dog'),
        (96, 64),
        file,
    )
    assert model.normalization.mean == tuple(MEAN)
    assert model.normalization.std == tuple(STD)
    assert model.normalization.channel_order == 'RGB'
    assert not model.network.training
    assert model.config.model.bbox_head.num_classes == 2
    for key, value in content(detector())['state_dict'].items():
        assert torch.equal(model.network.state_dict()[key], value)
    assert repr(load(file, device='cpu')) == (
        f'<Model RetinaNet with VAN: detection, 2 classes, images of 96x64, on cpu, from {file}>'
    )


def test_a_segmentor(tmp_path):
    parts = {'model.data_preprocessor.bgr_to_rgb': False, 'model.data_preprocessor.mean': [1.0, 2.0, 3.0]}
    model = load(Path(save(tmp_path / 'a.pth', config=segmentor(**parts))), device=torch.device('cpu'))
    assert model.task == 'semantic segmentation'
    assert (model.normalization.channel_order, model.normalization.mean) == ('BGR', (1, 2, 3))


def test_masks_are_told_by_the_training_pipeline(tmp_path):
    cfg = detector()
    cfg['train_dataloader'] = deepcopy(cfg['train_dataloader'])
    cfg['train_dataloader']['dataset']['pipeline'][2]['with_mask'] = True
    assert load(save(tmp_path / 'a.pth', config=cfg)).task == 'instance segmentation'


def test_images_of_their_own_size_and_values(tmp_path):
    cfg = Config(detector())
    cfg.test_dataloader.dataset.pipeline.pop(1)
    cfg.model.data_preprocessor = dict(type='DetDataPreprocessor')
    model = load(save(tmp_path / 'a.pth', config=cfg.to_dict()))
    assert (model.img_scale, model.normalization) == (None, None)
    assert 'images of their own size' in repr(model)


def test_a_config_of_other_classes(file, config):
    """The checkpoint has the last word on classes, as in a test."""
    model = load(file, config=config)
    assert model.classes == ('cat', 'dog')
    assert model.network.bbox_head.num_classes == 2


def test_classes_that_do_not_fit_the_weights(file, config, tmp_path):
    wrong = save(tmp_path / 'a.pth', config=detector(), classes=('cat', 'dog', 'cow'))
    with pytest.raises(
        UserError, match=r'does not fit its own config: .*retina_cls.weight \(2x16x3x3 in the file, 3x16'
    ):
        load(wrong)
    nameless = content(detector())
    del nameless['meta']['dataset_meta']
    torch.save(nameless, tmp_path / 'b.pth')
    with pytest.raises(UserError, match='b.pth does not fit the config: .*retina_cls'):
        load(tmp_path / 'b.pth', config=config)
    with pytest.raises(UserError, match='does not name its classes: give a config as CONFIG'):
        load(tmp_path / 'b.pth')
    Path(tmp_path / 'b.py').write_text(Path(config).read_text().replace("'num_classes': 80", "'num_classes': 2"))
    with pytest.raises(UserError, match='and the test data of the config has 80, not 2'):
        load(tmp_path / 'b.pth', config=tmp_path / 'b.py')


@pytest.mark.parametrize(
    ('state', 'message'),
    [
        ({'stem.proj.weight': torch.ones(1)}, 'holds a backbone alone'),
        ({'backbone.stem.proj.weight': torch.ones(1)}, 'holds a backbone alone'),
        ({'backbone.a': torch.ones(1), 'head.fc.weight': torch.ones(1)}, 'or an image classifier'),
        ({'backbone.a': torch.ones(1), 'neck.a': torch.ones(1)}, 'carries no config: give the one'),
    ],
)
def test_no_model_with_a_config(state, message, tmp_path):
    torch.save(dict(state_dict=state), tmp_path / 'a.pth')
    with pytest.raises(UserError, match=message):
        load(tmp_path / 'a.pth')


def test_a_released_backbone(cache_home, monkeypatch, tmp_path):
    from mmbackbones.weights import cache_dir

    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    folder = cache_dir()
    folder.mkdir(parents=True)
    torch.save({'patch_embed1.proj.weight': torch.ones(1)}, folder / 'van_tiny_754.pth.tar')
    with pytest.raises(UserError, match='van-b0 holds a backbone alone.* --weights van-b0'):
        load('van-b0')


@pytest.mark.parametrize('device', ['gpu', 'cuda:99', 'meta', 'tpu:0', '', 'cuda:-1', 'cpu:x'])
def test_a_device_that_is_not_there(file, device):
    with pytest.raises(UserError, match=f'there is no device {device!r} here: choose one of cpu'):
        load(file, device=device)


def test_weights_that_do_not_fit(file, tmp_path):
    state = content(detector())
    state['state_dict'].pop('neck.fpn_convs.0.conv.bias')
    torch.save(state, tmp_path / 'a.pth')
    with pytest.raises(UserError, match='a.pth does not fit its own config: .* 1 missing: neck.fpn_convs.0.conv.bias'):
        load(tmp_path / 'a.pth')
