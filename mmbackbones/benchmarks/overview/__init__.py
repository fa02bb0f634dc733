"""The table of everything: backbones, operators and whole models, beside the authors' form and the machine's limit."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import torch

from ...engine.amp import cpu_has_bfloat16
from ...engine.compilation import check_compiler
from ...errors import UserError
from ..page import write_page
from ..table import AUTHORS, Table
from ..timing import Timing
from ..turns import take_turns
from .backbones import backbone_groups, pixel_groups
from .group import Group, Key, Setting
from .models import model_groups
from .operators import operator_groups
from .peak import matrix_products

BASELINES = (AUTHORS,)
FOLDER = Path('docs/benchmarks')


def groups(setting: Setting) -> Iterator[Sequence[Group]]:
    """What is measured, in this order."""
    alone = chain(backbone_groups(setting), operator_groups(setting), model_groups(setting))
    return chain(((group,) for group in alone), pixel_groups(setting))


def measure(table: Table, setting: Setting, chosen: Iterable[Sequence[Group]], **options) -> None:
    """Add the rows of some groups to a table, below those of the machine's matrix products.

    Args:
        table: The table.
        setting: In what forms and precisions.
        chosen: What to measure; all that is in one sequence takes turns.
        options: Arguments of :func:`~mmbackbones.benchmarks.turns.take_turns`.
    """
    products = matrix_products(setting)
    timings = take_turns(products.forms, setting.device, **options)
    rates = {  # multiply-adds a millisecond
        precision: products.multiply_adds / min(timing.milliseconds)
        for (precision, _), timing in timings.items()
        if timing is not None
    }
    _add_rows(table, products, timings, rates)
    for together in chosen:
        forms = {(place, key): form for place, group in enumerate(together) for key, form in group.forms.items()}
        found = take_turns(forms, setting.device, **options)
        for place, group in enumerate(together):
            _add_rows(table, group, {key: found[place, key] for key in group.forms}, rates)


def _add_rows(table: Table, group: Group, timings: Mapping[Key, Timing | None], rates: Mapping[str, float]) -> None:
    for (precision, form), timing in timings.items():
        table.add(
            timing,
            baseline=timings.get(('float32', AUTHORS)),
            least_milliseconds=group.multiply_adds / rates[precision] if precision in rates else 0.0,
            precision=precision,
            form=form,
            **group.columns,
        )


def has_bfloat16(device: str) -> bool:
    """Whether a device computes in bfloat16."""
    return torch.cuda.is_bf16_supported() if device == 'cuda' else cpu_has_bfloat16()


def run(device: str = 'cpu', baseline: str | None = None, compiled: bool = False, folder: Path | None = FOLDER) -> None:
    """Print the table and write it to `folder`, as ``<device>.csv``. Takes minutes, and several GB of memory.

    Args:
        device: ``cpu`` or ``cuda``.
        baseline: ``authors-form`` measures that as well, and compares; None measures our networks only.
        compiled: Whether to measure compiled backbones as well, which takes minutes to compile them.
        folder: Where the CSV file goes.

    Raises:
        UserError: There is no such device, or this machine cannot compile.
    """
    if device == 'cuda' and not torch.cuda.is_available():
        raise UserError('--device cuda needs a CUDA GPU, and PyTorch finds none on this machine')
    if compiled:
        check_compiler(device)
    table = Table(device, folder)
    setting = Setting(device, baseline == AUTHORS, has_bfloat16(device), compiled)
    measure(table, setting, groups(setting))
    if table.path is not None:
        write_page(table.path.parent)
        print(f'\nwritten to {table.path}')
