"""Measure speed and memory, and print the tables of the documentation.

Example, on two CPU cores:

    OMP_NUM_THREADS=2 python tools/benchmark.py hierarchical_attention
"""

from importlib import import_module
from inspect import signature

import torch

from mmbackbones.benchmarks import NAMES, OLD_NAMES
from mmbackbones.cli import new_parser, run
from mmbackbones.errors import UserError


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument('name', choices=NAMES, type=lambda name: OLD_NAMES.get(name, name), help='what to measure')
    parser.add_argument('--device', choices=('cpu', 'cuda'), help='where to measure (default: the CPU)')
    args = parser.parse_args()
    benchmark = import_module(f'mmbackbones.benchmarks.{args.name}').run
    options = {} if args.device is None else {'device': args.device}
    if not options.keys() <= signature(benchmark).parameters.keys():
        raise UserError(f'the benchmark {args.name} has no choice of a device: leave --device out')
    where = 'GPU' if args.device == 'cuda' or args.name == 'gpu' else f'CPU, {torch.get_num_threads()} threads'
    print(f'{args.name}: PyTorch {torch.__version__}, {where}\n')
    benchmark(**options)


if __name__ == '__main__':
    run(main)
