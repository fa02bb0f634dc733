"""Measure speed and memory, and print the tables of the documentation.

Example, on two CPU cores:

    OMP_NUM_THREADS=2 python tools/benchmark.py hierarchical_attention
"""

from importlib import import_module

import torch

from mmbackbones.cli import new_parser, run

NAMES = ('contiguous_maps', 'detectors', 'dual_vit', 'gpu', 'hierarchical_attention', 'local_attention')


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument('name', choices=NAMES, help='what to measure')
    args = parser.parse_args()
    print(f'{args.name}: PyTorch {torch.__version__}, CPU, {torch.get_num_threads()} threads\n')
    import_module(f'mmbackbones.benchmarks.{args.name}').run()


if __name__ == '__main__':
    run(main)
