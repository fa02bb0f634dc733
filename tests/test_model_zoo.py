"""The metadata covers everything, agrees with what it can be held against, and is what the documentation says."""

from pathlib import Path

import pytest

from mmbackbones.analysis.complexity import build_release
from mmbackbones.errors import UserError
from mmbackbones.model_zoo import METRICS, count, page, read_models, recount_all, released, write_tables
from mmbackbones.model_zoo.metadata import read_metafile, write_metafile
from mmbackbones.model_zoo.tables import readme
from mmbackbones.weights import RELEASES

ROOT = Path(__file__).parents[1]
ZOO = read_models()
# Publications that say something else than their authors' own configs, or that do not say all: see the notes.
OTHERWISE = {'upernet_van_b5', 'retinanet_sasa_r50_150e', 'retinanet_sasa_r50_full_150e'}


def test_every_config_and_every_release_has_an_entry():
    configs = {
        path.stem: f'configs/{path.name}' for path in (ROOT / 'configs').glob('*.py') if not path.stem.endswith('_demo')
    }
    assert {name: model['Config'] for name, model in ZOO.items() if 'Config' in model} == configs
    assert {name for name, model in ZOO.items() if 'Config' not in model} == set(RELEASES)


@pytest.mark.parametrize('name', RELEASES)
def test_releases_are_as_in_the_table_of_weights(name):
    assert released(ZOO[name]) == ZOO[name]
    assert ('Weights' in ZOO[name], 'Results' in ZOO[name]) == (bool(RELEASES[name].url), bool(RELEASES[name].top1))


@pytest.mark.parametrize('name', ['transcnn-t', 'hatnet-s', 'van-b4-22k'])
def test_counts_of_releases(name):
    metadata = ZOO[name]['Metadata']
    assert count(build_release(name), metadata['Input Size']).items() <= metadata.items()


def test_counting_anew_writes_counts_and_releases(tmp_path, monkeypatch):
    entry = ZOO['hatnet-t']
    wrong = {**entry, 'Metadata': {**entry['Metadata'], 'Parameters': 1, 'FLOPs': 1}, 'Weights': 'elsewhere'}
    write_metafile(tmp_path / 'metafile.yml', {'Collections': [], 'Models': [wrong]})
    monkeypatch.setattr('mmbackbones.model_zoo.counts.metafiles', lambda: [tmp_path / 'metafile.yml'])
    assert list(recount_all()) == ['hatnet-t']
    assert read_metafile(tmp_path / 'metafile.yml') == {'Collections': [], 'Models': [entry]}


def published_with(figure):
    return [name for name, model in ZOO.items() if figure in model.get('Published', {}) and name not in OTHERWISE]


@pytest.mark.parametrize('name', published_with('Parameters (M)'))
def test_counted_parameters_are_the_published_ones(name):
    published = ZOO[name]['Published']['Parameters (M)']
    last_digit = 10.0 ** -len(f'{published}'.partition('.')[2])
    assert ZOO[name]['Metadata']['Parameters'] / 1e6 == pytest.approx(published, abs=0.51 * last_digit)


@pytest.mark.parametrize('name', published_with('FLOPs (G)'))
def test_counted_multiply_adds_are_near_the_published_ones(name):
    """HAT-Net's are published without the products of attention."""
    published = ZOO[name]['Published']['FLOPs (G)']
    assert ZOO[name]['Metadata']['FLOPs'] / 1e9 == pytest.approx(published, rel=0.07 if 'hatnet' in name else 0.041)


def test_what_is_published_has_a_known_metric_and_a_source():
    for model in ZOO.values():
        assert {metric for result in model.get('Results', ()) for metric in result['Metrics']} <= set(METRICS)
        assert 'Results' not in model or model['Published']['Source']


def test_documentation_is_what_the_metadata_says(tmp_path):
    (tmp_path / 'docs').mkdir()
    (tmp_path / 'README.md').write_text((ROOT / 'README.md').read_text(encoding='utf-8'), encoding='utf-8')
    write_tables(ZOO, tmp_path)
    for path in ('README.md', 'docs/model_zoo.md'):
        written, here = ((root / path).read_text(encoding='utf-8') for root in (tmp_path, ROOT))
        assert written == here, f'{path} is not what tools/model_zoo.py makes of the metadata'


def test_counted_and_published_have_columns_of_their_own():
    text = page(
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


def test_a_readme_without_a_place_for_the_table():
    with pytest.raises(UserError, match=r'README.md must have one line .*made by tools/model_zoo.py'):
        readme('# nothing\n', ZOO)
