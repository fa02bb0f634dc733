"""The tables of ``mmbackbones benchmark``: forms of the same work beside each other."""

from collections.abc import Iterator, Sequence

from ...utils.markdown import table
from ..table import AUTHORS, AUTHORS_AS_COMMANDS, COMPILED, OURS, Row
from .cells import first, joined, percent, select, time, unique, value

_TASKS = {'inference': 'inference', 'training': 'training step'}
_KINDS = {'backbone': 'Backbones', 'operator': 'Operators and layers'}
_SIDES = ('512', '1024')


def cpu_tables(rows: Sequence[Row]) -> Iterator[str]:
    """The tables, each below its heading."""
    products = {row['precision']: row for row in select(rows, network='matrix product')}
    if products:
        rates = ' and '.join(f'{_gflops(row):,.0f} GFLOP/s in {name}' for name, row in products.items())
        side = products['float32']['height']
        yield f'Products of {side} x {side} matrices ran at {rates} (the fastest of a few).\n'
    compared = [row for row in rows if row['network'] != 'matrix product' and row['form'] in (OURS, AUTHORS)]
    for network, title in _KINDS.items():
        yield from _comparisons(select(rows, network=network), title)
    models = {row['network'] for row in compared if row['instructions'] or not row['cuda']}
    models -= {*_KINDS, 'growing image'}
    yield from _comparisons([row for row in rows if row['network'] in models], 'Detectors and segmentors')
    if growing := select(rows, network='growing image'):
        yield _growing(growing)


def _gflops(product: Row) -> float:
    side, share = int(product['height']), float(product['share_of_peak'])
    return 2 * side**3 / (float(product['median_ms']) * share) / 1e6


def _comparisons(rows: Sequence[Row], title: str) -> Iterator[str]:
    for task, name in _TASKS.items():
        if some := select(rows, task=task):
            yield f'### {title}: {name}\n\n{_comparison(some)}'


def _comparison(rows: Sequence[Row]) -> str:
    kinds = {  # what is in a column, and its heading
        ('float32', AUTHORS): "authors' form",
        ('float32', AUTHORS_AS_COMMANDS): 'with our memory setting',
        ('float32', OURS): 'ours',
        ('float32', COMPILED): 'compiled',
        ('bfloat16', OURS): 'bfloat16',
        ('bfloat16', COMPILED): 'bfloat16, compiled',
    }
    kinds = {key: name for key, name in kinds.items() if first(rows, precision=key[0], form=key[1])}
    ours = {key: name for key, name in kinds.items() if key[1] != AUTHORS_AS_COMMANDS}
    against = [key for key in ours if key[1] != AUTHORS] if ('float32', AUTHORS) in kinds else []
    names = [f'{kinds[key]}, ms' for key in kinds]
    columns = ['', 'image or map', *names]
    columns += [f'times faster: {joined([kinds[key] for key in against])}'] if against else []
    columns += [f'peak memory, GB: {joined(list(ours.values()))}', f'share of the peak: {joined(list(ours.values()))}']
    body = []
    for network, backbone, height, width, batch in unique(rows, 'network', 'backbone', 'height', 'width', 'batch'):
        found = {
            (row['precision'], row['form']): row
            for row in select(rows, network=network, backbone=backbone, height=height, width=width)
        }
        name = backbone if network in _KINDS else f'`{network}`'
        size = f'{height} x {width}' + (f', {batch} images' if batch != '1' else '')
        cells = [name, size, *(time(found.get(key)) for key in kinds)]
        cells += [joined([value(found.get(key), 'times_faster') for key in against])] if against else []
        cells.append(joined([value(found.get(key), 'peak_gb') for key in ours]))
        cells.append(joined([percent(found.get(key)) for key in ours]))
        body.append(cells)
    return table(columns, body)


def _growing(rows: Sequence[Row]) -> str:
    small, large = _SIDES
    body = []
    for backbone, task in unique(rows, 'backbone', 'task'):
        pair = [first(rows, backbone=backbone, task=task, height=side) for side in _SIDES]
        per_pixel = [_nanoseconds(row) for row in pair if row is not None and row['median_ms']]
        if len(per_pixel) == 2:
            rise = f'{100 * (per_pixel[1] / per_pixel[0] - 1):+.0f} %'
            body.append([backbone, _TASKS[task], *(f'{value:.0f}' for value in per_pixel), rise])
    columns = ['', 'float32', f'{small} x {small}, ns a pixel', f'{large} x {large}, ns a pixel', 'rise']
    return f'### Time a pixel of a growing image\n\n{table(columns, body)}'


def _nanoseconds(row: Row) -> float:
    return 1e6 * float(row['median_ms']) / (int(row['height']) * int(row['width']))
