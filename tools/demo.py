"""Train a small model with VAN-Tiny on generated data, evaluate it and draw its predictions: minutes on two CPU cores.

Examples:

    python tools/demo.py
    python tools/demo.py mask
    python tools/demo.py seg
"""

from pathlib import Path

from mmbackbones.cli import new_parser, positive_int, run

# Model, config, and the name of the main metric in the log and in metrics.json.
DEMOS = {
    'box': ('RetinaNet', 'retinanet_van_t_demo', 'coco/bbox_mAP_50', 'bbox_mAP_50'),
    'mask': ('Mask R-CNN', 'mask_rcnn_van_t_demo', 'coco/segm_mAP_50', 'segm_mAP_50'),
    'seg': ('UperNet', 'upernet_van_t_demo', 'mIoU', 'mIoU'),
}


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument(
        'kind',
        nargs='?',
        choices=DEMOS,
        default='box',
        help='boxes (RetinaNet), masks of objects (Mask R-CNN) or semantic segmentation (UperNet)',
    )
    parser.add_argument(
        '--work-dir', metavar='DIR', help='where to write (default: work_dirs/demo, work_dirs/demo_mask or _seg)'
    )
    parser.add_argument('--epochs', type=positive_int, metavar='N', help="length in epochs (default: the config's own)")
    args = parser.parse_args()

    from mmbackbones import config_path
    from mmbackbones.apis import evaluate, train
    from mmbackbones.evaluation.summary import print_metrics
    from mmbackbones.visualization.plots import image_grid, plot_curve

    model, name, logged, metric = DEMOS[args.kind]
    work_dir = Path(args.work_dir or ('work_dirs/demo' if args.kind == 'box' else f'work_dirs/demo_{args.kind}'))
    config = str(config_path(name))

    print(f'Training {model} + VAN-Tiny (narrower than the published one) on the generated data set "shapes"')
    trained = train(config, data='shapes', img_scale=(128, 128), epochs=args.epochs, work_dir=str(work_dir))
    metrics = evaluate(
        config,
        str(trained.checkpoint),
        data='shapes',
        img_scale=(128, 128),
        work_dir=str(work_dir),
        show_dir=str(work_dir / 'predictions'),
    )

    plot_curve(work_dir, logged, work_dir / 'curve.png')
    image_grid(sorted((work_dir / 'predictions').glob('*'))[:9], work_dir / 'predictions.png')
    print_metrics(metrics)
    print(f'{metric}: {metrics[metric]:.3f}')
    checkpoint = work_dir / trained.checkpoint.name
    print(
        f'model {checkpoint}, test/metrics.json, curve.png, predictions.png (and each image in predictions/): all in '
        f'{work_dir}/'
    )


if __name__ == '__main__':
    run(main)
