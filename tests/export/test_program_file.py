"""Programs of torch.export: what is read of a file that a stranger may have written."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from mmbackbones.errors import UserError
from mmbackbones.export.program_file import read_program, read_program_entries, write_program

pytestmark = pytest.mark.slow


class Attack:
    def __reduce__(self):
        return Path.touch, (Path('PWNED'),)


class Graph(nn.Module):
    """One with sizes that are computed."""

    output_names = ('means', 'doubled')

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, stride=2)

    def forward(self, image):
        found = self.conv(image)
        return found.mean((2, 3)) * (image.shape[2] // 2), nn.functional.interpolate(found, size=image.shape[2:])


@pytest.fixture(scope='module')
def sound(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('program') / 'sound.pt2'
    write_program(Graph().eval(), path, dict(mmbackbones='{}', classes='[]'), None)
    return path


@pytest.fixture
def changed(sound, tmp_path, monkeypatch):
    """Writes the file with other parts in it."""
    monkeypatch.chdir(tmp_path)

    def write(**parts) -> str:
        with zipfile.ZipFile(sound) as old, zipfile.ZipFile('changed.pt2', 'w') as new:
            given = {name.partition('/')[2]: old.read(name) for name in old.namelist()}
            for name, content in (given | parts).items():
                new.writestr(f'changed/{name}', content)
        return 'changed.pt2'

    yield write
    assert not Path('PWNED').exists()


def described(sound: Path) -> dict:
    with zipfile.ZipFile(sound) as archive:
        return json.loads(archive.read('sound/models/model.json'))


def test_what_is_written_is_read(sound):
    run, inputs, outputs = read_program(str(sound))
    assert read_program_entries(str(sound)) == dict(mmbackbones='{}', classes='[]', outputs='["means", "doubled"]')
    assert inputs == {'image': (-1, 3, -1, -1)}
    assert outputs == dict(means=(-1, 4), doubled=(-1, 4, -1, -1))
    for size in ((1, 3, 64, 64), (3, 3, 47, 90)):
        means, doubled = run(torch.randn(size))
        assert means.shape == (size[0], 4)
        assert doubled.shape == (size[0], 4, *size[2:])
    assert str(Path(__file__).parent).encode() not in sound.read_bytes()


@pytest.mark.parametrize(
    'target',
    [
        'torch.os.system',
        'torch.ops.aten.from_file.default',
        'torch.ops.load_library',
        'torch.ops.aten.conv2d.default.__globals__',
        '_operator.methodcaller',
        '_operator.attrgetter',
        'torch.hub.load',
        'math.__loader__',
        '#stranger',
        'builtins.exec',
        1,
    ],
)
def test_other_functions(sound, changed, target):
    program = described(sound)
    program['graph_module']['graph']['nodes'][0]['target'] = target
    with pytest.raises(UserError, match='more than a computation: it calls'):
        read_program(changed(**{'models/model.json': json.dumps(program)}))


@pytest.mark.parametrize(
    'text',
    [
        "__import__('os').system('touch PWNED')",
        "Symbol('s0').__class__",
        "exec('1')",
        "Symbol('x; y')",
        'Integer(1)' + '+1' * 10_000,
        "Symbol('s0', positive=open('a'))",
        'lambda: 1',
        '[1 for x in ()]',
        "Symbol('s0')\n",
    ],
)
def test_sizes_that_are_programs(sound, changed, text):
    program = described(sound)
    sizes = program['graph_module']['graph']['sym_int_values']
    next(value for value in sizes.values() if 'as_expr' in value)['as_expr']['expr_str'] = text
    file = changed(**{'models/model.json': json.dumps(program)})
    if text == "Symbol('s0')\n":
        return
    with pytest.raises(UserError, match='more than a computation: a size is'):
        read_program(file)


@pytest.mark.parametrize(
    'text',
    [
        "__import__('pathlib').Path('PWNED').touch()",
        "L['image'].size()[2].__class__ == 1",
        "L['image'].device == 1",
        'size.real > 1',
        '9 ** 9 ** 9 > 1',
        'print(1)',
        '1' * 10_000,
        "L['image'].size()[2] > 1; import os",
        "L['image'].size()[2] > 1\n#",
    ],
)
def test_conditions_that_are_programs(sound, changed, text):
    program = described(sound)
    program['guards_code'] = [text]
    with pytest.raises(UserError, match='more than a computation: a condition is'):
        read_program(changed(**{'models/model.json': json.dumps(program)}))


def test_conditions_on_sizes(sound, changed):
    program = described(sound)
    program['guards_code'] = ["(max(1, L['image'].size()[2] // 32) % 2) != 0"]
    run, _, _ = read_program(changed(**{'models/model.json': json.dumps(program)}))
    run(torch.zeros(2, 3, 40, 50))
    with pytest.raises(AssertionError, match='Guard failed'):
        run(torch.zeros(2, 3, 70, 50))


def test_names_that_are_programs(sound, changed):
    program = described(sound)
    program['graph_module']['graph']['nodes'][0]['name'] = 'a = 1; import os'
    with pytest.raises(UserError, match="more than a computation: name is 'a = 1; import os'"):
        read_program(changed(**{'models/model.json': json.dumps(program)}))
    program = described(sound)
    values = program['graph_module']['graph']['tensor_values']
    values['a = 1; import os'] = next(iter(values.values()))
    with pytest.raises(UserError, match="more than a computation: a name is 'a = 1; import os'"):
        read_program(changed(**{'models/model.json': json.dumps(program)}))


def test_what_pytorch_would_run_and_nothing_needs_is_left_out(sound, changed):
    program = described(sound)
    program['graph_module']['module_call_graph'][0]['signature']['in_spec'] = '[1, {"type": "stranger.Type"}]'
    run, _, _ = read_program(
        changed(**{'models/model.json': json.dumps(program), 'data/sample_inputs/model.pt': pickle.dumps(Attack())})
    )
    assert len(run(torch.zeros(2, 3, 40, 50))) == 2


@pytest.mark.parametrize('change', [dict(use_pickle=True), dict(path_name='custom_obj_0'), dict(path_name='../a')])
def test_weights_that_are_pickles(sound, changed, change):
    name = 'data/weights/model_weights_config.json'
    with zipfile.ZipFile(sound) as archive:
        config = json.loads(archive.read(f'sound/{name}'))
    entry = next(iter(config['config'].values()))
    attack = {f'data/weights/{entry["path_name"]}': pickle.dumps(Attack()), 'data/weights/custom_obj_0': b'1'}
    entry.update(change)
    with pytest.raises(UserError, match='is no plain tensor'):
        read_program(changed(**{name: json.dumps(config)}, **attack))


@pytest.mark.parametrize('content', ['', '[]', '{}', '{"graph_module": 1}', '[' * 100_000, 'null', '\x00'])
def test_damage(changed, content):
    with pytest.raises(UserError, match='or it is damaged'):
        read_program(changed(**{'models/model.json': content}))


def test_compressed_without_end(sound, tmp_path):
    path = tmp_path / 'a.pt2'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a/models/model.json', b'0' * (1 << 20))
        archive.writestr('a/extra/mmbackbones', b'0' * (1 << 20))
    for read in (read_program, read_program_entries):
        with pytest.raises(UserError, match='larger than it may be'):
            read(str(path))


def test_a_pickle_with_the_suffix_of_a_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    torch.save(Attack(), buffer)
    Path('a.pt2').write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match='or it is damaged'):
        read_program('a.pt2')
    assert not Path('PWNED').exists()
