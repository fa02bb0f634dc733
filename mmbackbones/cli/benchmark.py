"""Measure speed and memory, and print the tables of the documentation.

Example, on two CPU cores:

    OMP_NUM_THREADS=2 mmbackbones benchmark hierarchical_attention
"""

from argparse import ArgumentParser, Namespace
from importlib import import_module
from inspect import signature

import torch

from ..benchmarks import NAMES, OLD_NAMES
from ..errors import UserError


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'name',
        metavar='NAME',
        choices=NAMES,
        type=lambda name: OLD_NAMES.get(name, name),
        help=f'what to measure: {", ".join(NAMES)}',
    )
    parser.add_argument('--device', choices=('cpu', 'cuda'), help='where to measure (default: the CPU)')


def main(arguments: Namespace) -> None:
    name, device = arguments.name, arguments.device
    benchmark = import_module(f'..benchmarks.{name}', __package__).run
    options = {} if device is None else {'device': device}
    if not options.keys() <= signature(benchmark).parameters.keys():
        raise UserError(f'the benchmark {name} has no choice of a device: leave --device out')
    where = 'GPU' if device == 'cuda' or name == 'gpu' else f'CPU, {torch.get_num_threads()} threads'
    print(f'{name}: PyTorch {torch.__version__}, {where}\n')
    benchmark(**options)
