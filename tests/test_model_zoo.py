"""The metadata is complete, agrees with published figures, and is what the documentation says."""

from pathlib import Path

import pytest

from mmbackbones.analysis.complexity import build_release
from mmbackbones.errors import UserError
from mmbackbones.model_zoo.counts import count, recount_all, with_release_info
from mmbackbones.model_zoo.frameworks import FRAMEWORKS, METRICS
from mmbackbones.model_zoo.metadata import (
    HEADER,
    metafiles,
    read_metafile,
    read_models,
    update_index,
    write_metafile,
)
from mmbackbones.model_zoo.tables import insert_readme_table, render_page, render_readme_table, write_tables
from mmbackbones.weights import RELEASES

ROOT = Path(__file__).parents[1]
ZOO = read_models()
# Published figures that differ from those of the authors' own configs, or leave something out: see the notes.
OTHERWISE = {'upernet_van_b5', 'retinanet_sasa_r50_150e', 'retinanet_sasa_r50_full_150e'}


def test_every_config_and_every_release_has_an_entry():
    configs = {
        path.stem: f'configs/{path.name}' for path in (ROOT / 'configs').glob('*.py') if not path.stem.endswith('_demo')
    }
    assert {name: model['Config'] for name, model in ZOO.items() if 'Config' in model} == configs
    assert {name for name, model in ZOO.items() if 'Config' not in model} == set(RELEASES)


@pytest.mark.parametrize('name', RELEASES)
def test_releases_are_as_in_the_table_of_releases(name):
    assert with_release_info(ZOO[name]) == ZOO[name]
    assert ('Weights' in ZOO[name], 'Results' in ZOO[name]) == (bool(RELEASES[name].url), bool(RELEASES[name].top1))


@pytest.mark.parametrize('name', ['transcnn-t', 'hatnet-s', 'van-b4-22k'])
def test_counts_of_releases(name):
    metadata = ZOO[name]['Metadata']
    assert count(build_release(name), metadata['Input Size']).items() <= metadata.items()


def test_recounting_writes_counts_and_releases(tmp_path, monkeypatch):
    entry = ZOO['hatnet-t']
    wrong = {**entry, 'Metadata': {**entry['Metadata'], 'Parameters': 1, 'FLOPs': 1}, 'Weights': 'elsewhere'}
    write_metafile(tmp_path / 'metafile.yml', {'Collections': [], 'Models': [wrong]})
    monkeypatch.setattr('mmbackbones.model_zoo.counts.metafiles', lambda: [tmp_path / 'metafile.yml'])
    assert list(recount_all()) == ['hatnet-t']
    assert read_metafile(tmp_path / 'metafile.yml') == {'Collections': [], 'Models': [entry]}


@pytest.mark.parametrize('path', metafiles(), ids=lambda path: path.parent.name)
def test_metafiles_are_as_they_would_be_written(path, tmp_path):
    write_metafile(tmp_path / 'metafile.yml', read_metafile(path))
    text = path.read_text(encoding='utf-8')
    assert text == (tmp_path / 'metafile.yml').read_text(encoding='utf-8')
    assert text.startswith(HEADER)


def test_the_index_lists_every_metafile(tmp_path):
    assert sorted(metafiles()) == sorted((ROOT / 'configs').glob('*/metafile.yml'))
    before = (ROOT / 'model-index.yml').read_text(encoding='utf-8')
    (tmp_path / 'model-index.yml').write_text(before, encoding='utf-8')
    for family in ('sasa', 'van', 'newvit'):
        (tmp_path / 'configs' / family).mkdir(parents=True)
        (tmp_path / 'configs' / family / 'metafile.yml').touch()
    update_index(tmp_path)
    after = (tmp_path / 'model-index.yml').read_text(encoding='utf-8')
    assert after == f'{before}  - configs/newvit/metafile.yml\n'


def test_every_config_belongs_to_one_framework():
    for name, model in ZOO.items():
        assert sum(framework.includes(model) for framework in FRAMEWORKS) == ('Config' in model), name


def published_with(figure):
    return [name for name, model in ZOO.items() if figure in model.get('Published', {}) and name not in OTHERWISE]


@pytest.mark.parametrize('name', published_with('Parameters (M)'))
def test_counted_parameters_are_the_published_ones(name):
    published = ZOO[name]['Published']['Parameters (M)']
    last_digit = 10.0 ** -len(f'{published}'.partition('.')[2])
    assert ZOO[name]['Metadata']['Parameters'] / 1e6 == pytest.approx(published, abs=0.51 * last_digit)


@pytest.mark.parametrize('name', published_with('FLOPs (G)'))
def test_counted_multiply_adds_are_close_to_the_published_ones(name):
    """HAT-Net's are published without the products of attention."""
    published = ZOO[name]['Published']['FLOPs (G)']
    assert ZOO[name]['Metadata']['FLOPs'] / 1e9 == pytest.approx(published, rel=0.07 if 'hatnet' in name else 0.041)


def test_published_results_have_a_known_metric_and_a_source():
    for model in ZOO.values():
        assert {metric for result in model.get('Results', ()) for metric in result['Metrics']} <= set(METRICS)
        assert 'Results' not in model or model['Published']['Source']


def test_documentation_is_up_to_date(tmp_path):
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'README.md').write_text((ROOT / 'README.md').read_text(encoding='utf-8'), encoding='utf-8')
    write_tables(ZOO, tmp_path)
    for path in ('README.md', 'docs/model_zoo.md'):
        written, here = ((root / path).read_text(encoding='utf-8') for root in (tmp_path, ROOT))
        assert written == here, f'{path} is not what tools/model_zoo.py makes of the metadata'


def test_counted_and_published_have_columns_of_their_own():
    text = render_page(
        {
            'retinanet_van_x': {
                'Name': 'retinanet_van_x',
                'Config': 'configs/retinanet_van_x.py',
                'Metadata': {'Backbone': 'VAN-X', 'Input Size': '8x9', 'Parameters': 1_500_000, 'FLOPs': 2_500_000_000},
                'Results': [{'Task': 'Object Detection', 'Dataset': 'COCO', 'Metrics': {'box AP': 50.1}}],
                'Published': {'Source': 'nowhere', 'FLOPs (G)': 3},
            }
        }
    )
    assert '| VAN-X | 1.50 | - | 8x9 | 2.50 | 3 | 50.1 | nowhere |' in text


def test_a_model_that_is_not_counted_yet(tmp_path):
    model = {'Name': 'retinanet_van_x', 'Config': 'configs/retinanet_van_x.py', 'Metadata': {'Input Size': '8x9'}}
    with pytest.raises(UserError, match=r'retinanet_van_x has not been counted yet: run mmbackbones model-zoo --count'):
        write_tables({model['Name']: model}, tmp_path)


def test_the_readme_table_has_a_row_for_each_backbone_with_published_figures():
    def model(name, backbone, parameters=1, **metrics):
        return {
            'Name': name,
            'Config': f'configs/{name}.py',
            'Metadata': {'Backbone': backbone, 'Parameters': parameters},
            **({'Results': [{'Metrics': metrics}]} if metrics else {}),
        }

    models = [
        model('retinanet_x_t', 'X-T', 2_000_000),
        model('mask_rcnn_x_t', 'X-T', **{'box AP': 40.1, 'mask AP': 37.0}),
        model('cascade_mask_rcnn_x_t', 'X-T', **{'box AP': 50.0}),
        model('retinanet_x_s', 'X-S'),
    ]
    table = render_readme_table({entry['Name']: entry for entry in models})
    assert '| X-T | `retinanet_x_t` | 2.00 | - | - | 40.1 / 37.0 | - | - |' in table
    assert 'X-S' not in table


def test_command_line(tmp_path, monkeypatch, tool):
    """It leaves a clean clone unchanged, and counts only with --count."""
    paths = ['README.md', 'docs/model_zoo.md', 'docs/data_formats.md', 'model-index.yml']
    paths += [path.relative_to(ROOT).as_posix() for path in metafiles()]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    monkeypatch.setattr('mmbackbones.model_zoo.counts.recount_all', lambda: iter(['van-b0', 'van-b1']))
    for arguments, out in (([], ''), (['--count'], 'van-b0\nvan-b1\n')):
        monkeypatch.setattr('mmbackbones.utils.config_files.metadata_folder', lambda: tmp_path)
        assert tool('model-zoo', *arguments) == (0, out, '')
        assert all((tmp_path / path).read_bytes() == (ROOT / path).read_bytes() for path in paths)


def test_a_readme_without_the_comments_around_the_table():
    with pytest.raises(UserError, match=r'README.md must have one line .*made by tools/model_zoo.py'):
        insert_readme_table('# nothing\n', ZOO)
