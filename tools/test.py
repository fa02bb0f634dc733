"""Evaluate a trained detector or segmentor: print its metrics and write them to metrics.json in the work directory.

If that is the folder of a training run, they go to its test/.

Examples:

    python tools/test.py work_dirs/retinanet_van_b/epoch_12.pth --data path/to/folder
    python tools/test.py configs/retinanet_van_b.py retinanet.pth --data path/to/folder
"""

from mmbackbones.cli import add_data_options, add_label_options, add_run_options, new_parser, run


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument(
        'config', nargs='?', help='config file (default: the one that the checkpoint carries, read as data)'
    )
    parser.add_argument('checkpoint', help='file or URL of a trained model')
    add_data_options(parser)
    parser.add_argument('--tta', action='store_true', help='test-time augmentation: average over scales and flips')
    parser.add_argument(
        '--show-dir',
        metavar='DIR',
        help='draw predictions beside the ground truth into DIR, in the same folders as the images',
    )
    add_label_options(parser, default='as in training')
    parser.add_argument(
        '--work-dir',
        metavar='DIR',
        help='where to write metrics.json and logs (default: work_dirs/<config>; without CONFIG the folder of the '
        'checkpoint, if it is that of a training run, else work_dirs/<checkpoint>; test/ in it after a training run)',
    )
    add_run_options(parser)
    options = vars(parser.parse_args())

    from mmengine.dist import is_main_process

    from mmbackbones.apis import test
    from mmbackbones.evaluation.summary import print_metrics

    metrics = test(options.pop('checkpoint'), config=options.pop('config'), **options)
    if is_main_process():
        print_metrics(metrics)


if __name__ == '__main__':
    run(main)
