"""All of MMEngine's checkpoint loading goes through our loader, including names of other model zoos."""

import io
import os

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

from mmbackbones.errors import UserError
from mmbackbones.weights import load_from_file, mmengine_loaders
from mmbackbones.weights.mmengine_loaders import (
    load_from_mmcls,
    load_from_openmmlab,
    load_from_torchvision,
    refuse,
    replace_mmengine_loaders,
)

NAMED = {
    'torchvision://resnet18': (load_from_torchvision, 'get_torchvision_models'),
    'modelzoo://resnet18': (load_from_torchvision, 'get_torchvision_models'),
    'open-mmlab://resnet18': (load_from_openmmlab, 'get_external_models'),
    'openmmlab://resnet18': (load_from_openmmlab, 'get_external_models'),
    'mmcls://resnet18': (load_from_mmcls, 'get_mmcls_models'),
}


class Attack:
    def __reduce__(self):
        return os.system, ('touch PWNED',)


def file_of(content) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize('name', NAMED)
def test_names_of_other_model_zoos(name, cache, serve, monkeypatch, tmp_path):
    load, table = NAMED[name]
    monkeypatch.chdir(tmp_path)
    urls = {
        'resnet18': serve('resnet18.pth', file_of(dict(state_dict={'backbone.weight': torch.ones(2)}))),
        'evil': serve('evil.pth', file_of(Attack())),
    }
    monkeypatch.setattr(mmengine_loaders, table, lambda: urls)
    prefix = '' if name.startswith('mmcls') else 'backbone.'  # which loads the backbone alone
    for loaded in (load(name, 'cpu'), CheckpointLoader.load_checkpoint(name, 'cpu')):
        assert {key: value.tolist() for key, value in loaded['state_dict'].items()} == {f'{prefix}weight': [1, 1]}
    with pytest.raises(UserError, match='there is no checkpoint .*://resnet19: MMEngine knows no such name'):
        load(name.replace('18', '19'))
    with pytest.raises(UserError, match='evil'):
        CheckpointLoader.load_checkpoint(name.replace('resnet18', 'evil'), 'cpu')
    assert not (tmp_path / 'PWNED').exists()


@pytest.mark.parametrize('name', NAMED)
def test_a_library_that_is_not_installed(name, monkeypatch):
    load, table = NAMED[name]

    def fail():
        raise ImportError('no such module')

    monkeypatch.setattr(mmengine_loaders, table, fail)
    with pytest.raises(UserError, match='cannot look up .*://resnet18: no such module'):
        load(name)


@pytest.mark.parametrize(('load', 'name'), [(load_from_openmmlab, 'vgg16_caffe'), (load_from_mmcls, 'vgg11')])
def test_urls_are_those_of_mmengines_tables(load, name, monkeypatch):
    asked = []
    monkeypatch.setattr(mmengine_loaders, '_process_mmcls_checkpoint', lambda checkpoint: checkpoint)
    monkeypatch.setattr(mmengine_loaders, 'load_from_file', lambda url, map_location: asked.append(url))
    load(f'open-mmlab://{name}')
    assert asked[0].startswith('https://')
    assert name in asked[0]


def test_every_scheme_of_mmengine_is_replaced():
    schemes = CheckpointLoader._schemes
    ours = {load_from_file, load_from_torchvision, load_from_openmmlab, load_from_mmcls, refuse}
    left = {prefix for prefix, loader in schemes.items() if loader not in ours}
    assert left <= {'local'}, left
    before = dict(schemes)
    replace_mmengine_loaders()
    assert dict(CheckpointLoader._schemes) == before
