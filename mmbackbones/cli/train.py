"""Train a detector or a segmentor.

Examples: on COCO, on the generated data set "shapes", and on your own folder, in one of the formats that
`mmbackbones check-data --help` lists:

    mmbackbones train retinanet_van_b
    mmbackbones train retinanet_van_t_demo --data shapes
    mmbackbones train retinanet_van_t --data path/to/folder --batch-size 4 --epochs 12
    mmbackbones train mask_rcnn_van_s --data path/to/folder --batch-size auto --time-budget 8 --ema --early-stop 10
"""

from argparse import ArgumentParser, Namespace

from .options import (
    OnNan,
    add_config,
    add_data_options,
    add_label_options,
    add_run_options,
    int_or_auto,
    non_negative_int,
    positive_float,
    positive_int,
)


def add_arguments(parser: ArgumentParser) -> None:
    add_config(parser)
    add_data_options(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        '--epochs', type=positive_int, metavar='N', help='length in epochs; learning rate schedules are stretched to it'
    )
    length.add_argument(
        '--iters', type=positive_int, metavar='N', help='length in iterations; schedules are stretched to it'
    )
    length.add_argument(
        '--time-budget',
        type=positive_float,
        metavar='HOURS',
        help='train for as many iterations as fit into so many hours, by a short trial before the first one',
    )
    parser.add_argument(
        '--batch-size',
        type=int_or_auto,
        metavar='N',
        help='images per batch, on each GPU; "auto": the most that fit into memory; without --lr the learning rate '
        'scales with it',
    )
    parser.add_argument('--lr', type=positive_float, metavar='RATE', help='learning rate, never scaled')
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument(
        '--weights',
        metavar='FILE',
        help='initial weights: file, URL or short name (van-b2), of a backbone or of a whole model',
    )
    weights.add_argument('--from-scratch', action='store_true', help='start from random weights')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: float16 on GPUs, bfloat16 on CPUs that compute in it',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        help='compile the backbone with torch.compile: the first iteration takes minutes, others less time on GPUs',
    )
    parser.add_argument(
        '--accumulate',
        type=positive_int,
        default=1,
        metavar='N',
        help='accumulate gradients over N batches per optimizer step (default: 1)',
    )
    parser.add_argument(
        '--ema', action='store_true', help='validate and save the exponential moving average of the weights'
    )
    parser.add_argument(
        '--early-stop',
        type=positive_int,
        metavar='N',
        help='end the training run after N validations in a row without a better figure',
    )
    parser.add_argument(
        '--checkpoint-minutes',
        type=positive_float,
        metavar='N',
        help='also save a checkpoint whenever the last one is N minutes old',
    )
    parser.add_argument(
        '--on-bad-data',
        choices=('stop', 'skip'),
        default='stop',
        help='an image that cannot be read any more during training ends the run (stop, the default), or another one '
        'takes its place (skip) and its name is listed at the end',
    )
    parser.add_argument(
        '--on-nan',
        nargs='+',
        action=OnNan,
        default='stop',
        metavar=('stop|skip', 'N'),
        help='a loss that is not finite ends the run (stop, the default), or up to N such batches are left '
        'out (skip N)',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='FILE',
        help='resume a training run from FILE, or from the newest checkpoint of the last run in the work directory; '
        'repeat the options that it was started with',
    )
    add_label_options(parser)
    parser.add_argument(
        '--work-dir',
        metavar='DIR',
        help='where to write checkpoints, logs and the config that is run (default: work_dirs/<config>)',
    )
    parser.add_argument(
        '--log',
        choices=('tensorboard', 'wandb', 'mlflow'),
        help='log losses, rates and metrics there, too, beside results.csv in the work directory',
    )
    parser.add_argument(
        '--seed',
        type=non_negative_int,
        metavar='N',
        help='seed of every random draw (default: 0; with --resume, the seed of the resumed run)',
    )
    add_run_options(parser)


def main(arguments: Namespace) -> None:
    from mmengine.dist import is_main_process

    from ..apis import train
    from .next_steps import print_next_steps

    result = train(**vars(arguments))
    if is_main_process():
        print_next_steps(result, arguments.data)
