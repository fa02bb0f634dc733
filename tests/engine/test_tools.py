"""The command lines: what they say when something is missing or wrong."""
import json

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from unreachable import UNREACHABLE

from mmbackbones import config_path


@pytest.mark.parametrize('name', ['train', 'test', 'demo', 'benchmark', 'convert_weights'])
def test_help_shows_an_example(tool, name):
    code, out, _ = tool(name, '--help')
    assert code == 0
    assert f'python tools/{name}.py' in out


def test_without_coco_it_says_what_to_put_where(tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = tool('train', config_path('retinanet_van_b'))
    assert code == 2
    assert len(err.splitlines()) == 1
    for words in ('data/coco/', 'train2017', 'annotations', '--data DIR', '--data shapes'):
        assert words in err
    assert list(tmp_path.iterdir()) == []


def test_with_coco_in_its_place_it_trains(tool, tiny_config, shapes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data/coco/annotations').mkdir(parents=True)
    for split, folder in (('train', 'training'), ('val', 'validation')):
        content = json.loads((shapes / f'annotations/{split}.json').read_text())
        for image in content['images']:
            image['file_name'] = image['file_name'].split('/')[1]
        (tmp_path / f'data/coco/annotations/instances_{split}2017.json').write_text(json.dumps(content))
        (tmp_path / f'data/coco/{split}2017').symlink_to(shapes / 'images' / folder)
    code, _, err = tool('train', tiny_config, '--iters', 1)
    assert code == 0, err
    assert (tmp_path / 'work_dirs/tiny/iter_1.pth').is_file()


def test_pre_trained_weights_that_can_not_be_fetched(tool, tiny_config, shapes, tmp_path):
    code, _, err = tool('train', tiny_config, '--data', shapes, '--iters', 1, '--work-dir', tmp_path, '--cfg-options',
                        *UNREACHABLE)
    assert code == 2
    error = err.splitlines()[-1]
    for words in ('http://127.0.0.1:9/no.pth cannot be fetched', '--weights', '--from-scratch'):
        assert words in error
    assert 'Traceback' not in err


@pytest.mark.parametrize(('arguments', 'message'), [
    (['none.py'], 'config none.py does not exist'),
    (['CONFIG', '--data', 'nowhere'], 'nowhere does not exist'),
    (['CONFIG', '--data', 'SHAPES', '--img-scale', '16', '16'], 'at least 32x32'),
    (['CONFIG', '--data', 'SHAPES', '--weights', 'none.pth'], 'none.pth does not exist'),
    (['CONFIG', '--data', 'SHAPES', '--amp'], '--amp needs a GPU'),
    (['CONFIG', '--data', 'SHAPES', '--launcher', 'pytorch'], 'needs GPUs'),
    (['CONFIG', '--epochs', '0'], 'at least 1'),
    (['CONFIG', '--lr', '-1'], 'above 0'),
    (['CONFIG', '--seed', '-1'], 'at least 0'),
    (['CONFIG', '--epochs', '1', '--iters', '1'], 'not allowed with'),
    (['CONFIG', '--cfg-options', 'model'], 'key=value'),
    (['CONFIG', '--cfg-options', 'train_pipeline.9.type=1'], 'does not fit'),
])
def test_wrong_input_is_one_sentence(tool, tiny_config, shapes, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    monkeypatch.setattr('mmbackbones.engine.config.get_device', lambda: 'cpu')
    given = [{'CONFIG': tiny_config, 'SHAPES': shapes}.get(argument, argument) for argument in arguments]
    code, _, err = tool('train', *given)
    assert code == 2
    assert message in err.splitlines()[-1]
    assert 'Traceback' not in err


def test_the_config_that_was_run_is_left_behind(tool, tiny_config, shapes, tmp_path):
    code, *_ = tool('train', tiny_config, '--data', shapes, '--iters', 2, '--work-dir', tmp_path, '--img-scale', 64, 64,
                    '--batch-size', 4)
    assert code == 0
    cfg = Config.fromfile(tmp_path / 'tiny.py')
    assert cfg.train_cfg.max_iters == 2
    assert all(not scheduler.by_epoch for scheduler in cfg.param_scheduler)
    assert cfg.model.bbox_head.num_classes == 4


def test_test_tool(tool, tiny_config, shapes, tmp_path):
    tool('train', tiny_config, '--data', shapes, '--iters', 1, '--work-dir', tmp_path, '--img-scale', 64, 64)
    code, out, err = tool('test', tiny_config, tmp_path / 'iter_1.pth', '--data', shapes, '--img-scale', 64, 64,
                          '--work-dir', tmp_path)
    assert code == 0, err
    assert 'bbox_mAP_50' in out
    assert (tmp_path / 'test/metrics.json').is_file()


def test_test_tool_without_its_checkpoint(tool, tiny_config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = tool('test', tiny_config, tmp_path / 'none.pth')
    assert code == 2
    assert 'none.pth does not exist' in err


def test_convert_weights(tool, tmp_path):
    out = tmp_path / 'resnet.safetensors'
    torch.save(MODELS.build(dict(type='SASAResNet', depth=26)).state_dict(), tmp_path / 'resnet.pth')
    code, said, err = tool('convert_weights', tmp_path / 'resnet.pth', out)
    assert (code, err) == (0, '')
    assert 'SASAResNet 26 in the layout of mmbackbones, backbone alone' in said
    assert "'depth': 26" in said.splitlines()[1]
    assert out.is_file()


@pytest.mark.parametrize(('content', 'message'), [
    (b'<!DOCTYPE html><html>Sign in</html>', 'is a web page, not a checkpoint'),
    (b'PK\x03\x04', 'is damaged or incomplete'),
    (b"cos\nsystem\n(S'touch PWNED'\ntR.", 'it holds os.system, and loading that could run code'),
    (b'', 'is damaged or incomplete'),
])
def test_convert_weights_of_something_else(tool, tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'in.pth').write_bytes(content)
    code, out, err = tool('convert_weights', 'in.pth', 'out.pth')
    assert (code, out) == (2, '')
    assert message in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ['in.pth']
