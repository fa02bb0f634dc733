"""docs/benchmarks.md and its charts, generated from the CSV files in docs/benchmarks/."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from ...utils.atomic_write import atomic_write
from ...utils.markdown import table
from ..table import Row, file_name, read_rows
from .chart import save_chart
from .cpu import cpu_tables
from .gpu import gpu_tables

_INTRODUCTION = """\
# Benchmarks

Generated from the CSV files in [`docs/benchmarks/`](benchmarks) by `mmbackbones benchmark` and `mmbackbones model-zoo`;
edit the sources, not this page. The files have every row, with the 10th and 90th percentiles of each time. Compare what
one machine measured, not machines with each other.

```
OMP_NUM_THREADS=2 mmbackbones benchmark --baseline authors-form
```

measures all tables of a CPU on two cores, in about twenty minutes, and writes `docs/benchmarks/<device>.csv`, and in a
clone a chart and this page as well; without `--baseline` our networks only, with `--compile` also those compiled by
`torch.compile`, with `--device cuda` on a GPU. `mmbackbones benchmark gpu` measures detectors and segmentors beside
well-known backbones on a GPU. Claims about a single operator, or about memory, have benchmarks and pages of their own:
`mmbackbones benchmark --help`.

## How it is measured

Networks have random weights. All forms of the same work are timed by turns, each in a process of its own that stays for
all of its turns, after two steps that are not timed; a time is the median of at least three turns, with the 10th and
90th percentile behind it. Peak memory on a CPU is the resident memory that the first step adds to the process, on a GPU
what PyTorch's allocator has given out, weights included.

- **Inference** of a backbone is its inference form (`fuse()`), of a model all from images to boxes, masks or labels.
  **Training** of a backbone is a forward and a backward pass in training mode, of a model a step of AdamW as well.
- **The authors' form** is our own plain writing of what the authors' papers and code compute
  (`mmbackbones/benchmarks/authors_form/`). It takes the weights of our networks and gives their values and gradients; a
  test holds them to 1e-5.
- **Our memory setting** is that of the commands `train`, `test` and `predict`, for the authors' form as well, so that
  it shows what of the gain is owed to it. The authors' form itself runs with memory as PyTorch comes.
- **The share of the peak** is the time that as many multiply-adds take in a product of 4096 x 4096 matrices, measured
  in the same run, divided by the time of the step. The backward pass counts as twice the forward pass; what is no
  product (norms, activations, softmax, resizing) counts as nothing. bfloat16 is measured against bfloat16's own peak.
"""
_FAMILIES = {
    'VAN': 'contiguous maps; the dilated 7x7 depthwise convolution as one operator; two copies of the map in every '
    'block; layer norms on a transposed copy; layer scales as products',
    'TransCNN, HAT-Net': 'contiguous maps; attention in cells and to the pooled map as two products around a softmax '
    'of the whole map of weights; batch or group norms and SiLU as steps of their own',
    'Dual-ViT': 'lists of tokens, copied into a contiguous map for each convolution and back; attention as products '
    'around a softmax, scaled as a map; layer scales as products',
    'SASA': "its authors released no code: the paper's equation with the k x k windows of keys and values unfolded, "
    'and the embeddings added to the keys',
}
_ON_A_GPU = (
    'Inference is a whole prediction from images on the GPU, a training step is forward, losses, backward and AdamW; '
    'AMP is float16. What was decided by these figures, and what else was measured on GPUs, has [its own page](gpu.md).'
)


def render_page(folder: Path) -> str:
    """The text of docs/benchmarks.md.

    Args:
        folder: The folder with the CSV files.
    """
    forms = table(('family', "the authors' form"), _FAMILIES.items())
    return '\n'.join((_INTRODUCTION, forms, *map(_section, _measured(folder))))


def write_page(folder: Path) -> None:
    """Write docs/benchmarks.md beside `folder`, and the charts in docs/images/; outside of a clone, nothing.

    Args:
        folder: The folder with the CSV files, docs/benchmarks.
    """
    docs = folder.parent
    if not (docs / 'benchmarks.md').is_file():
        return
    with atomic_write(docs / 'benchmarks.md') as partial:
        partial.write_text(render_page(folder), encoding='utf-8')
    for rows in _measured(folder):
        if _has_chart(rows):
            with atomic_write(docs / _chart(rows)) as partial:
                save_chart(rows, partial)


def _measured(folder: Path) -> list[list[Row]]:
    """The rows of each file, CPUs first."""
    tables = [read_rows(file) for file in sorted(folder.glob('*.csv'))]
    return sorted((rows for rows in tables if rows), key=lambda rows: bool(rows[0]['cuda']))


def _chart(rows: Sequence[Row]) -> str:
    return f'images/benchmark-{file_name(rows[0]["device"])}.png'


def _has_chart(rows: Sequence[Row]) -> bool:
    return any(row['network'] == 'backbone' and row['times_faster'] for row in rows)


def _section(rows: Sequence[Row]) -> str:
    device, gpu = rows[0]['device'], bool(rows[0]['cuda'])
    paragraphs = [_origin(rows)]
    if gpu:
        paragraphs.append(_ON_A_GPU)
    text = f'## {device}\n\n' + '\n'.join(f'{fill(text, 120, break_on_hyphens=False)}\n' for text in paragraphs)
    if _has_chart(rows):
        text += f"\n![Backbones beside the authors' form: time and memory]({_chart(rows)})\n"
    return text + ''.join(f'\n{part}' for part in (*cpu_tables(rows), *gpu_tables(rows)))


def _origin(rows: Sequence[Row]) -> str:
    """With what, when, and in which file."""
    row, dates = rows[0], sorted({row['date'] for row in rows})
    names = dict(pytorch='PyTorch', cuda='CUDA', cudnn='cuDNN', python='Python')
    versions = [f'{name} {row[column]}' for column, name in names.items() if row[column]]
    versions += [row['instructions']] if row['instructions'] else []
    days = ' to '.join(dict.fromkeys((dates[0], dates[-1])))
    file = f'{file_name(row["device"])}.csv'
    return f'{", ".join(versions)}; {days}. All rows: [{file}](benchmarks/{file}).'
