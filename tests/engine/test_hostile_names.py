"""Class names that are something else to a terminal, to rich, to Matplotlib or to OpenCV: only names, all the way."""

import json
import sys
from io import BytesIO, TextIOWrapper

import pytest

from mmbackbones.apis import train
from mmbackbones.cli.exits import run
from mmbackbones.evaluation.summary import print_metrics

pytestmark = pytest.mark.slow

SMALL = ['--img-scale', 64, 64]
BOXES = ('[/b]', '$\\frac$', '\x1b[31mred', '\ud800:smile: \u202e')
MAPS = ('[red]', 'a$b$', '\x1b[2Jclear', 'ünïcode\\x1b', 'x')


@pytest.fixture(scope='module')
def hostile(shapes, tmp_path_factory):
    """The shapes under other names, in folders with such names, too."""
    root = tmp_path_factory.mktemp('[red]')
    (root / 'images').mkdir()
    (root / 'annotations').mkdir()
    for folder in ('training', 'validation'):
        (root / 'images' / folder).symlink_to(shapes / 'images' / folder)
        (root / 'annotations' / folder).symlink_to(shapes / 'annotations' / folder)
    for split in ('train', 'val'):
        content = json.loads((shapes / f'annotations/{split}.json').read_text())
        for category, name in zip(content['categories'], BOXES, strict=True):
            category['name'] = name
        (root / f'annotations/{split}.json').write_text(json.dumps(content))
    (root / 'classes.txt').write_text('\n'.join(MAPS), encoding='utf-8')
    return root


@pytest.mark.parametrize(
    ('config', 'names', 'kinds', 'shown'),
    [
        (
            'tiny_mask_config',
            BOXES,
            ('bbox_AP', 'segm_AP'),
            ['[/b]', '$\\frac$', '\\x1b[31mred', '\\ud800:smile: \\u202e'],
        ),
        ('tiny_seg_config', MAPS, ('IoU', 'Acc'), ['[red]', 'a$b$', '\\x1b[2Jclear', 'ünïcode\\x1b']),
    ],
    ids=['masks', 'label maps'],
)
def test_names_are_escaped_on_screen_and_exact_in_the_file(
    tool, request, hostile, tmp_path, config, names, kinds, shown
):
    config = request.getfixturevalue(config)
    train(config, data=str(hostile), img_scale=(64, 64), iters=1, work_dir=str(tmp_path / 'run'))
    code, out, err = tool(
        'test',
        config,
        tmp_path / 'run/iter_1.pth',
        '--data',
        hostile,
        *SMALL,
        '--work-dir',
        tmp_path / 'out',
        '--show-dir',
        tmp_path / 'shown',
    )
    assert code == 0, err
    metrics = json.loads((tmp_path / 'out/metrics.json').read_text())
    assert {f'{kind}_{name}' for kind in kinds for name in names} <= set(metrics)
    table = out[out.index('┃') :]
    for name in shown:
        assert name in table
    assert not [char for char in out + err if not char.isprintable() and char not in '\n\t']
    assert len(list((tmp_path / 'shown').rglob('*.jpg'))) == 4
    assert 'mmengine' not in out


def test_the_data_check_escapes_names(tool, hostile, tmp_path):
    content = json.loads((hostile / 'annotations/val.json').read_text())
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'images').symlink_to(hostile / 'images')
    for split in ('train', 'val'):
        content['images'][0]['file_name'] = 'no\x1b[31m\n.png'
        (tmp_path / f'annotations/{split}.json').write_text(json.dumps(content))
    code, out, err = tool('check-data', tmp_path)
    assert code == 2
    assert 'no\\x1b[31m\\n.png' in out + err
    assert not [char for char in out + err if not char.isprintable() and char not in '\n\t']


@pytest.mark.parametrize('folder', ['\x1b[31m[/b]', 'a\rb', '\u202e', '\x9b31m'])
def test_errors_escape_what_the_user_named(tool, folder):
    code, out, err = tool('check-data', folder)
    assert (code, out) == (2, '')
    assert folder.encode('unicode_escape').decode() in err
    assert not [char for char in err if not char.isprintable() and char != '\n']


def test_a_terminal_of_few_characters_shows_escapes_for_the_others(monkeypatch):
    stream = BytesIO()
    monkeypatch.setattr('sys.stdout', TextIOWrapper(stream, 'ascii'))
    run(lambda: print_metrics({'IoU_ünï': 0.5}))
    sys.stdout.flush()
    assert b'\\xfcn\\xef' in stream.getvalue()
