"""From a folder to metrics, and the initial weights that a training run can have."""

import json

import pytest
import torch

from mmbackbones.apis import test as evaluate
from mmbackbones.apis import train
from mmbackbones.datasets.shapes import CLASSES
from mmbackbones.engine.initial_weights import checkpoint_classes
from mmbackbones.errors import UserError
from mmbackbones.weights import load_from_file

pytestmark = pytest.mark.slow

METRICS = {f'bbox_{name}' for name in ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')}
METRICS |= {f'bbox_AP_{name}' for name in CLASSES}


@pytest.fixture(scope='module')
def trained(tiny_config, shapes, tmp_path_factory):
    """A work directory after two epochs."""
    work_dir = tmp_path_factory.mktemp('trained')
    train(tiny_config, data=str(shapes), img_scale=(64, 64), epochs=2, work_dir=str(work_dir))
    return work_dir


def test_a_checkpoint_knows_its_classes(trained):
    assert checkpoint_classes(str(trained / 'epoch_2.pth')) == CLASSES


def test_evaluate(trained, tiny_config, shapes, tmp_path):
    metrics = evaluate(
        str(trained / 'epoch_2.pth'),
        config=tiny_config,
        data=str(shapes),
        img_scale=(64, 64),
        work_dir=str(tmp_path),
        show_dir=str(tmp_path / 'shown'),
    )
    assert set(metrics) == METRICS
    assert json.loads((tmp_path / 'metrics.json').read_text()) == metrics
    assert len(list((tmp_path / 'shown').iterdir())) == 4


def test_evaluate_with_test_time_augmentation(trained, tiny_config, shapes, tmp_path):
    metrics = evaluate(
        str(trained / 'epoch_2.pth'),
        config=tiny_config,
        data=str(shapes),
        img_scale=(64, 64),
        tta=True,
        work_dir=str(tmp_path),
    )
    assert set(metrics) == METRICS


@pytest.mark.parametrize('options', [{}, dict(tta=True, img_scale=(96, 64))], ids=['as trained', 'tta'])
def test_the_checkpoint_alone_gives_the_same_metrics(trained, shapes, tmp_path, options):
    file, (config,) = str(trained / 'epoch_2.pth'), trained.glob('*.py')
    scores = dict(data=str(shapes), cfg_options={'model.test_cfg.score_thr': 0.0}, **options)
    metrics = evaluate(file, config=config, work_dir=str(tmp_path / 'a'), **scores)
    assert evaluate(file, work_dir=str(tmp_path / 'b'), **scores) == metrics
    assert (tmp_path / 'a' / 'metrics.json').read_bytes() == (tmp_path / 'b' / 'metrics.json').read_bytes()


def test_the_checkpoint_names_the_data(trained, tmp_path, monkeypatch):
    """And its folder is written to, the subfolder for tests alone; if it has left its folder, another one is."""
    before = {path: path.read_bytes() for path in trained.rglob('*') if path.is_file()}
    metrics = evaluate(str(trained / 'epoch_2.pth'))
    assert set(metrics) == METRICS
    assert json.loads((trained / 'test' / 'metrics.json').read_text()) == metrics
    assert {path: path.read_bytes() for path in before} == before
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'mine.pth').write_bytes((trained / 'epoch_2.pth').read_bytes())
    assert evaluate('mine.pth') == metrics
    assert (tmp_path / 'work_dirs' / 'mine' / 'metrics.json').exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ['mine.pth', 'work_dirs']


def test_evaluate_takes_classes_from_the_checkpoint(trained, tiny_config, shapes, tmp_path):
    """Without --data the config's own data is used, with the model's own number of classes."""
    metrics = evaluate(str(trained / 'epoch_2.pth'), config=next(trained.glob('*.py')), work_dir=str(tmp_path))
    assert set(metrics) == METRICS
    with pytest.raises(UserError, match='data/coco/ is not there'):
        evaluate(str(trained / 'epoch_2.pth'), config=tiny_config, work_dir=str(tmp_path))


def test_a_whole_model_starts_one_with_other_classes(trained, tiny_config, shapes, tmp_path, monkeypatch):
    source = json.loads((shapes / 'annotations' / 'train.json').read_text())
    other = tmp_path / 'data'
    (other / 'annotations').mkdir(parents=True)
    (other / 'images').symlink_to(shapes / 'images')
    source['categories'] = [dict(id=n, name='thing' if n < 4 else 'star') for n in (3, 4)]
    for annotation in source['annotations']:
        annotation['category_id'] = max(3, annotation['category_id'])
    for split in ('train', 'val'):
        (other / 'annotations' / f'{split}.json').write_text(json.dumps(source))

    run = train(
        tiny_config,
        data=str(other),
        img_scale=(64, 64),
        iters=1,
        weights=str(trained / 'epoch_2.pth'),
        lr=1e-12,
        work_dir=str(tmp_path / 'run'),
    )
    before = load_from_file(trained / 'epoch_2.pth')['state_dict']
    after = load_from_file(run.checkpoint)['state_dict']
    assert before['bbox_head.retina_cls.weight'].shape != after['bbox_head.retina_cls.weight'].shape
    for key in ('backbone.stages.3.blocks.0.attn.proj_1.weight', 'bbox_head.retina_reg.weight'):
        torch.testing.assert_close(after[key], before[key], rtol=0, atol=1e-6)
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert 'left out, because they are for another number of classes: bbox_head.retina_cls.weight (36x16x3x3 in' in log


def test_a_backbones_file_starts_the_backbone(trained, tiny_config, shapes, tmp_path):
    state = load_from_file(trained / 'epoch_2.pth')['state_dict']
    backbone = {key.removeprefix('backbone.'): value for key, value in state.items() if key.startswith('backbone.')}
    torch.save(backbone, tmp_path / 'backbone.pth')
    run = train(
        tiny_config,
        data=str(shapes),
        img_scale=(64, 64),
        iters=1,
        lr=1e-12,
        weights=str(tmp_path / 'backbone.pth'),
        work_dir=str(tmp_path / 'run'),
    )
    key = 'stages.3.blocks.0.attn.proj_1.weight'
    after = load_from_file(run.checkpoint)['state_dict'][f'backbone.{key}']
    torch.testing.assert_close(after, backbone[key], rtol=0, atol=1e-6)


def test_a_file_of_another_backbone_is_refused(tiny_config, shapes, tmp_path):
    torch.save({'backbone.layer1.weight': torch.zeros(1)}, tmp_path / 'resnet.pth')
    with pytest.raises(UserError, match=r'does not fit VAN \(0 of .* keys fit; .* missing: stem.proj'):
        train(tiny_config, data=str(shapes), iters=1, weights=str(tmp_path / 'resnet.pth'), work_dir=str(tmp_path))


def test_a_checkpoint_of_another_model_is_not_tested(tiny_config, shapes, tmp_path):
    torch.save({'backbone.layer1.weight': torch.zeros(1)}, tmp_path / 'resnet.pth')
    with pytest.raises(UserError, match='does not fit the config'):
        evaluate(str(tmp_path / 'resnet.pth'), config=tiny_config, data=str(shapes), work_dir=str(tmp_path))
