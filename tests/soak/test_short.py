"""The short forms of ``make soak``, for ``make test``."""

from os import getpid
from pathlib import Path
from random import Random
from signal import SIGKILL, SIGTERM

import pytest
import torch

from mmbackbones.apis import load, train
from mmbackbones.weights import load_from_file
from tests.helpers.equal_runs import unequal
from tests.helpers.interrupted_runs import BY_THE_CLOCK, EVERY_FOUR, Trainings
from tests.helpers.process_state import State, look

pytestmark = pytest.mark.slow


def test_two_interruptions(tiny_seg_config, shapes, tmp_path):
    """Of a run in bfloat16 with averaged weights, accumulation and checkpoints by the clock."""
    options = ('--iters', '8', '--amp', '--ema', '--accumulate', '3', *BY_THE_CLOCK, '--cfg-options', *EVERY_FOUR)
    trainings = Trainings('short', tiny_seg_config, options, shapes, tmp_path)
    hits = trainings.interrupt('run', Random(0), 2, (SIGKILL, SIGTERM), share=0.5)
    assert hits
    assert unequal(trainings.whole, tmp_path / 'run') == []
    spoil(tmp_path / 'run')
    found = unequal(trainings.whole, tmp_path / 'run')
    assert found == ['iter_8.pth: .state_dict.decode_head.conv_seg.bias', 'results.csv', 'config.py.partial is left']


def spoil(work_dir: Path) -> None:
    """Change the last bit of one number of a checkpoint, and a row; and leave a file."""
    checkpoint = load_from_file(work_dir / 'iter_8.pth')
    checkpoint['state_dict']['decode_head.conv_seg.bias'].view(torch.int32)[0] ^= 1
    torch.save(checkpoint, work_dir / 'iter_8.pth')
    rows = (work_dir / 'results.csv').read_text()
    (work_dir / 'results.csv').write_text(rows.replace(',8,', ',9,'))
    (work_dir / 'config.py.partial').touch()


def test_predictions_hold_nothing(tiny_config, shapes, tmp_path):
    """No file, no thread, no memory."""
    run = train(tiny_config, data=shapes, img_scale=(64, 64), iters=2, work_dir=tmp_path)
    model, images = load(run.checkpoint), sorted((shapes / 'images').rglob('*.jpg'))
    states = []
    for _ in range(12):
        for image in images:
            list(model.predict(image))
        states.append(look(getpid()))
    assert held(states[2:], rounds=10) == []
    assert states[-1].memory < 1.02 * states[2].memory


@pytest.mark.parametrize(
    ('threads', 'found'), [((5, 5, 4, 4, 4), []), ((4, 5, 5, 5, 5), []), ((4, 5, 6, 7, 8), ['threads'])]
)
def test_what_each_round_leaves_is_found(threads, found):
    """Unlike one thread of the libraries that begins or ends meanwhile: the process has run other tests."""
    assert held([State(100.0, 9, count, 1) for count in threads], rounds=5) == found


def held(states: list[State], rounds: int) -> list[str]:
    """What has grown by at least one for every second round."""
    names = ('files', 'threads', 'processes')
    return [name for name in names if 2 * (getattr(states[-1], name) - getattr(states[0], name)) >= rounds]
