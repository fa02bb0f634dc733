"""Train, evaluate and draw, on generated data: RetinaNet with VAN-Tiny in a few minutes on two CPU cores.

Example:

    python tools/demo.py
"""
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

from mmbackbones import config_path
from mmbackbones.engine import evaluate, train
from mmbackbones.engine.cli import positive_int, run
from mmbackbones.engine.pictures import plot_curve, sheet
from mmbackbones.engine.report import print_metrics


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('--work-dir', default='work_dirs/demo', metavar='DIR', help='default: work_dirs/demo')
    parser.add_argument('--epochs', type=positive_int, metavar='N', help="the config's own number by default")
    args = parser.parse_args()
    work_dir = Path(args.work_dir)
    config = str(config_path('retinanet_van_t_demo'))

    print('Training RetinaNet + VAN-Tiny (narrower than the published one) on the generated data set "shapes"')
    runner = train(config, data='shapes', img_scale=(128, 128), epochs=args.epochs, work_dir=args.work_dir)
    checkpoint = work_dir / f'epoch_{runner.epoch}.pth'
    metrics = evaluate(config, str(checkpoint), data='shapes', img_scale=(128, 128), work_dir=args.work_dir,
                       show_dir=str(work_dir / 'predictions'))

    plot_curve(work_dir, 'coco/bbox_mAP_50', work_dir / 'curve.png')
    sheet(sorted((work_dir / 'predictions').glob('*'))[:9], work_dir / 'predictions.png')
    print_metrics(metrics)
    print(f'bbox_mAP_50: {metrics["bbox_mAP_50"]:.3f}')
    print(f'model {checkpoint}, metrics.json, curve.png, predictions.png (and each image in predictions/): all in '
          f'{work_dir}/')


if __name__ == '__main__':
    run(main)
