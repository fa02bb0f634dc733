"""The tables of the documentation, generated from the metadata."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..utils.markdown import table
from ..weights import RELEASES, Release
from .frameworks import CLASSIFICATION_METRIC, FRAMEWORKS, METRICS

Model = dict[str, Any]  # an entry of the metadata

_BEGIN, _END = '<!-- made by tools/model_zoo.py -->', '<!-- end of what tools/model_zoo.py makes -->'
_INTRODUCTION = """\
# Model zoo

Generated from the metadata in `configs/*/metafile.yml` by `mmbackbones model-zoo`; edit that, not this page.

- **Counted** figures are those of the networks of this package: all parameters, including auxiliary heads and
  classifiers, and the multiply-adds of one image of the given height x width. A multiply-add counts as 1; convolutions,
  linear layers and both products of each attention count, nothing else. Two-stage detectors get 1000 regions for boxes
  and 100 for masks, as in MMDetection's own count. `mmbackbones flops NAME --shape H W` counts at another size.
- **Published** figures are those of the authors' model, from the source in the last column; a dash means that there are
  none. Nobody has retrained these models with this code yet, so there are no accuracies of our own.

Agreement with published counts: within 1.5 % for VAN's detectors and segmentors, within 0.4 % for most of them. The
difference fits the counters of MMDetection and MMSegmentation at that time, which add norms and activations. HAT-Net's
published FLOPs leave out the two products of attention; without them its four networks agree within 1.6 %. Dual-ViT's
published FLOPs include them. The paper on stand-alone self-attention counts a multiplication and an addition as 2
([more](sasa.md)).
"""
_LAST = """\
Files "from this page" must be downloaded manually; [weights](weights.md) says where to put them.

## In an installed wheel

`pip wheel .` packs configs and metadata into `mmbackbones/.mim/`, where OpenMMLab's `mim` looks for them:
`mim search mmbackbones --config mask_rcnn_van_b`. In Python, `mmbackbones.get_config('mask_rcnn_van_b')` reads a config
and `mmbackbones.config_path` says where it is, in a wheel and in an editable install alike; `mim` knows wheels only.
"""
_README_INTRODUCTION = """\
All models, with multiply-adds and the source of each figure, are in the [model zoo](docs/model_zoo.md). Accuracies are
those that the authors published; VAN's with UperNet use several scales and flips.
"""
_COUNTS = ('parameters, M: counted', 'published', 'image', 'multiply-adds, G: counted', 'published')


def _published(model: Model, metric: str) -> float | None:
    for result in model.get('Results', ()):
        if metric in result['Metrics']:
            return result['Metrics'][metric]
    return None


def _cell(value: object) -> str:
    return '-' if value is None else str(value)


def _counted(number: int, unit: float) -> str:
    return f'{number / unit:.1f}' if number >= 100 * unit else f'{number / unit:.2f}'


def _counts(model: Model) -> list[str]:
    counted, published = model['Metadata'], model.get('Published', {})
    return [
        _counted(counted['Parameters'], 1e6),
        _cell(published.get('Parameters (M)')),
        counted['Input Size'],
        _counted(counted['FLOPs'], 1e9),
        _cell(published.get('FLOPs (G)')),
    ]


def _source(model: Model) -> str:
    return '; '.join(filter(None, (model.get('Published', {}).get('Source'), model.get('Note')))) or '-'


def _file(release: Release) -> str:
    if release.url:
        return f'[{release.file}]({release.url})'
    page, _, note = release.page.partition(' ')
    return ' '.join(filter(None, (f'{release.file} from [this page]({page})', note)))


def _releases(models: Iterable[Model]) -> str:
    columns = ['checkpoint', 'network', 'trained on', *_COUNTS, f'published {CLASSIFICATION_METRIC}']
    rows = []
    for model in models:
        release = RELEASES[model['Name']]
        network = [f'`{release.name}`', f'`{release.family}` `{release.arch}`', release.data]
        top1 = _cell(_published(model, CLASSIFICATION_METRIC))
        rows.append([*network, *_counts(model), top1, _source(model), _file(release), release.license or 'not stated'])
    return table([*columns, 'source of published figures', 'file', 'license'], rows)


def _configs(models: Iterable[Model], metrics: Sequence[str]) -> str:
    columns = ['config', 'backbone', *_COUNTS, *(f'published {metric}' for metric in metrics)]
    rows = [
        [
            f'[`{model["Name"]}`](../{model["Config"]})',
            model['Metadata']['Backbone'],
            *_counts(model),
            *(_cell(_published(model, metric)) for metric in metrics),
            _source(model),
        ]
        for model in models
    ]
    return table([*columns, 'source of published figures'], rows)


def render_page(models: dict[str, Model]) -> str:
    """The text of docs/model_zoo.md."""
    releases = _releases(model for model in models.values() if 'Config' not in model)
    sections = [_INTRODUCTION, f'## ImageNet: released checkpoints\n\n{releases}']
    for framework in FRAMEWORKS:
        configs = _configs(filter(framework.includes, models.values()), framework.metrics)
        sections.append(f'## {framework.title}\n\n{configs}')
    return '\n'.join((*sections, _LAST))


def render_readme_table(models: dict[str, Model]) -> str:
    """The README's table: a row for each backbone that anything is published of."""
    columns: dict[str, Callable[[Model], bool]] = {'ImageNet top-1': lambda model: 'Config' not in model}
    columns |= {entry.readme_column: entry.includes for entry in FRAMEWORKS if entry.readme_column}
    example, *_ = FRAMEWORKS
    rows = []
    for backbone in dict.fromkeys(model['Metadata']['Backbone'] for model in models.values()):
        own = [model for model in models.values() if model['Metadata']['Backbone'] == backbone]
        cells = [_all_published(filter(includes, own)) for includes in columns.values()]
        if set(cells) != {'-'}:
            config = max(filter(example.includes, own), key=lambda model: 'Results' in model)
            rows.append([backbone, f'`{config["Name"]}`', _counted(config['Metadata']['Parameters'], 1e6), *cells])
    headings = ['backbone', 'RetinaNet', 'its parameters, M: counted', *(f'{name}: published' for name in columns)]
    return f'{_README_INTRODUCTION}\n{table(headings, rows)}'


def _all_published(models: Iterable[Model]) -> str:
    """All metrics of the first of `models` that has any."""
    for model in models:
        values = [value for metric in METRICS if (value := _published(model, metric)) is not None]
        if values:
            return ' / '.join(map(str, values))
    return '-'


def insert_readme_table(text: str, models: dict[str, Model]) -> str:
    """The README's `text` with a table of the present metadata.

    Raises:
        UserError: The README lacks the two comments that the table stands between.
    """
    parts = re.split(f'{re.escape(_BEGIN)}|{re.escape(_END)}', text)
    if len(parts) != 3:
        raise UserError(f'README.md must have one line {_BEGIN!r} and, below it, one line {_END!r}')
    return f'{parts[0]}{_BEGIN}\n{render_readme_table(models)}{_END}{parts[2]}'


def write_tables(models: dict[str, Model], root: Path) -> None:
    """Write docs/model_zoo.md and the README's table of the clone at `root`.

    Raises:
        UserError: A model has not been counted yet, or the README lacks the two comments that the table stands between.
    """
    for model in models.values():
        if not {'Parameters', 'FLOPs'} <= model['Metadata'].keys():
            raise UserError(f'{model["Name"]} has not been counted yet: run mmbackbones model-zoo --count')
    text = insert_readme_table((root / 'README.md').read_text(encoding='utf-8'), models)
    (root / 'README.md').write_text(text, encoding='utf-8')
    (root / 'docs' / 'model_zoo.md').write_text(render_page(models), encoding='utf-8')
