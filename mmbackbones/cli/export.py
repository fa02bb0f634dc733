"""Write a trained model to a file for other runtimes, and compare that file with PyTorch before it is called done.

The suffix of FILE says the format: .onnx, .xml (OpenVINO) or .pt2 (a program of torch.export). `test` and `predict`
take the file in place of a checkpoint. In place of CHECKPOINT, the name of a config, of a backbone or of its weights
gives the feature maps of the backbone alone.

Examples:

    mmbackbones export work_dirs/retinanet_van_t/epoch_12.pth model.onnx
    mmbackbones export van-b2 van_b2.onnx
"""

from argparse import ArgumentParser, Namespace

from .options import positive_int

_FORMATS = ('onnx', 'openvino', 'torch-export')  # as in mmbackbones/export/formats.py, which needs the libraries


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='file or URL of a trained model, or such a name')
    parser.add_argument('file', metavar='FILE', help='file to write')
    parser.add_argument('--format', choices=_FORMATS, help='what to write (default: by the suffix of FILE)')
    parser.add_argument(
        '--img-scale',
        type=positive_int,
        nargs=2,
        metavar=('W', 'H'),
        help='size that images are resized to fit into before they go to the file (default: as in training)',
    )
    parser.add_argument(
        '--static',
        action='store_true',
        help='take one image of that size at a time; smaller ones are padded (default: any number of any size)',
    )
    parser.add_argument(
        '--config', metavar='CONFIG', help='config of the trained model (default: the one in the checkpoint)'
    )
    parser.add_argument(
        '--weights', metavar='W', help='file, URL or short name of weights, for a backbone that is named'
    )


def main(arguments: Namespace) -> None:
    from ..apis import export

    export(**vars(arguments))
