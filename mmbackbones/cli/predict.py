"""Predict images and videos with a trained model, and write what is found.

DIR gets predictions.json in COCO form, drawn pictures and videos in drawn/, and the label maps of a segmentor in
labels/. A file that cannot be read stops nothing: it is named at the end, and the exit code is 1.

Examples:

    mmbackbones predict work_dirs/retinanet_van_b/epoch_12.pth photos
    mmbackbones predict work_dirs/retinanet_van_b/epoch_12.pth a.jpg 'more/*.png' film.mp4 --out found
    mmbackbones predict work_dirs/retinanet_van_b/epoch_12.pth 0 --device cuda:0 --amp
"""

import sys
from argparse import ArgumentParser, Namespace

from .options import add_amp, add_tile_options, check_tile_options, positive_int, share


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='file or URL of a trained model, or an exported file')
    parser.add_argument(
        'source',
        nargs='+',
        metavar='SOURCE',
        help="an image, a video, a folder (with its subfolders), a pattern such as 'photos/*.jpg', or the number of a "
        'camera',
    )
    parser.add_argument('--out', metavar='DIR', default='predictions', help='where to write (default: predictions/)')
    parser.add_argument(
        '--config', metavar='CONFIG', help='path or name of a config (default: the one in the checkpoint)'
    )
    parser.add_argument(
        '--score-thr', type=share, default=0.3, metavar='S', help='score from which an object counts (default: 0.3)'
    )
    parser.add_argument(
        '--batch-size', type=positive_int, default=1, metavar='N', help='images that are computed at once (default: 1)'
    )
    parser.add_argument('--device', metavar='NAME', help='cuda:0, cpu, mps or the like (default: the best there is)')
    add_amp(parser)
    add_tile_options(parser)
    parser.add_argument('--tta', action='store_true', help='test-time augmentation: average over scales and flips')
    parser.add_argument('--no-draw', dest='draw', action='store_false', help='draw no pictures and videos')


def main(arguments: Namespace) -> None:
    from ..apis import predict
    from ..errors import printable
    from ..utils.paths import shown_path
    from ..utils.text import counted

    check_tile_options(arguments)
    result = predict(**vars(arguments))
    objects = '' if result.objects is None else f', {counted(result.objects, "object")}'
    counts = {'image': result.images - result.frames, 'frame': result.frames}
    looked_at = ' and '.join(counted(n, what) for what, n in counts.items() if n) or counted(0, 'image')
    print(f'{looked_at}{objects}: written to {printable(shown_path(result.out))}')
    for name, reason in result.failures:
        print(printable(f'{name}: {reason}'), file=sys.stderr)
    if result.failures:
        sys.exit(1)
