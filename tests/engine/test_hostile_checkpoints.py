"""Malicious checkpoints.

Nothing in them runs, nothing outside the work directory is touched, and each is refused in one sentence, or its
malicious part is ignored.
"""

import argparse
import collections
import os
import shutil
import subprocess
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from torch._utils import _rebuild_tensor_v2

from mmbackbones.apis import test as evaluate
from mmbackbones.apis import train
from mmbackbones.apis.convert import convert_weights
from mmbackbones.engine.initial_weights import checkpoint_classes, set_initial_weights
from mmbackbones.engine.resume import rebuild_checkpoint
from mmbackbones.errors import UserError
from mmbackbones.weights import load_from_file, read_state_dict

pytestmark = pytest.mark.slow

TOUCH = "__import__('pathlib').Path('PWNED').touch()"
PLAIN = (type(None), bool, int, float, str, torch.Tensor, HistoryBuffer, dict, list, tuple)


class Call:
    """Pickles as a call of `function`, after which the object's attributes are set to `state`."""

    def __init__(self, function, *arguments, state=None):
        self.call = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.call


def whole() -> dict:
    """A checkpoint as MMEngine writes it."""
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    schedulers = [
        dict(
            param_name='lr',
            begin=0,
            end=9,
            by_epoch=False,
            base_values=[0.01],
            last_step=4,
            _global_step=5,
            verbose=False,
            _last_value=[0.01],
            gamma=0.1,
            milestones=collections.Counter([3, 7]),
        )
    ]
    return dict(
        meta=dict(
            epoch=1,
            iter=4,
            seed=0,
            cfg='model = dict()',
            experiment_name='tiny_20250101_000000',
            time='now',
            mmengine_version='0.10.7',
            dataset_meta=dict(classes=('cat', 'dog'), palette=[(1, 2, 3), (4, 5, 6)]),
        ),
        state_dict=model.state_dict(),
        optimizer=optimizer.state_dict(),
        param_schedulers=schedulers,
        message_hub=dict(
            log_scalars={'train/loss': HistoryBuffer([1.0, 0.5], [1, 1])},
            runtime_info=dict(
                cfg='model = dict()',
                seed=0,
                epoch=1,
                iter=4,
                best_score=0.5,
                best_ckpt='/run/best.pth',
                last_ckpt='/run/epoch_1.pth',
                keep_ckpt_ids=[1],
            ),
            resumed_keys={'train/loss': True, 'best_score': True, 'best_ckpt': True, 'cfg': True},
        ),
    )


def put(*path_and_value):
    """Change one entry, or make it: ``put('meta', 'epoch', -1)``."""
    *path, last, value = path_and_value

    def change(content):
        for key in path:
            content = content[key]
        content[last] = value() if isinstance(value, type(lambda: 0)) else value

    return change


def drop(*path):
    def change(content):
        *above, last = path
        for key in above:
            content = content[key]
        del content[last]

    return change


def endless():
    endless = []
    endless.append(endless)
    return endless


def deep(levels):
    node = []
    for _ in range(levels):
        node = [node]
    return node


def laughs():
    node = [0.0] * 10
    for _ in range(12):
        node = [node] * 10
    return node


def with_attributes(**attributes):
    return Call(collections.OrderedDict, state=attributes)


def history(**state):
    """A HistoryBuffer with a state of its own."""
    return Call(HistoryBuffer, state=dict(dict(_log_history=np.ones(2), _count_history=np.ones(2)), **state))


def beyond(size, stride):
    """A tensor that is said to be larger than what the file has for it."""
    storage = torch.storage.TypedStorage(
        wrap_storage=torch.ones(4).untyped_storage(), dtype=torch.float32, _internal=True
    )
    return Call(_rebuild_tensor_v2, storage, 0, size, stride, False, collections.OrderedDict())


CONFIGS = [
    f'{TOUCH}\n',
    f'a = {TOUCH}',
    f'model = dict(a={TOUCH})',
    f'_base_ = [{TOUCH}]',
    "import os\nos.system('touch PWNED')\n",
    f'class A:\n    {TOUCH}\n',
    f'def f(a={TOUCH}): pass',
    f'@(lambda f: {TOUCH})\ndef f(): pass',
    '{{ fileDirname }}\n' + TOUCH,
    f'gpu_ids = [1 for _ in [{TOUCH}]]',
    "custom_imports = dict(imports=['antigravity'])",
    f'if True: {TOUCH}',
]
# Malicious parts that change nothing: what a run takes from the file is the same as without them.
IGNORED = {
    **{f'config {i}': put('meta', 'config', text) for i, text in enumerate(CONFIGS)},
    **{f'cfg {i}': put('meta', 'cfg', text) for i, text in enumerate(CONFIGS[:4])},
    **{f'hub cfg {i}': put('message_hub', 'runtime_info', 'cfg', text) for i, text in enumerate(CONFIGS[:4])},
    'config bytes': put('meta', 'config', TOUCH.encode()),
    'best absolute': put('message_hub', 'runtime_info', 'best_ckpt', '/precious'),
    'best above': put('message_hub', 'runtime_info', 'best_ckpt', '../precious'),
    'best of home': put('message_hub', 'runtime_info', 'best_ckpt', '~'),
    'best of a metric': put('message_hub', 'runtime_info', 'best_ckpt_coco/bbox_mAP', '/precious'),
    'best remote': put('message_hub', 'runtime_info', 'best_ckpt', 's3://bucket/precious'),
    'best no text': put('message_hub', 'runtime_info', 'best_ckpt', ['/precious']),
    'last': put('message_hub', 'runtime_info', 'last_ckpt', '/precious'),
    'kept above': put('message_hub', 'runtime_info', 'keep_ckpt_ids', ['/../../precious/x', '../x'] * 5),
    'kept no list': put('message_hub', 'runtime_info', 'keep_ckpt_ids', '/precious'),
    'stage': put('message_hub', 'runtime_info', 'loop_stage', 'test'),
    'eta': put('message_hub', 'runtime_info', 'eta', '\x1b[2J'),
    'info of a log': put('message_hub', 'runtime_info', 'train/\x1b]0;owned\x07', 1.0),
    'log with escapes': put('message_hub', 'log_scalars', 'train/\x1b[2J', HistoryBuffer([1.0], [1])),
    'log no history': put('message_hub', 'log_scalars', 'train/other', [1.0, 2.0]),
    'log of a bare history': put('message_hub', 'log_scalars', 'train/other', HistoryBuffer()),
    'score text': put('message_hub', 'runtime_info', 'best_score_x', '0.9'),
    'score nan': put('message_hub', 'runtime_info', 'best_score_x', float('nan')),
    'resumed keys': put('message_hub', 'resumed_keys', {'train/loss': 'no', 'epoch': TOUCH}),
    'extra': put('hooks', ['os.system']),
    'other meta': put('meta', 'hook_msgs', dict(last_ckpt='/precious')),
    'palette': put('meta', 'dataset_meta', 'palette', TOUCH),
    'Namespace': put('args', argparse.Namespace(resume='/precious', func='os.system')),
}
# Refused in one sentence.
REFUSED = {
    **{
        f'epoch {value!r}': put('meta', 'epoch', value)
        for value in (-1, 2**80, 1.5, float('nan'), float('inf'), '1', True, [1], None, torch.tensor(1))
    },
    'epoch of 5000 digits': put('meta', 'epoch', 10**5000),
    **{f'iter {value!r}': put('meta', 'iter', value) for value in (-1, 2**60, 4.0, '4; import os', None)},
    **{f'seed {value!r}': put('meta', 'seed', value) for value in (-1, 2**32, '0', 0.5, TOUCH)},
    'no meta': drop('meta'),
    'meta list': put('meta', [1, 2]),
    'meta text': put('meta', TOUCH),
    'no weights': drop('state_dict'),
    'weights list': put('state_dict', [torch.ones(1)]),
    'weights nan': put('state_dict', 'weight', torch.tensor([1.0, float('nan')])),
    'weights inf': put('state_dict', 'weight', torch.tensor([1.0, -float('inf')], dtype=torch.float16)),
    'weights sparse': put('state_dict', 'weight', lambda: torch.eye(3).to_sparse()),
    'weights csr': put('state_dict', 'weight', lambda: torch.eye(3).to_sparse_csr()),
    'weights quantized': put(
        'state_dict', 'weight', lambda: torch.quantize_per_tensor(torch.ones(2), 1, 0, torch.qint8)
    ),
    'weights nowhere': put('state_dict', 'weight', lambda: torch.ones(2, device='meta')),
    'weights nested': put('state_dict', 'weight', lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])),
    'weights beyond': put('state_dict', 'weight', lambda: beyond((10,), (1,))),
    'weights repeated': put('state_dict', 'weight', lambda: beyond((10**9, 10**3), (0, 0))),
    'weights under numbers': put('state_dict', 1, torch.ones(1)),
    'weights under tuples': put('state_dict', ('a', 'b'), torch.ones(1)),
    'weights of long names': put('state_dict', 'a' * 10**6, torch.ones(1)),
    'optimizer text': put('optimizer', TOUCH),
    'optimizer empty': put('optimizer', dict(state=[], param_groups=[])),
    'optimizer groups': put('optimizer', 'param_groups', TOUCH),
    'optimizer group': put('optimizer', 'param_groups', [TOUCH]),
    'optimizer params': put('optimizer', 'param_groups', 0, 'params', 'ab'),
    'optimizer rate': put('optimizer', 'param_groups', 0, 'lr', TOUCH),
    'optimizer rate nan': put('optimizer', 'param_groups', 0, 'lr', float('nan')),
    'optimizer nan': put('optimizer', 'state', 0, 'exp_avg', torch.tensor([float('nan')])),
    'optimizer endless': put('optimizer', 'state', 0, 'exp_avg', endless),
    'optimizer bytes': put('optimizer', 'state', 0, 'exp_avg', b'x'),
    'optimizer array': put('optimizer', 'state', 0, 'exp_avg', lambda: np.ones(3)),
    'optimizer keys': put('optimizer', 'state', {0: {(1, 2): 3}}),
    'optimizer laughs': put('optimizer', 'state', 0, 'exp_avg', laughs),
    'schedulers text': put('param_schedulers', TOUCH),
    'scheduler text': put('param_schedulers', [TOUCH]),
    'scheduler method': put('param_schedulers', 0, '_get_value', 1),
    'scheduler step': put('param_schedulers', 0, 'step', 'a'),
    'scheduler optimizer': put('param_schedulers', 0, 'optimizer', 'a'),
    'scheduler class': put('param_schedulers', 0, '__class__', 'a'),
    'scheduler position': put('param_schedulers', 0, 'last_step', '4'),
    'scheduler nan': put('param_schedulers', 0, 'base_values', [float('nan')]),
    'scheduler history': put('param_schedulers', 0, 'gamma', HistoryBuffer([1.0], [1])),
    'deep': put('extra', lambda: deep(150)),
    'calls': put('extra', lambda: Call(os.system, 'touch PWNED')),
    'calls in weights': put('state_dict', 'weight', lambda: Call(eval, TOUCH)),
    'calls in meta': put('meta', 'epoch', lambda: Call(subprocess.call, ['touch', 'PWNED'])),
    'calls as a key': put('meta', 'dataset_meta', lambda: {Call(exec, TOUCH): 1}),
    'calls of NumPy': put('extra', lambda: Call(np.fromfile, '/etc/passwd')),
    'calls getattr': put('extra', lambda: Call(getattr, HistoryBuffer, '__init__')),
    'function': put('extra', lambda: (_rebuild_tensor_v2,)),
    'class': put('extra', lambda: (collections.OrderedDict,)),
    'method': put('meta', lambda: with_attributes(get=collections.OrderedDict)),
    'method of weights': put('state_dict', lambda: with_attributes(items=collections.OrderedDict)),
    'history without numbers': put('message_hub', 'log_scalars', 'train/loss', lambda: history(_log_history='x')),
    'history of objects': put(
        'message_hub', 'log_scalars', 'train/loss', lambda: history(_log_history=np.array([{}, []], dtype=object))
    ),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to run in, beside a precious one; a test may change neither its neighbors nor run any code."""
    precious, work_dir = tmp_path / 'precious', tmp_path / 'work'
    precious.mkdir()
    work_dir.mkdir()
    (precious / 'best.pth').write_text('precious')
    monkeypatch.chdir(work_dir)
    yield work_dir
    assert not list(tmp_path.rglob('PWNED'))
    assert (precious / 'best.pth').read_text() == 'precious'
    assert {path.name for path in tmp_path.iterdir()} <= {'precious', 'work', 'run'}


def saved(content) -> str:
    torch.save(content, 'epoch_1.pth')
    return 'epoch_1.pth'


def everything(node):
    """All values in `node`."""
    yield node
    for child in list(node.values()) if isinstance(node, dict) else node if isinstance(node, list | tuple) else ():
        yield from everything(child)


def assert_equal(one, other):
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_equal(*pair)
    elif isinstance(one, HistoryBuffer):
        assert [array.tolist() for array in one.data] == [array.tolist() for array in other.data]
    else:
        assert one == other


def test_what_a_run_takes():
    given = whole()
    taken = rebuild_checkpoint(deepcopy(given), 'epoch_1.pth')
    assert taken['meta'] == dict(
        epoch=1, iter=4, seed=0, experiment_name='tiny_20250101_000000', dataset_meta=dict(classes=('cat', 'dog'))
    )
    for key in ('state_dict', 'optimizer'):
        assert_equal(taken[key], given[key])
    assert taken['state_dict']._metadata == given['state_dict']._metadata
    assert taken['param_schedulers'] == given['param_schedulers']
    assert taken['message_hub']['runtime_info'] == dict(best_score=0.5)
    assert taken['message_hub']['resumed_keys'] == {'train/loss': True, 'best_score': True}
    assert taken['message_hub']['log_scalars']['train/loss'].mean() == 0.75
    assert all(isinstance(value, PLAIN) for value in everything(taken))


@pytest.mark.parametrize('form', IGNORED)
def test_malicious_parts_are_ignored(place, form):
    torch.manual_seed(0)
    content = whole()
    before = rebuild_checkpoint(deepcopy(content), 'epoch_1.pth')
    IGNORED[form](content)
    file = saved(content)
    loaded = load_from_file(file)
    assert 'config' not in loaded['meta']
    assert_equal(rebuild_checkpoint(loaded, file), before)
    assert read_state_dict(file).keys() == before['state_dict'].keys()
    assert checkpoint_classes(file) == ('cat', 'dog')


@pytest.mark.parametrize(
    ('change', 'taken'),
    [
        (put('record', TOUCH), {}),
        (put('record', [1]), {}),
        (
            put('record', dict(run='a', best={'\x1b[2J': [1.0, 3], 'a\0b': [1.0, 3], 'mAP': [0.5, 3]})),
            dict(run='a', best={'mAP': [0.5, 3]}),
        ),
    ],
)
def test_records_of_a_run_are_printable(place, change, taken):
    content = whole()
    change(content)
    content['meta'].update(run_id='\n' * 3, settings=dict(data='\x1b[2J', lr=0.1, optimizer='AdamW'))
    file = saved(content)
    rebuilt = rebuild_checkpoint(load_from_file(file), file)
    assert rebuilt['record'] == taken
    assert rebuilt['meta']['run_id'] == ''
    assert rebuilt['meta']['settings'] == dict(lr=0.1, optimizer='AdamW')


@pytest.mark.filterwarnings('ignore')  # of sparse, nested and quantized tensors
@pytest.mark.parametrize('form', REFUSED)
def test_refused_in_a_sentence(place, form):
    content = whole()
    REFUSED[form](content)
    file = saved(content)
    with pytest.raises(UserError, match=r'epoch_1\.pth') as error:
        rebuild_checkpoint(load_from_file(file, 'cpu'), file)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 600
    for use in (read_state_dict, checkpoint_classes):  # the other ways to read it end in a sentence, too, or harmlessly
        with suppress(UserError):
            use(file)


def config(work_dir) -> Config:
    return Config(dict(work_dir=str(work_dir), default_hooks={}, model=dict(backbone=dict())))


@pytest.mark.parametrize('form', ['flipped bit', 'epoch -1', 'weights nan', 'optimizer nan', 'calls', 'deep'])
def test_the_newest_file_of_a_work_dir_is_skipped_if_it_is_refused(place, form):
    good, bad = whole(), whole()
    torch.save(good, place / 'epoch_1.pth')
    REFUSED.get(form, dict)(bad)
    torch.save(bad, place / 'epoch_2.pth')
    if form == 'flipped bit':
        content = bytearray((place / 'epoch_2.pth').read_bytes())
        content[content.index(bad['state_dict']['weight'].numpy().tobytes()) + 1] ^= 4
        (place / 'epoch_2.pth').write_bytes(content)
    os.utime(place / 'epoch_1.pth', (0, 0))
    (place / 'last_checkpoint').write_text('epoch_2.pth')
    cfg = config(place)
    set_initial_weights(cfg, None, False, 'auto')
    assert cfg.load_from == str(place / 'epoch_1.pth')
    with pytest.raises(UserError, match=r'epoch_2\.pth'):
        set_initial_weights(config(place), None, False, str(place / 'epoch_2.pth'))


@pytest.mark.parametrize(
    'classes', ['cat', 7, [1, 2], (None,), {'a': 1}, [['a']], b'cat', torch.ones(2), ['a', 1], [], '', np.array([1, 2])]
)
@pytest.mark.parametrize('place_of', ['classes', 'dataset_meta', 'meta'])
def test_no_class_names(classes, place_of, tmp_path):
    meta = dict(classes=classes)
    for key in ('dataset_meta', 'meta'):
        meta = {key: classes if place_of == key else meta}
    torch.save(dict(state_dict={'a': torch.ones(1)}, **meta), tmp_path / 'epoch_1.pth')
    assert checkpoint_classes(str(tmp_path / 'epoch_1.pth')) is None


# Through the commands themselves.


@pytest.fixture(scope='module')
def first(tiny_config, shapes, tmp_path_factory):
    """A work directory after one validated epoch."""
    work_dir = tmp_path_factory.mktemp('first')
    train(
        tiny_config,
        data=str(shapes),
        img_scale=(64, 64),
        epochs=1,
        work_dir=str(work_dir),
        cfg_options={'train_cfg.val_interval': 1},
    )
    return work_dir


def resume(checkpoint, config, data, work_dir):
    return train(
        config,
        data=str(data),
        img_scale=(64, 64),
        epochs=2,
        work_dir=str(work_dir),
        resume=str(checkpoint),
        cfg_options={'train_cfg.val_interval': 1},
    )


def as_if_every_model_were_better(content):
    """The next validation beats this score in any case, and then MMEngine would remove the best checkpoint."""
    content['message_hub']['runtime_info']['best_score'] = -1.0


def test_a_run_that_is_resumed_elsewhere_leaves_the_files_of_the_first(first, tiny_config, shapes, tmp_path):
    content = load_from_file(first / 'epoch_1.pth')
    as_if_every_model_were_better(content)
    shutil.copytree(first, tmp_path / 'first')
    before = sorted(path.name for path in (tmp_path / 'first').glob('*.pth'))
    assert len(before) == 2
    assert any(name.startswith('best_') for name in before)
    content['message_hub']['runtime_info']['best_ckpt'] = str(next((tmp_path / 'first').glob('best_*')))
    torch.save(content, tmp_path / 'first' / 'epoch_1.pth')
    resume(tmp_path / 'first' / 'epoch_1.pth', tiny_config, shapes, tmp_path / 'second')
    assert sorted(path.name for path in (tmp_path / 'first').glob('*.pth')) == before
    assert len(list((tmp_path / 'second').glob('best_*.pth'))) == 1
    assert load_from_file(tmp_path / 'second' / 'epoch_2.pth')['meta']['epoch'] == 2


def test_everything_that_mmengine_would_execute_or_remove(place, first, tiny_config, shapes):
    precious = str(place.parent / 'precious')
    content = load_from_file(first / 'epoch_1.pth')
    as_if_every_model_were_better(content)
    content['meta'].update(config=TOUCH, cfg=f'a = {TOUCH}\n{content["meta"]["cfg"]}')
    content['message_hub']['runtime_info'].update(
        cfg=TOUCH, best_ckpt=precious, last_ckpt=precious, keep_ckpt_ids=['/../../precious/best'] * 9
    )
    file = saved(content)
    result = resume(file, tiny_config, shapes, place.parent / 'run')
    assert result.checkpoint.name == 'epoch_2.pth'
    assert 'precious' not in str(result)
    evaluate(file, config=tiny_config, data=str(shapes), img_scale=(64, 64), work_dir='tested')
    train(tiny_config, data=str(shapes), img_scale=(64, 64), iters=1, work_dir='new', weights=file)
    convert_weights(file, 'plain.pth')


def test_weights_that_are_not_finite(place, first, tiny_config, shapes):
    content = load_from_file(first / 'epoch_1.pth')
    content['state_dict']['backbone.stem.proj.weight'][0, 0, 0, :2] = float('nan')
    content['state_dict']['bbox_head.retina_cls.bias'][3] = float('inf')
    file = saved(content)
    message = (
        r'epoch_1\.pth was not loaded: 2 of its \d+ weights are not finite \(NaN or infinite\), the first of '
        r'them backbone\.stem\.proj\.weight in 2 of 1176 values'
    )
    options = dict(data=str(shapes), img_scale=(64, 64))
    with pytest.raises(UserError, match=message):
        train(tiny_config, **options, epochs=2, work_dir='run', resume=file)
    with pytest.raises(UserError, match=message):
        train(tiny_config, **options, epochs=2, work_dir='run', weights=file)
    with pytest.raises(UserError, match=message):
        evaluate(file, config=tiny_config, **options, work_dir='run')
    with pytest.raises(UserError, match=message):
        convert_weights(file, 'plain.pth')
    assert not Path('plain.pth').exists()


def test_a_checkpoint_of_another_model_is_not_resumed(place, first, tiny_config, shapes):
    content = load_from_file(first / 'epoch_1.pth')
    content['state_dict']['backbone.stem.proj.bias'] = torch.ones(9)
    with pytest.raises(UserError, match=r'epoch_1\.pth (cannot be resumed: it )?is of another model'):
        resume(saved(content), tiny_config, shapes, 'run')
