"""The command and the tools: their help, and what they say when something is missing or wrong."""

import json
import os
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from mmbackbones import config_path
from mmbackbones.visualization.curves import save_curves
from tests.helpers.tiny_configs import ROOT
from tests.helpers.unreachable import UNREACHABLE

pytestmark = pytest.mark.slow

TOOLS = sorted(path.stem for path in (ROOT / 'tools').glob('*.py'))


def run_python(*arguments, **variables):
    """A fresh interpreter in the repository: (exit code, standard output, standard error)."""
    path = os.pathsep.join([*variables.pop('path', []), str(ROOT)])
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': path},
    )
    return done.returncode, done.stdout, done.stderr


HELP = """
import io, json, os, runpy, sys
from contextlib import redirect_stdout

os.environ['COLUMNS'] = '80'
said = {}
for tool in sys.argv[1:]:
    sys.argv = [f'tools/{tool}.py', '--help']
    with redirect_stdout(io.StringIO()) as out:
        try:
            runpy.run_path(sys.argv[0], run_name='__main__')
        except SystemExit as stop:
            said[tool] = stop.code, out.getvalue(), sorted({'mmdet', 'mmseg'} & set(sys.modules))
print(json.dumps(said))
"""


@pytest.fixture(scope='module')
def helps():
    """What ``--help`` of each tool ends with, says and loads, all in one fresh process."""
    code, out, err = run_python('-c', HELP, *TOOLS)
    assert code == 0, err
    return json.loads(out)


@pytest.mark.parametrize('name', TOOLS)
def test_help_shows_an_example_and_loads_neither_mmdet_nor_mmseg(helps, name):
    code, said, loaded = helps[name]
    assert (code, loaded) == (0, [])
    verb = dict(get_flops='flops').get(name, name.replace('_', '-'))
    assert said.startswith(f'usage: mmbackbones {verb} ')
    assert f'\n    mmbackbones {verb} ' in said or f'    OMP_NUM_THREADS=2 mmbackbones {verb} ' in said


@pytest.mark.parametrize('name', TOOLS)
def test_help_fits_the_terminal(helps, name):
    lines = helps[name][1].splitlines()
    commands = [line for line in lines if line.startswith('    ') and 'mmbackbones ' in line]
    assert max(len(line) for line in lines if line not in commands) <= 80
    assert all(line.split()[0] in ('mmbackbones', 'OMP_NUM_THREADS=2') for line in commands)


def test_usage_names_the_config_before_the_options(helps):
    usages = {name: said.partition('\n')[0] for name, (_, said, _) in helps.items()}
    assert usages['train'] == 'usage: mmbackbones train CONFIG [option ...]'
    assert usages['test'] == 'usage: mmbackbones test [CONFIG] CHECKPOINT [option ...]'


@pytest.mark.parametrize('library', ['torch', 'mmdet'])
def test_ctrl_c_while_a_library_is_imported(tmp_path, tiny_config, library):
    (tmp_path / library).mkdir()
    (tmp_path / library / '__init__.py').write_text(
        'import os, signal\n'
        'signal.signal(signal.SIGINT, signal.default_int_handler)  # which may be ignored in the background\n'
        'os.kill(os.getpid(), signal.SIGINT)\n'
    )
    code, _, err = run_python('tools/train.py', tiny_config, path=[str(tmp_path)])
    assert (code, err) == (130, '\nstopped\n')


@pytest.mark.parametrize('command', [['-m', 'mmbackbones', 'train'], ['tools/train.py']])
def test_without_a_stack_it_says_what_to_install(tmp_path, command):
    """And so does an import, with a traceback; the list of verbs needs none."""
    (tmp_path / 'sitecustomize.py').write_text(
        'import importlib.util\n'
        'find = importlib.util.find_spec\n'
        "importlib.util.find_spec = lambda name, *rest: None if name in ('mmengine', 'mmcv') else find(name, *rest)\n"
    )
    code, out, err = run_python(*command, 'retinanet_van_t', path=[str(tmp_path)])
    assert (code, out) == (2, '')
    assert len(err.splitlines()) == 1
    for words in ('error: ', 'pip install ', '`mmbackbones env`'):
        assert words in err
    code, _, err = run_python('-c', 'import mmbackbones', path=[str(tmp_path)])
    assert code == 1
    assert err.splitlines()[-1].startswith('ImportError: ')
    assert 'pip install' in err
    assert run_python('-m', 'mmbackbones', '--help', path=[str(tmp_path)])[0] == 0


@pytest.mark.parametrize(
    ('config', 'folder', 'parts'),
    [
        ('retinanet_van_b', 'data/coco/', ('train2017', 'annotations')),
        ('upernet_van_t', 'data/ade/ADEChallengeData2016/', ('images/', 'annotations/')),
    ],
)
def test_without_the_configs_own_data_it_says_what_to_put_where(tool, tmp_path, monkeypatch, config, folder, parts):
    monkeypatch.chdir(tmp_path)
    code, _, err = tool('train', config_path(config))
    assert code == 2
    assert len(err.splitlines()) == 1
    for words in (folder, *parts, '--data DIR', '--data shapes'):
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
    code, _, err = tool(
        'train', tiny_config, '--data', shapes, '--iters', 1, '--work-dir', tmp_path, '--cfg-options', *UNREACHABLE
    )
    assert code == 2
    error = err.splitlines()[-1]
    for words in ('http://127.0.0.1:9/no.pth cannot be downloaded', '--weights', '--from-scratch'):
        assert words in error
    assert 'Traceback' not in err


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['none.py'], 'config none.py does not exist'),
        (['CONFIG', '--data', 'nowhere'], 'nowhere does not exist'),
        (['CONFIG', '--data', 'SHAPES', '--img-scale', '16', '16'], 'at least 32x32'),
        (['CONFIG', '--data', 'SHAPES', '--weights', 'none.pth'], 'none.pth does not exist'),
        (['CONFIG', '--data', 'SHAPES', '--amp'], 'this one has no instructions for it'),
        (['CONFIG', '--data', 'SHAPES', '--launcher', 'pytorch'], 'processes started with torchrun'),
        (['CONFIG', '--epochs', '0'], 'at least 1'),
        (['CONFIG', '--lr', '-1'], 'above 0'),
        (['CONFIG', '--seed', '-1'], 'at least 0'),
        (['CONFIG', '--epochs', '1', '--iters', '1'], 'not allowed with'),
        (['CONFIG', '--cfg-options', 'model'], 'key=value'),
        (['CONFIG', '--cfg-options', 'train_pipeline.9.type=1'], 'does not fit'),
    ],
)
def test_wrong_input_is_one_sentence(tool, tiny_config, shapes, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    monkeypatch.setattr('mmbackbones.engine.amp.get_device', lambda: 'cpu')
    monkeypatch.setattr('mmbackbones.engine.amp.cpu_has_bfloat16', lambda: False)
    given = [{'CONFIG': tiny_config, 'SHAPES': shapes}.get(argument, argument) for argument in arguments]
    code, _, err = tool('train', *given)
    assert code == 2
    assert message in err.splitlines()[-1]
    assert 'Traceback' not in err


def test_a_work_dir_is_tried_before_the_data_and_left_as_it_was(tool, tiny_config, shapes, tmp_path, monkeypatch):
    monkeypatch.setattr(
        'mmbackbones.engine.dataset_config.load_detection', lambda *_, **__: pytest.fail('the data is checked')
    )
    (tmp_path / 'file').write_text('')
    code, _, err = tool('train', tiny_config, '--data', shapes, '--work-dir', tmp_path / 'file')
    assert code == 2
    assert err == (
        f'error: the work directory {tmp_path}/file cannot be used: Not a directory; name another with --work-dir\n'
    )
    code, _, err = tool(
        'train', tiny_config, '--data', tmp_path / 'none', '--work-dir', tmp_path / 'run', '--weights', 'none.pth'
    )
    assert code == 2
    assert f'{tmp_path}/none does not exist' in err  # the folder, before the weights
    assert [path.name for path in tmp_path.iterdir()] == ['file']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--batch-size', 9], 'there are 8 training images, and one step would take 9 (9 images per batch)'),
        (['--batch-size', 4, '--accumulate', 3], 'would take 12 (4 images per batch x 3 batches per step)'),
    ],
)
def test_a_batch_larger_than_the_data(tool, tiny_config, shapes, tmp_path, options, message):
    code, _, err = tool('train', tiny_config, '--data', shapes, '--work-dir', tmp_path / 'run', *options)
    assert code == 2
    assert message in err.splitlines()[-1]


@pytest.mark.parametrize('name', ['retinanet', 'semantic_fpn'])
def test_a_single_tiny_image_is_no_batch_for_batch_norm(tool, tiny_config, shapes, tmp_path, monkeypatch, name):
    for kind in ('detection', 'segmentation'):
        monkeypatch.setattr(
            f'mmbackbones.engine.dataset_config.load_{kind}', lambda *_, **__: pytest.fail('the data is checked')
        )
    config = tiny_config if name == 'retinanet' else config_path('semantic_fpn_van_t')
    code, _, err = tool(
        'train', config, '--data', shapes, '--work-dir', tmp_path / 'run', '--batch-size', 1, '--img-scale', 32, 32
    )
    assert code == 2
    assert 'a batch of 1 image of 32x32 pixels is too small' in err.splitlines()[-1]


CROSS_ENTROPY = [
    'model.bbox_head.loss_cls._delete_=True',
    'model.bbox_head.loss_cls.type=CrossEntropyLoss',
    'model.bbox_head.loss_cls.class_weight=[1.0,2.0]',
]


@pytest.mark.parametrize(
    ('config', 'options', 'message'),
    [
        ('tiny_config', [*CROSS_ENTROPY, 'model.bbox_head.loss_cls.use_sigmoid=True'], '4 classes: give 4 values'),
        ('tiny_config', CROSS_ENTROPY, '4 classes and the background: give 5 values'),
        ('tiny_seg_config', ['model.decode_head.loss_decode.class_weight=[1.0,2.0]'], '5 classes: give 5 values'),
    ],
)
def test_class_weights_of_another_number(tool, request, shapes, tmp_path, config, options, message):
    code, _, err = tool(
        'train',
        request.getfixturevalue(config),
        '--data',
        shapes,
        '--work-dir',
        tmp_path / 'run',
        '--cfg-options',
        *options,
    )
    assert code == 2, err
    assert f'has 2 values, but the data has {message}' in err.splitlines()[-1]


def test_the_config_that_was_run_is_left_behind(tool, tiny_config, shapes, tmp_path):
    code, *_ = tool(
        'train',
        tiny_config,
        '--data',
        shapes,
        '--iters',
        2,
        '--work-dir',
        tmp_path,
        '--img-scale',
        64,
        64,
        '--batch-size',
        4,
    )
    assert code == 0
    cfg = Config.fromfile(tmp_path / 'config.py')
    assert cfg.train_cfg.max_iters == 2
    assert all(not scheduler.by_epoch for scheduler in cfg.param_scheduler)
    assert cfg.model.bbox_head.num_classes == 4


def test_test_tool(tool, tiny_config, shapes, tmp_path):
    tool('train', tiny_config, '--data', shapes, '--iters', 1, '--work-dir', tmp_path, '--img-scale', 64, 64)
    code, out, err = tool(
        'test', tiny_config, tmp_path / 'iter_1.pth', '--data', shapes, '--img-scale', 64, 64, '--work-dir', tmp_path
    )
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
    code, said, err = tool('convert-weights', tmp_path / 'resnet.pth', out)
    assert (code, err) == (0, '')
    assert 'SASAResNet 26 in the layout of mmbackbones, backbone alone' in said
    assert "'depth': 26" in said.splitlines()[1]
    assert out.is_file()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'<!DOCTYPE html><html>Sign in</html>', 'is a web page, not a checkpoint'),
        (b'PK\x03\x04', 'is damaged'),
        (b"cos\nsystem\n(S'touch PWNED'\ntR.", 'is not a PyTorch checkpoint that can be loaded safely'),
        (b'', 'is damaged or incomplete'),
    ],
)
def test_convert_weights_of_something_else(tool, tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'in.pth').write_bytes(content)
    code, out, err = tool('convert-weights', 'in.pth', 'out.pth')
    assert (code, out) == (2, '')
    assert message in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ['in.pth']


@pytest.mark.slow
@pytest.mark.parametrize(
    ('kind', 'folder', 'metric'),
    [
        ('box', 'demo', 'bbox_mAP_50'),  # that of masks differs in its config only
        ('seg', 'demo_seg', 'mIoU'),
    ],
)
def test_demo(tool, shapes, tmp_path, monkeypatch, kind, folder, metric):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmbackbones.engine.dataset_config.generate_shapes', lambda: shapes)
    monkeypatch.setattr('mmbackbones.engine.results_hook.save_curves', save_curves)
    code, out, err = tool('demo', kind, '--epochs', 1)
    assert code == 0, err
    work_dir = tmp_path / 'work_dirs' / folder
    for name in ('epoch_1.pth', 'test/metrics.json', 'curves.png', 'predictions.png'):
        assert (work_dir / name).stat().st_size
    figure = json.loads((work_dir / 'test/metrics.json').read_text())[metric]
    assert f'\n{metric}: {figure:.3f}\nmodel work_dirs/{folder}/epoch_1.pth, ' in out
    assert len([path for path in (work_dir / 'predictions').rglob('*') if path.is_file()]) == 4


@pytest.mark.parametrize(
    ('name', 'module'),
    [
        *((name, name) for name in ('contiguous_maps', 'detectors', 'dualvit', 'hierarchical_attention')),
        ('local_attention', 'local_attention'),
        ('dual_vit', 'dualvit'),  # its name before
    ],
)
def test_benchmark(tool, monkeypatch, name, module):
    monkeypatch.setattr(f'mmbackbones.benchmarks.{module}.run', lambda: print('a table'))
    code, out, _ = tool('benchmark', name)
    assert code == 0
    assert out.startswith(f'{module}: PyTorch {torch.__version__}, ')
    assert out.endswith('\na table\n')


@pytest.mark.parametrize('count', [[], ['--count']])
def test_model_zoo(tool, monkeypatch, count):
    done = []
    monkeypatch.setattr('mmbackbones.model_zoo.counts.recount_all', lambda: ['VAN-Tiny'])
    monkeypatch.setattr('mmbackbones.model_zoo.metadata.read_models', lambda: ['a model'])
    monkeypatch.setattr('mmbackbones.model_zoo.tables.write_tables', lambda *arguments: done.append(arguments))
    code, out, _ = tool('model-zoo', *count)
    assert (code, out) == (0, 'VAN-Tiny\n' if count else '')
    assert done == [(['a model'], ROOT)]
