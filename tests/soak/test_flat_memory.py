"""Long training runs and long predictions need no more memory, files, threads or processes as they go on."""

import os
import sys
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from mmbackbones.apis import train
from mmbackbones.cli import main
from mmbackbones.datasets.shapes import generate_shapes
from mmbackbones.visualization.curves import save_curves
from tests.helpers.kill import fork, start_logged
from tests.helpers.process_state import growth, states_of

pytestmark = pytest.mark.soak

COUNT = int(os.environ.get('SOAK_COUNT', '2000'))
FLAT = 1.02
HANDLES = ('files', 'threads', 'processes')
MODELS = {'RetinaNet': 'tiny_config', 'Mask R-CNN': 'tiny_mask_config', 'UperNet': 'tiny_seg_config'}


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """40 images to train on, 64 pixels wide and high."""
    return generate_shapes(tmp_path_factory.mktemp('data') / 'shapes', num_train=40, num_val=8, size=64)


def run(*arguments) -> None:
    sys.argv = ['mmbackbones', *map(str, arguments)]
    main()


def check_flat(name: str, command: list, log: Path, record_property) -> None:
    """Run a command, and check that it needs no more in its end than in its beginning."""
    process = start_logged(partial(run, *command), log)
    states = states_of(process)
    assert process.exitcode == 0, log.read_text()
    memory, *others = (growth(states, kind) for kind in ('memory', *HANDLES))
    held = ', '.join(f'{most:g} {kind}' for (_, most), kind in zip(others, HANDLES, strict=True))
    growing = 100 * (memory[1] / memory[0] - 1)
    record_property('figure', f'{name}: {memory[0]:.1f} to {memory[1]:.1f} MiB ({growing:.2f} %), {held}')
    assert memory[1] <= FLAT * memory[0]
    assert [least for least, _ in others] == [most for _, most in others]


# By epochs there are 100 passes through the data, all loaded by the same workers.
LENGTHS = {'iterations': ('--iters', COUNT), 'epochs': ('--epochs', COUNT // 20)}


@pytest.mark.parametrize(
    ('model', 'unit'),
    [('RetinaNet', 'epochs'), ('UperNet', 'iterations'), ('Mask R-CNN', 'epochs'), ('RetinaNet', 'iterations')],
)
def test_training(model, unit, request, images, tmp_path, monkeypatch, record_property):
    """2,000 iterations with two data workers, and a validation, a checkpoint and curves every 100."""
    monkeypatch.setattr('mmbackbones.engine.results_hook.save_curves', save_curves)
    every = 100 if unit == 'iterations' else 5
    config = request.getfixturevalue(MODELS[model])
    command = ['train', config, '--data', images, '--img-scale', 64, 64, '--work-dir', tmp_path / 'run', *LENGTHS[unit]]
    command += ['--cfg-options', 'train_dataloader.num_workers=2', f'train_cfg.val_interval={every}']
    command += [f'default_hooks.checkpoint.interval={every}']
    name = f'{COUNT} iterations of {model} by {unit}'
    check_flat(name, command, tmp_path / 'output', record_property)


@pytest.fixture(scope='module')
def many(tmp_path_factory):
    """A folder of 2,000 images: ten of different sizes, again and again."""
    folder = tmp_path_factory.mktemp('many')
    sizes = generate_shapes(tmp_path_factory.mktemp('data') / 'shapes', num_train=10, num_val=1, size=128)
    for number, path in enumerate(sorted((sizes / 'images/training').iterdir())):
        with Image.open(path) as image:
            image.resize((64 + 8 * number, 128 - 8 * number)).save(folder / f'{number:04}.jpg')
    for number in range(10, COUNT):
        (folder / f'{number:04}.jpg').hardlink_to(folder / f'{number % 10:04}.jpg')
    return folder


@pytest.mark.parametrize(
    ('model', 'form'),
    [('RetinaNet', 'checkpoint'), ('UperNet', 'checkpoint'), ('Mask R-CNN', 'checkpoint'), ('RetinaNet', 'ONNX')],
)
def test_predictions(model, form, request, images, many, tmp_path, record_property):
    """Of 2,000 images, drawn and written, by a checkpoint and by an exported file."""
    config = request.getfixturevalue(MODELS[model])
    trained = train(config, data=images, img_scale=(64, 64), iters=2, work_dir=tmp_path / 'run').checkpoint
    if form == 'ONNX':
        trained = tmp_path / 'model.onnx'
        assert not fork(partial(run, 'export', next((tmp_path / 'run').glob('iter_2.pth')), trained))
    command = ['predict', trained, many, '--out', tmp_path / 'found', '--score-thr', 0.01]
    check_flat(f'{COUNT} predictions of {model}, {form}', command, tmp_path / 'output', record_property)
