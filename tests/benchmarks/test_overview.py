"""The table of everything, at a tiny size, in one process and without a clock."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from mmbackbones.backbones import PyramidBackbone
from mmbackbones.benchmarks import overview
from mmbackbones.benchmarks.authors_form import FORMS
from mmbackbones.benchmarks.authors_form.van import VANForm
from mmbackbones.benchmarks.overview import backbones, models, operators, peak
from mmbackbones.benchmarks.overview.group import Setting
from mmbackbones.benchmarks.table import AUTHORS, AUTHORS_AS_COMMANDS, COMPILED, OURS, Table
from mmbackbones.benchmarks.timing import Timing
from mmbackbones.errors import UserError
from tests.helpers.small_backbones import SMALL

pytestmark = pytest.mark.slow

FULL = Setting('cpu', baseline=True, half=True, compiled=True)
SMALL_VAN = dict(type='VAN', **SMALL['VAN'])


@pytest.mark.parametrize(
    ('setting', 'keys'),
    [
        (Setting(), [('float32', OURS)]),
        (Setting(baseline=True), [('float32', AUTHORS), ('float32', AUTHORS_AS_COMMANDS), ('float32', OURS)]),
        (Setting(half=True, compiled=True), [(p, f) for p in ('float32', 'bfloat16') for f in (OURS, COMPILED)]),
        (Setting('cuda', baseline=True), [('float32', AUTHORS), ('float32', OURS)]),
    ],
)
def test_forms(setting, keys):
    forms = setting.forms(dict, compiled=True, commands=True)
    assert list(forms) == keys
    for (precision, name), form in forms.items():
        kind = AUTHORS if name == AUTHORS_AS_COMMANDS else name
        assert form.make_step() == dict(form=kind, precision=precision, device=setting.device)
        assert form.as_commands == (name != AUTHORS)


def test_a_backbone_in_the_form_that_is_asked_for(monkeypatch):
    seen, compiled = [], []
    for cls in (PyramidBackbone, VANForm):
        forward = cls.forward
        monkeypatch.setattr(
            cls,
            'forward',
            lambda self, x, forward=forward: (
                seen.append((type(self).__name__, getattr(self, 'fused', None), self.training, torch.is_grad_enabled()))
                or forward(self, x)
            ),
        )
    monkeypatch.setattr(PyramidBackbone, 'compile', lambda network, dynamic: compiled.append((network, dynamic)))
    for task in ('inference', 'training'):
        for form in (AUTHORS, OURS, COMPILED):
            backbones.backbone_step(SMALL_VAN, 64, task, form, 'bfloat16', 'cpu')()
    assert seen == [
        ('VANForm', None, False, False),
        ('VAN', True, False, False),
        ('VAN', True, False, False),
        ('VANForm', None, True, True),
        ('VAN', False, True, True),
        ('VAN', False, True, True),
    ]
    assert [dynamic for _, dynamic in compiled] == [True] * 2


@pytest.mark.parametrize('form', [AUTHORS, OURS])
def test_training_steps_give_all_parameters_a_gradient(form, monkeypatch):
    monkeypatch.setattr(torch.nn.Module, 'zero_grad', lambda self: found.append(self))
    found: list = []
    backbones.backbone_step(SMALL_VAN, 64, 'training', form, 'float32', 'cpu')()
    assert all(param.grad is not None for param in found[0].parameters())


def test_groups_of_backbones():
    found = list(backbones.backbone_groups(FULL, [('VAN', SMALL_VAN, 64)]))
    inference, training = found
    assert [group.columns['task'] for group in found] == ['inference', 'training']
    assert 0 < 3 * inference.multiply_adds == training.multiply_adds
    growing = list(backbones.pixel_groups(FULL, [('VAN', SMALL_VAN)], (32, 64)))
    assert [[(group.columns['height'], group.columns['task']) for group in together] for together in growing] == [
        [(32, 'inference'), (64, 'inference')],
        [(32, 'training'), (64, 'training')],
    ]
    assert all(list(group.forms) == [('float32', OURS)] for together in growing for group in together)


def test_every_family_is_measured_at_a_size_that_the_authors_form_takes():
    assert sorted(cfg['type'] for _, cfg, _ in backbones.NETWORKS) == sorted(FORMS)
    sides = {cfg['type']: side for _, cfg, side in backbones.NETWORKS}
    assert sides['TransCNN'] % 128 == sides['HATNet'] % 224 == 0


def small_operators() -> list[operators.Operator]:
    return [
        operators._local_attention(16, 9),
        operators._depthwise(8, 9, 7, dilation=3),
        operators._depthwise(8, 9, 5),
        operators._hierarchical(64, 16),
        operators._single_group_norm(8, 9),
    ]


@pytest.mark.parametrize('operator', small_operators(), ids=lambda operator: operator.name)
def test_operators_of_both_forms_do_the_same(operator, monkeypatch):
    outs, grad = [], torch.autograd.grad
    monkeypatch.setattr(torch.autograd, 'grad', lambda *args: outs.append(grad(*args)))
    for form in (AUTHORS, OURS):
        operators.operator_step(operator, 'inference', form, 'float32', 'cpu')()
        operators.operator_step(operator, 'training', form, 'float32', 'cpu')()
    theirs, ours = outs
    torch.testing.assert_close(theirs, ours, rtol=1e-3, atol=1e-4)


def test_operators_in_bfloat16(monkeypatch):
    grad = torch.autograd.grad
    for operator in small_operators():
        seen = []
        monkeypatch.setattr(torch.autograd, 'grad', lambda y, *args, seen=seen: seen.append(y.dtype) or grad(y, *args))
        operators.operator_step(operator, 'training', OURS, 'bfloat16', 'cpu')()
        assert seen == [torch.bfloat16], operator.name


def test_operators_are_those_of_the_first_stages():
    names = [operator.name for operator in operators.operators()]
    assert len(set(names)) == len(names) == 6
    assert all(operator.multiply_adds or 'norm' in operator.name for operator in operators.operators())


def test_layouts_of_operators(monkeypatch):
    seen = []
    conv2d = F.conv2d
    monkeypatch.setattr(F, 'conv2d', lambda x, *args, **kw: seen.append(x.is_contiguous()) or conv2d(x, *args, **kw))
    operator = operators._depthwise(8, 9, 3)
    for form in (AUTHORS, OURS):
        seen.clear()
        operators.operator_step(operator, 'inference', form, 'float32', 'cpu')()
        assert set(seen) == {form == AUTHORS}


@pytest.fixture
def in_one_process(monkeypatch):
    def take_turns(forms, device, **options):
        for form in forms.values():
            form.make_step()()
        return {key: Timing((8.0 / (1 + place),), 10**6) for place, key in enumerate(forms)}

    monkeypatch.setattr(overview, 'take_turns', take_turns)
    monkeypatch.setattr(overview, 'matrix_products', partial(peak.matrix_products, side=8))


@pytest.mark.parametrize('name', ['mask_rcnn_van_t_demo', 'upernet_van_t_demo'])
def test_models(name, in_one_process, monkeypatch):
    monkeypatch.setattr(models, 'build', partial(build_demo, name))
    monkeypatch.setattr(models, 'measure_complexity', counted)
    table = Table('cpu')
    setting = Setting(baseline=True, half=True)
    overview.measure(table, setting, ([group] for group in models.model_groups(setting, [(name, (64, 96))])))
    rows = [row for row in table.rows if row['network'] == name]
    assert [(row['task'], row['precision'], row['form']) for row in rows] == [
        (task, *key)
        for task in ('inference', 'training')
        for key in (('float32', AUTHORS), ('float32', OURS), ('bfloat16', OURS))
    ]
    assert [row['times_faster'] for row in rows] == ['1.00', '2.00', '3.00'] * 2
    assert all((row['share_of_peak'] == '') == name.startswith('mask') for row in rows)


def counted(*args):
    return SimpleNamespace(multiply_adds=7)


def build_demo(name: str, detector: str, backbone: str):
    from mmbackbones.benchmarks.gpu import networks

    found = networks.read_config(name)
    networks.register_mmdet(init_default_scope=False)
    networks.register_mmseg(init_default_scope=False)
    networks.init_default_scope(found.default_scope)
    found.model.backbone.init_cfg = None
    found.model.backbone.drop_path_rate = 0.0
    return networks.MODELS.build(found.model)


def test_shares_of_the_peak(in_one_process):
    """8^3 multiply-adds took 8 ms in float32 and 4 in bfloat16."""
    table, setting = Table('cpu'), Setting(half=True)
    group = overview.Group(dict(network='n', task='inference'), setting.forms(nothing), multiply_adds=8**3)
    overview.measure(table, setting, [[group, group]])
    assert [(row['precision'], row['share_of_peak']) for row in table.rows] == [
        ('float32', '1.00'),
        ('bfloat16', '1.00'),
        ('float32', '1.00'),
        ('bfloat16', '1.00'),
        ('float32', '3.00'),  # the third and the fourth to take their turns
        ('bfloat16', '2.00'),
    ]


def nothing(**kwargs):
    return lambda: None


def test_everything_is_in_the_table(monkeypatch):
    monkeypatch.setattr(backbones, 'count', lambda *args: 7)
    monkeypatch.setattr(models, 'measure_complexity', counted)
    kinds = [group.columns['network'] for together in overview.groups(FULL) for group in together]
    assert list(dict.fromkeys(kinds)) == ['backbone', 'operator', *(name for name, _ in models.MODELS), 'growing image']


@pytest.mark.parametrize(
    ('arguments', 'options'),
    [
        ([], {}),
        (['--baseline', 'authors-form', '--compile'], dict(baseline='authors-form', compiled=True)),
        (['--device', 'cuda'], dict(device='cuda')),
    ],
)
def test_command_line(arguments, options, tool, monkeypatch):
    asked = []

    def run(device='cpu', baseline=None, compiled=False):
        asked.append(dict(device=device, baseline=baseline, compiled=compiled))

    monkeypatch.setattr(overview, 'run', run)
    code, _, _ = tool('benchmark', *arguments)
    assert (code, asked) == (0, [dict(device='cpu', baseline=None, compiled=False) | options])


def test_other_benchmarks_have_no_baseline(tool):
    code, _, err = tool('benchmark', 'detectors', '--baseline', 'authors-form')
    assert code == 2
    assert 'the benchmark detectors has no baseline: leave --baseline out' in err


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU here')
def test_without_a_gpu_it_says_so():
    with pytest.raises(UserError, match='CUDA GPU'):
        overview.run(device='cuda')


def test_a_run_writes_table_and_page(in_one_process, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(overview, 'groups', lambda setting: [])
    overview.run(folder=tmp_path)
    (file,) = tmp_path.glob('*.csv')
    assert capsys.readouterr().out.endswith(f'written to {file}\n')
