"""Count the cost of a network: parameters, multiply-adds of a prediction, and activation memory of a training step.

A multiply-add counts as one, as in the FLOPs of most papers. Counted are convolutions, linear layers and both products
of each attention; local attention by its definition, q . k and q . r for each of its k x k neighbors. Two-stage
detectors get 1000 regions for boxes and 100 for masks, as MMDetection counts. Memory is what autograd keeps of a
forward pass for the backward pass: one float32 image, without parameters, losses and gradients, with CPU kernels.

Example, for a detector's config, a backbone alone, and a released image classifier:

    mmbackbones flops mask_rcnn_van_b --shape 800 1280
    mmbackbones flops VAN:base
    mmbackbones flops van-b2
"""

from argparse import ArgumentParser, Namespace

from .options import positive_int


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'network',
        metavar='CONFIG_OR_BACKBONE',
        help='file or name of a config, FAMILY:ARCH, or the short name of a released checkpoint',
    )
    parser.add_argument(
        '--shape',
        type=positive_int,
        nargs=2,
        metavar=('H', 'W'),
        help='height and width of the image in pixels (default: 800 1280 for detectors, 512 512 for segmentors, '
        '224 224 for backbones, and the training size of a released checkpoint)',
    )


def main(arguments: Namespace) -> None:
    from ..analysis.complexity import measure_complexity

    counted = measure_complexity(arguments.network, arguments.shape and tuple(arguments.shape))
    print(f'{arguments.network}, one image of {counted.size[0]}x{counted.size[1]} (H x W)')
    print(f'parameters         {counted.parameters / 1e6:10.2f} M')
    print(f'multiply-adds      {counted.multiply_adds / 1e9:10.2f} G')
    print(f'activation memory  {counted.saved_bytes / 1e9:10.2f} GB')
