"""The config in a checkpoint of a stranger: what is taken of it, and that nothing of it runs."""

import json
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, TRANSFORMS

from mmbackbones import apis, get_config
from mmbackbones.engine.checkpoint_config import checkpoint_config
from mmbackbones.engine.untrusted_config import UntrustedConfig
from mmbackbones.errors import UserError
from tests.helpers.carried_configs import content, detector, save, segmentor

pytestmark = pytest.mark.slow

TOUCH = "__import__('pathlib').Path('PWNED').touch()"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    """The current folder, with modules that leave a file there when they are imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    Path('stranger').mkdir()
    for name in ('stranger/__init__.py', 'stranger/registry.py', 'lonely.py'):
        Path(name).write_text(f"{TOUCH}\ndef run(*args, **kwargs): open('PWNED', 'w')\n")
    yield tmp_path
    assert not Path('PWNED').exists()
    assert not {'stranger', 'stranger.registry', 'lonely'} & (set(sys.modules) - before)


@pytest.fixture(scope='module')
def sound() -> dict:
    """A checkpoint of a detector."""
    return content(detector())


def carrying(sound: dict, text: str) -> str:
    """A file of the same weights with `text` as its config."""
    torch.save({**sound, 'meta': {**sound['meta'], 'cfg': text}}, 'model.pth')
    return 'model.pth'


def written(config: Config) -> str:
    """The config as text; MMEngine's own takes half a second to write."""
    return ''.join(f'{key} = {value!r}\n' for key, value in config.to_dict().items())


def refused(file: str, message: str) -> None:
    """Assert that a file is refused in one sentence, by whatever uses its config."""
    for use in (apis.load, lambda file: apis.test(file, data='shapes', work_dir='tested')):
        with pytest.raises(UserError, match=message) as error:
            use(file)
        assert '\n' not in str(error.value)
        assert 'CONFIG' in str(error.value)


@pytest.mark.parametrize(
    ('attack', 'found'),
    [
        (f'a = {TOUCH}', '__import__'),
        (f'{TOUCH}', '__import__'),
        ("a = open('PWNED', 'w')", 'open'),
        ('import stranger', 'import stranger'),
        ('from stranger import *', 'from stranger'),
        ('a = ().__class__.__base__.__subclasses__()', '.__class__'),
        (f'a = [{TOUCH} for _ in (1,)]', '__import__'),
        (f"a = f'{{{TOUCH}}}'", "f'"),
        (f'a = lambda: {TOUCH}', 'lambda'),
        (f'a = (b := {TOUCH})', 'b :='),
        (f'a = dict(b={TOUCH})', '__import__'),
        (f'a = {{{TOUCH}: 1}}', '__import__'),
        (f'a = dict(**{TOUCH})', r'\*\*'),
        (f'@{TOUCH}\ndef a(): pass', '@'),
        (f'def a(b={TOUCH}): pass', 'def a'),
        (f'class A:\n    a = {TOUCH}', 'class A'),
        (f'if True:\n    a = {TOUCH}', 'if True'),
        (f'a: {TOUCH} = 1', 'a:'),
        (f'a = 1; {TOUCH}', '; __import__'),
        (f'a = b = {TOUCH}', 'b ='),
        (f'a[{TOUCH}] = 1', 'a'),
        (f'a = 1 if {TOUCH} else 2', 'if __import__'),
        (f'a = not {TOUCH}', 'not'),
        (f"a = '%s' % {TOUCH}", '%'),
        (f"a = '{{0.__class__}}'.format({TOUCH})", 'format'),
        (f'exec({TOUCH!r})', 'exec'),
        (f'a = eval({TOUCH!r})', 'eval'),
        (f'# -*- coding: utf-7 -*-\na = {TOUCH}', 'coding'),
        (f'a = 1 # {TOUCH}', '#'),
        ('a = 1\0', 'null byte'),
        ('\uff41 = 1', '\uff41'),  # of full width, which Python takes for an a
        ('a = \uff44ict()', '\uff44ict'),
        (f'a = {"[" * 60}{"]" * 60}', r'\[\[\['),
        ('a = ' + '[' * 10_000, 'a = '),
        ("a = b'bytes'", "b'"),
        ('a = 0x' + 'f' * 10_000, '0xfff'),
        ('a = {"b\': 1}, c={\'d": 2}', 'b'),  # a key that would end the quotes around it when a config is written
        ("a = dict({'{{$HOME:': 1})", 'HOME'),
        ('a = dict(b=1, b=2)', 'b=2'),
    ],
)
def test_a_text_that_is_more_than_data(sound, attack, found):
    config = sound['meta']['cfg']
    lines = config.count('\n') + 1
    refused(carrying(sound, f'{config}\n{attack}'), rf'line ({lines}|{lines + 1}) holds .*{found}')


@pytest.mark.parametrize(
    ('attack', 'message'),
    [
        ({'model.type': 'os.system'}, "model.type is 'os.system', which is the name of no registered class"),
        ({'model.neck.type': 'stranger.run'}, "model.neck.type is 'stranger.run'"),
        ({'model.neck.type': 'stranger.RetinaNet'}, "model.neck.type is 'stranger.RetinaNet'"),
        ({'model.neck.type': 'lonely'}, "model.neck.type is 'lonely'"),
        ({'model.neck.type': 'builtins.exec'}, 'builtins.exec'),
        ({'model.neck.type': 'mmdet.models.stranger.FPN'}, 'mmdet.models.stranger.FPN'),
        ({'model.neck.type': 'mmpretrain.ResNet'}, 'mmpretrain.ResNet'),
        ({'model.neck.type': ['FPN']}, 'is the name of no registered class'),
        ({'model.neck.type': 'ReadFolder'}, 'ReadFolder'),
        ({'model.neck.norm_cfg': dict(type='stranger.run')}, 'model.neck.norm_cfg.type'),
        ({'model.train_cfg': dict(assigner=dict(type='stranger.run'))}, 'model.train_cfg.assigner.type'),
        ({'model._scope_': 'stranger'}, "model._scope_ is 'stranger'"),
        ({'model.neck._scope_': 'stranger'}, "model.neck._scope_ is 'stranger'"),
        ({'default_scope': 'stranger'}, "default_scope is 'stranger'"),
        ({'default_scope': ['mmdet']}, 'default_scope is'),
        ({'_base_': ['stranger.py']}, 'refers to another one'),
        # mmcv evaluates the name of an NMS, and MMDetection that of a warp.
        ({'model.test_cfg.nms.type': TOUCH}, 'model.test_cfg.nms.type'),
        ({'model.test_cfg.nms.type': 'exit'}, 'model.test_cfg.nms.type'),
        ({'model.neck': dict(type='CameraMotionCompensation', warp_mode=TOUCH)}, 'CameraMotionCompensation|warp_mode'),
        # Files that would be unpickled, or read as configs.
        ({'model.bbox_head.loss_cls.class_weight': 'weights.pkl'}, 'class_weight is .* may be the name of a file'),
        ({'model.bbox_head.loss_cls.class_weight': 'pkl'}, 'class_weight is .* may be the name of a file'),
        ({'model.type': 'LAD', 'model.teacher_config': 'stranger.py'}, 'LAD'),
        ({'model.backbone': dict(type='BertModel', name='bert')}, 'BertModel'),
        ({'model.backbone': dict(type='TIMMBackbone', _scope_='mmseg', model_name='stranger')}, 'TIMMBackbone'),
        ({'model.backbone.arch': 'stranger/arch'}, 'may be the name of a file'),
        # Networks that take hours to build.
        ({'model.bbox_head.stacked_convs': 10**6}, 'much larger than'),
        ({'model.bbox_head.feat_channels': 10**6}, 'much larger than|cannot be built'),
        # What takes all memory, or hours, beside the network.
        ({'model.bbox_head.anchor_generator.scales_per_octave': 10**9}, 'scales_per_octave is 1000000000, more than'),
        ({'model.data_preprocessor.pad_size_divisor': 10**5}, 'pad_size_divisor is 100000, more than 10000'),
        ({'model.neck.plugins': [dict(type='FPN')] * 65}, 'model.neck.plugins has 65 entries'),
    ],
)
def test_a_model_that_a_stranger_describes(sound, attack, message):
    config = Config(detector())
    for key in ('backbone', 'neck'):
        if f'model.{key}' in attack:
            config.model.pop(key)
    config.merge_from_dict(attack)
    refused(carrying(sound, written(config)), message)


def test_lists_without_end():
    part = UntrustedConfig('model.pth', 'mmdet')
    assert part.model(dict(type='RetinaNet', a=[1] * 20_000), 'model')
    with pytest.raises(UserError, match='model.a has 20001 entries'):
        part.model(dict(type='RetinaNet', a=[1] * 20_001), 'model')


def test_a_transform_that_unpickles_what_it_reads(sound):
    config = Config(detector())
    config.test_dataloader.dataset.pipeline[0] = dict(type='LoadBiomedicalImageFromFile', decode_backend='pickle')
    refused(carrying(sound, written(config).replace('mmdet', 'mmseg', 1)), 'LoadBiomedicalImageFromFile')
    config.test_dataloader.dataset.pipeline[0] = dict(type='stranger.run')
    refused(carrying(sound, written(config)), 'stranger.run')


@pytest.mark.parametrize('attack', [dict(scale=(10**5, 96)), dict(scale=None, scale_factor=100.0)])
def test_images_without_end(sound, attack):
    config = Config(detector())
    config.test_dataloader.dataset.pipeline[1].update(attack)
    refused(carrying(sound, written(config)), r'scale.* is 100.*, more than')


@pytest.mark.parametrize(
    ('attack', 'message'),
    [
        (dict(ann_file='annotations.pkl'), r"ann_file is 'annotations.pkl', which is read as neither JSON nor text"),
        (dict(ann_file='annotations.pickle'), 'read as neither JSON nor text'),
        (dict(ann_file='annotations.yaml'), 'read as neither JSON nor text'),
        (dict(ann_file='pkl'), 'read as neither JSON nor text'),  # of which MMEngine takes the name for the suffix
        (dict(ann_file='annotations/.pkl'), 'read as neither JSON nor text'),
        (dict(ann_file='/dev/zero'), 'not a file or folder on this machine'),
        (dict(data_root='/dev', ann_file='zero'), 'not a file or folder on this machine'),
        (dict(data_root='//localhost/share'), 'not a file or folder on this machine'),
        (dict(data_root=r'\\localhost\share'), 'not a file or folder on this machine'),
        (dict(ann_file='http://localhost:1/a.json'), 'not a file or folder on this machine'),
        (dict(data_root='s3://bucket/'), 'not a file or folder on this machine'),
        (dict(data_prefix=dict(img='http://localhost:1/')), 'not a file or folder on this machine'),
        (dict(proposal_file='proposals.pkl'), 'proposal_file is no option'),
        (dict(type='BaseDetDataset'), "is 'BaseDetDataset', a data set that is only read from a config"),
        (dict(type='OpenImagesDataset'), 'OpenImagesDataset'),
        (dict(type='RefCocoDataset'), 'RefCocoDataset'),
        (dict(type='stranger.run'), 'stranger.run'),
        (dict(type='stranger.CocoDataset'), 'stranger.CocoDataset'),
        (dict(data_root='x' * 10**6 + '://'), r"is 'x{200,300}\.\.\.; give"),
        (dict(type='ConcatDataset', datasets=[]), 'ConcatDataset'),
        (dict(img_suffix='/etc/passwd'), 'img_suffix is no option'),
    ],
)
def test_data_that_a_stranger_names(sound, attack, message):
    config = Config(detector())
    config.test_dataloader.dataset.update(attack)
    file = carrying(sound, written(config))
    with pytest.raises(UserError, match=message):
        apis.test(file, work_dir='tested')
    apis.load(file)  # which does not touch the data


def test_data_that_is_not_there(sound):
    file = carrying(sound, sound['meta']['cfg'])
    with pytest.raises(UserError, match='annotations.json does not exist; name a folder with --data DIR'):
        apis.test(file, work_dir='tested')
    config = Config(detector())
    config.train_dataloader.dataset.update(data_root='data/coco/', ann_file='annotations/instances_train2017.json')
    with pytest.raises(UserError, match='data/coco/ is not there: download'):
        apis.test(carrying(sound, written(config)), work_dir='tested')


@pytest.mark.parametrize(
    'evaluator',
    [
        dict(type='stranger.run'),
        dict(type='stranger.CocoMetric'),
        dict(type='CocoMetric', _scope_='stranger'),
        dict(type='DumpDetResults', out_file_path='PWNED'),
        [1],
        None,
        'x',
    ],
)
def test_metrics_that_a_stranger_names(sound, evaluator):
    config = Config(detector() | dict(test_evaluator=evaluator))
    file = carrying(sound, written(config))
    with pytest.raises(UserError, match='test_evaluator'):
        apis.test(file, data='shapes', work_dir='tested')
    apis.load(file)


def test_nothing_else_is_taken(sound):
    """Neither hooks nor paths that are written to, and no file that weights or images come from."""
    config = Config(detector())
    config.merge_from_dict(
        {
            'test_evaluator.outfile_prefix': 'PWNED',
            'test_evaluator.backend_args': dict(backend='petrel'),
            'test_dataloader.sampler.type': 'stranger.run',
            'test_dataloader.collate_fn': dict(type='stranger.run'),
            'test_dataloader.num_workers': 10**6,
            'test_cfg.type': 'stranger.run',
            'visualizer': dict(type='stranger.run'),
            'default_hooks': dict(logger=dict(type='stranger.run')),
            'env_cfg': dict(dist_cfg=dict(backend='stranger')),
            'load_from': 'stranger.pth',
            'launcher': 'slurm',
            'log_level': 'stranger',
        }
    )
    taken = checkpoint_config({**sound, 'meta': dict(cfg=written(config))}, 'model.pth')
    text = repr(taken)
    assert 'stranger' not in text.replace('default_hooks', '')
    assert 'PWNED' not in text
    assert 'petrel' not in text
    assert 'Pretrained' not in text
    assert 'custom_hooks' not in taken
    assert 'work_dir' not in taken
    assert taken.test_dataloader.num_workers <= 1024
    assert taken.test_cfg == dict(type='TestLoop')


def test_a_config_with_the_classes_of_a_stranger_is_written_as_data(sound, shapes):
    """MMEngine would substitute what is in double braces when the config is read again."""
    names = ('{{$NOTHING:', f"}}}}' + {TOUCH} + '{{{{fileDirname}}}}")
    torch.save({**sound, 'meta': {**sound['meta'], 'dataset_meta': dict(classes=names)}}, 'model.pth')
    annotations = json.loads((shapes / 'annotations' / 'val.json').read_text())
    annotations['categories'] = [dict(id=n, name=name) for n, name in enumerate(names, 1)]
    annotations['annotations'] = [item for item in annotations['annotations'] if item['category_id'] < 3]
    Path('annotations.json').write_text(json.dumps(annotations))
    for folder in (shapes / 'images').iterdir():
        Path(folder.name).symlink_to(folder)
    apis.test('model.pth', work_dir='tested')
    assert tuple(Config.fromfile('tested/config.py').test_dataloader.dataset.metainfo.classes) == names


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (None, 'carries no config: give the one that it was trained with as CONFIG'),
        ("data = dict(test=dict())\noptimizer = dict(type='SGD')\nmodel = dict()", 'MMDetection 2 or MMSegmentation 0'),
        ('a = 1', 'default_scope is None'),
        ("default_scope = 'mmdet'", 'model is not there'),
        ("default_scope = 'mmdet'\nmodel = 1", 'model is not a dict'),
        ("default_scope = 'mmdet'\nmodel = dict(type='RetinaNet')", 'test_dataloader is not there'),
        ('a = 1\n' * 400_000, '2400000 characters long'),
    ],
)
def test_no_config_of_ours(sound, text, message):
    file = carrying(sound, text) if text is not None else 'model.pth'
    if text is None:
        torch.save(dict(state_dict=sound['state_dict']), file)
    refused(file, message)


def test_what_else_changes_metrics_or_their_names(sound):
    config = Config(detector())
    config.merge_from_dict({'test_evaluator.prefix': 'night', 'test_cfg.fp16': True})
    taken = checkpoint_config({**sound, 'meta': dict(cfg=written(config))}, 'model.pth')
    assert taken.test_evaluator[0].prefix == 'night'
    assert taken.test_cfg.fp16


def test_a_class_of_the_users_process_may_be_named(sound):
    @MODELS.register_module(name='OwnNeck')
    def own_neck(**kwargs):
        return MODELS.build(dict(kwargs, type='mmdet.FPN'))

    @TRANSFORMS.register_module()
    class OwnTransform:
        pass

    try:
        config = Config(detector(**{'model.neck.type': 'OwnNeck'}))
        config.test_dataloader.dataset.pipeline.insert(1, dict(type='OwnTransform'))
        assert apis.load(carrying(sound, written(config))).network.with_neck
    finally:
        MODELS.module_dict.pop('OwnNeck')
        TRANSFORMS.module_dict.pop('OwnTransform')


def test_dotted_names_of_registered_classes(sound):
    """As MMEngine writes a config of its newer style: it imports what they name, and here only the class is found."""
    changes = {
        'model.type': 'mmdet.models.detectors.RetinaNet',
        'model.neck.type': 'mmdet.models.necks.fpn.FPN',
        'model.neck.act_cfg': dict(type='torch.nn.modules.activation.ReLU'),
        'model.backbone.type': 'mmbackbones.backbones.van.VAN',
        'model.bbox_head.type': 'mmdet.RetinaHead',
        'test_dataloader.dataset.type': 'mmdet.datasets.coco.CocoDataset',
        'test_evaluator.type': 'mmdet.evaluation.metrics.CocoMetric',
    }
    config = Config(detector())
    config.merge_from_dict(changes)
    cfg = checkpoint_config({**sound, 'meta': dict(cfg=written(config))}, 'model.pth')
    assert cfg.model.type == 'RetinaNet'
    assert cfg.test_dataloader.dataset.type == 'CocoDataset'
    assert cfg.test_evaluator[0].type == 'CocoMetric'
    assert cfg.model.bbox_head.type == 'mmdet.RetinaHead'
    assert str(apis.load(carrying(sound, written(config))))


def test_a_config_of_ours():
    """The model, pipeline and data of a config are taken as they are."""
    cfg = get_config('cascade_mask_rcnn_van_b')
    given = dict(meta=dict(cfg=cfg.pretty_text), state_dict={'backbone.a': torch.ones(1), 'neck.a': torch.ones(1)})
    taken = checkpoint_config(given, 'model.pth')
    expected = deepcopy(cfg)
    expected.model.backbone.pop('init_cfg')
    for step in expected.test_dataloader.dataset.pipeline:
        step.pop('backend_args', None)
    assert taken.test_dataloader.dataset.pipeline == expected.test_dataloader.dataset.pipeline
    for key in ('type', 'data_root', 'ann_file', 'data_prefix'):
        assert taken.test_dataloader.dataset.get(key) == cfg.test_dataloader.dataset.get(key)
    assert taken.model.to_dict() == expected.model.to_dict()


@pytest.mark.parametrize('make', [detector, segmentor])
def test_a_file_of_the_libraries_loads(make):
    assert len(apis.load(save(Path('model.pth'), config=make())).classes) == 2
