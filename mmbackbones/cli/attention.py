"""Show what a backbone makes of an image in each stage, and what it attends to from a point of it.

DIR gets panel.png with all of it, a picture of each map, and attention.npz with the arrays. What is shown is the
backbone's own: the gate of large kernel attention and the receptive field (VAN), grid and global weights (TransCNN,
HAT-Net), window weights (SASA), weights between pixels and semantic tokens (Dual-ViT).

Examples:

    mmbackbones attention work_dirs/retinanet_van_b/epoch_12.pth photo.jpg --point 320 200
    mmbackbones attention van-b2 photo.jpg --out seen
"""

from argparse import ArgumentParser, Namespace

from .options import non_negative_int


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'checkpoint',
        metavar='CHECKPOINT',
        help='file or URL of a trained model or of a backbone, or the name of a backbone, such as van-b2',
    )
    parser.add_argument('image', metavar='IMAGE', help='file of an image')
    parser.add_argument(
        '--point',
        type=non_negative_int,
        nargs=2,
        metavar=('X', 'Y'),
        help='column and row of the point, in pixels of the image from its upper left corner (default: its center)',
    )
    parser.add_argument('--out', metavar='DIR', default='attention', help='where to write (default: attention/)')
    parser.add_argument(
        '--config', metavar='CONFIG', help='path or name of a config (default: the one in the checkpoint)'
    )
    parser.add_argument('--device', metavar='NAME', help='cuda:0, cpu, mps or the like (default: the best there is)')


def main(arguments: Namespace) -> None:
    from ..apis import attention
    from ..errors import printable
    from ..utils.paths import shown_path

    result = attention(**vars(arguments))
    x, y = result.found.point
    if arguments.point is None:
        print(f'the point is the center of the image, ({x:g}, {y:g}): --point X Y names another')
    if result.random:
        print('the backbone has random weights, because none were given with its name: it has learned nothing yet')
    print(f'{len(result.found.maps)} maps: written to {printable(shown_path(result.out))}, panel.png shows all')
