"""The tables of the documentation, made of the metadata."""

import re
from pathlib import Path

from ..errors import UserError
from .metadata import METRICS

# Title, start of the names, and the columns of what was published. Checkpoints have no config, and so no such start.
_SECTIONS = (
    ('ImageNet: released checkpoints', None, ('Top 1 Accuracy',)),
    ('RetinaNet on COCO', 'retinanet_', ('box AP',)),
    ('Mask R-CNN on COCO', 'mask_rcnn_', ('box AP', 'mask AP')),
    ('Cascade Mask R-CNN on COCO', 'cascade_mask_rcnn_', ('box AP',)),
    ('UperNet on ADE20K', 'upernet_', ('mIoU', 'mIoU(ms+flip)')),
    ('Semantic FPN on ADE20K', 'semantic_fpn_', ('mIoU',)),
)
_BEGIN, _END = '<!-- made by tools/model_zoo.py -->', '<!-- end of what tools/model_zoo.py makes -->'
_INTRODUCTION = """\
# Model zoo

Made from the metadata in `configs/*/metafile.yml` by `python tools/model_zoo.py`; edit that, not this page.

- **Counted** is what the networks of this package come to: all parameters, those of auxiliary heads and classifiers
  among them, and multiply-adds of one image of the given height x width. A multiply-add is 1; convolutions, linear
  layers and both products of each attention count, nothing else. Two-stage detectors get 1000 regions for boxes and 100
  for masks, as in MMDetection's own count. `python tools/get_flops.py NAME --shape H W` counts at another size.
- **Published** is what the source named in the last column says of the authors' model; a dash: nothing. Nobody has
  retrained these models with this code yet, so there are no accuracies of our own.

How near the counts come to published ones: VAN's detectors and segmentors are met to 1.5 %, most of them to 0.4 %. The
difference fits the counters of MMDetection and MMSegmentation in their day, which add norms and activations. HAT-Net's
publication leaves out the two products of attention; without them its four networks are met to 1.6 %. Dual-ViT's has
them. The article on stand-alone self-attention counts multiply and add apart ([more](sasa.md)).
"""
_LAST = """\
Checkpoints without a link are published for download by hand only; [weights](weights.md) says where, and under which
terms.

## In an installed wheel

`pip wheel .` packs configs and metadata into `mmbackbones/.mim/`, where OpenMMLab's `mim` looks for them:
`mim search mmbackbones --config mask_rcnn_van_b`. In Python, `mmbackbones.get_config('mask_rcnn_van_b')` reads a config
and `mmbackbones.config_path` says where it is, in a wheel and in an editable install alike; `mim` knows wheels only.
"""
_BESIDE = """\
All models, with multiply-adds and the source of each figure, are in the [model zoo](docs/model_zoo.md). Accuracies are
those that the authors published; VAN's with UperNet are of several scales and flips.
"""


def _published(model: dict, metric: str) -> float | None:
    for result in model.get('Results', ()):
        if metric in result['Metrics']:
            return result['Metrics'][metric]
    return None


def _cell(value: object) -> str:
    return '-' if value is None else str(value)


def _counted(number: int, unit: float) -> str:
    return f'{number / unit:.1f}' if number >= 100 * unit else f'{number / unit:.2f}'


def _row(cells) -> str:
    return f'| {" | ".join(cells)} |\n'


def _table(columns: list[str], rows: list[list[str]]) -> str:
    return _row(columns) + '|---' * len(columns) + '|\n' + ''.join(map(_row, rows))


def _belongs(model: dict, start: str | None) -> bool:
    return 'Config' not in model if start is None else 'Config' in model and model['Name'].startswith(start)


def _line(model: dict, metrics: tuple[str, ...]) -> list[str]:
    name, counted, published = f'`{model["Name"]}`', model['Metadata'], model.get('Published', {})
    if 'Config' in model:
        name = f'[{name}](../{model["Config"]})'
    elif 'Weights' in model:
        name = f'[{name}]({model["Weights"]})'
    source = '; '.join(text for text in (published.get('Source'), model.get('Note')) if text)
    return [
        name,
        counted['Backbone'],
        _counted(counted['Parameters'], 1e6),
        _cell(published.get('Parameters (M)')),
        counted['Input Size'],
        _counted(counted['FLOPs'], 1e9),
        _cell(published.get('FLOPs (G)')),
        *(_cell(_published(model, metric)) for metric in metrics),
        source or '-',
    ]


def page(models: dict[str, dict]) -> str:
    """The text of docs/model_zoo.md."""
    parts = [_INTRODUCTION]
    for title, start, metrics in _SECTIONS:
        columns = [
            'checkpoint' if start is None else 'config',
            'backbone',
            'parameters, M: counted',
            'published',
            'image',
            'multiply-adds, G: counted',
            'published',
            *(f'published {metric}' for metric in metrics),
            'source of what is published',
        ]
        rows = [_line(model, metrics) for model in models.values() if _belongs(model, start)]
        parts.append(f'## {title}\n\n{_table(columns, rows)}')
    return '\n'.join((*parts, _LAST))


def overview(models: dict[str, dict]) -> str:
    """The README's table: a line for each backbone of which anything is published."""
    starts = [start for _, start, _ in _SECTIONS if start != 'cascade_mask_rcnn_']
    rows = []
    for backbone in dict.fromkeys(model['Metadata']['Backbone'] for model in models.values()):
        own = [model for model in models.values() if model['Metadata']['Backbone'] == backbone]
        cells = []
        for start in starts:
            found = [
                [value for metric in METRICS if (value := _published(model, metric)) is not None]
                for model in own
                if _belongs(model, start)
            ]
            cells.append(' / '.join(map(str, next(filter(None, found), ['-']))))
        if set(cells) != {'-'}:
            retinanets = [model for model in own if _belongs(model, 'retinanet_')]
            example = max(retinanets, key=lambda model: 'Results' in model)
            rows.append([backbone, f'`{example["Name"]}`', _counted(example['Metadata']['Parameters'], 1e6), *cells])
    columns = [
        'backbone',
        'RetinaNet',
        'its parameters, M: counted',
        'ImageNet top-1: published',
        'RetinaNet AP: published',
        'Mask R-CNN box / mask AP: published',
        'UperNet mIoU: published',
        'Semantic FPN mIoU: published',
    ]
    return f'{_BESIDE}\n{_table(columns, rows)}'


def readme(text: str, models: dict[str, dict]) -> str:
    """The README's `text` with its table of today.

    Raises:
        UserError: The two lines that the table stands between are not there.
    """
    parts = re.split(f'{re.escape(_BEGIN)}|{re.escape(_END)}', text)
    if len(parts) != 3:
        raise UserError(f'README.md must have one line {_BEGIN!r} and, below, one line {_END!r}')
    return f'{parts[0]}{_BEGIN}\n{overview(models)}{_END}{parts[2]}'


def write_tables(models: dict[str, dict], root: Path) -> None:
    """Write docs/model_zoo.md and the README's table of the clone at `root`."""
    text = readme((root / 'README.md').read_text(encoding='utf-8'), models)
    (root / 'README.md').write_text(text, encoding='utf-8')
    (root / 'docs' / 'model_zoo.md').write_text(page(models), encoding='utf-8')
