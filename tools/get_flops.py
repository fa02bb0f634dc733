"""Count the cost of a network: parameters, multiply-adds of a prediction, and activation memory of a training step.

A multiply-add counts as one, as in the FLOPs of most papers. Counted are convolutions, linear layers and both products
of each attention; local attention by its definition, q . k and q . r for each of its k x k neighbors. Two-stage
detectors get 1000 regions for boxes and 100 for masks, as MMDetection counts. Memory is what autograd keeps of a
forward pass for the backward pass: one float32 image, without parameters, losses and gradients, with CPU kernels.

Example, for a detector's config, a backbone alone, and a released image classifier:

    python tools/get_flops.py configs/mask_rcnn_van_b.py --shape 800 1280
    python tools/get_flops.py VAN:base
    python tools/get_flops.py van-b2
"""

from mmbackbones.cli import new_parser, positive_int, run


def main() -> None:
    parser = new_parser(__doc__)
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
    args = parser.parse_args()

    from mmbackbones.analysis.complexity import measure_complexity

    counted = measure_complexity(args.network, args.shape and tuple(args.shape))
    print(f'{args.network}, one image of {counted.size[0]}x{counted.size[1]} (H x W)')
    print(f'parameters         {counted.parameters / 1e6:10.2f} M')
    print(f'multiply-adds      {counted.multiply_adds / 1e9:10.2f} G')
    print(f'activation memory  {counted.saved_bytes / 1e9:10.2f} GB')


if __name__ == '__main__':
    run(main)
