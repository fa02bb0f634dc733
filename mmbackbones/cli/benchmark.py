"""Measure speed and memory, and print the tables of the documentation.

Without NAME: one table of backbones, operators and whole models, which goes to docs/benchmarks/. Every other benchmark
measures one claim of the documentation.

Examples, on two CPU cores:

    OMP_NUM_THREADS=2 mmbackbones benchmark --baseline authors-form
    OMP_NUM_THREADS=2 mmbackbones benchmark hierarchical_attention
"""

from argparse import ArgumentParser, Namespace
from importlib import import_module
from inspect import signature

import torch

from ..benchmarks import BASELINES, NAMES, OLD_NAMES, OVERVIEW
from ..errors import UserError

_OPTIONS = {  # arguments of benchmarks, and what the help and messages call them
    'device': ('choice of a device', '--device'),
    'baseline': ('baseline', '--baseline'),
    'compiled': ('compiled form', '--compile'),
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'name',
        metavar='NAME',
        nargs='?',
        default=OVERVIEW,
        choices=(OVERVIEW, *NAMES),
        type=lambda name: OLD_NAMES.get(name, name),
        help=f'what to measure: {", ".join(NAMES)} (default: the table of everything)',
    )
    parser.add_argument('--device', choices=('cpu', 'cuda'), help='where to measure (default: the CPU)')
    parser.add_argument(
        '--baseline',
        choices=BASELINES,
        help="also measure the networks as their authors' papers and code compute them, and compare (without NAME)",
    )
    parser.add_argument(
        '--compile',
        dest='compiled',
        action='store_true',
        default=None,
        help='also measure backbones compiled by torch.compile, which takes minutes (without NAME)',
    )


def main(arguments: Namespace) -> None:
    name, device = arguments.name, arguments.device
    benchmark = import_module(f'..benchmarks.{name}', __package__).run
    options = {key: value for key in _OPTIONS if (value := getattr(arguments, key)) is not None}
    for key in options.keys() - signature(benchmark).parameters.keys():
        what, option = _OPTIONS[key]
        raise UserError(f'the benchmark {name} has no {what}: leave {option} out')
    where = 'GPU' if device == 'cuda' or name == 'gpu' else f'CPU, {torch.get_num_threads()} threads'
    print(f'{name}: PyTorch {torch.__version__}, {where}\n')
    benchmark(**options)
