"""Convert a checkpoint in any known format to a plain, safe file of the backbone alone, and say what it is.

Known are the authors' files, VAN as mmpretrain and transformers save it, and whole models trained with mmbackbones.

Example:

    mmbackbones convert-weights van-b2 van_b2.safetensors
"""

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('checkpoint', metavar='IN', help='file, URL or short name of a checkpoint')
    parser.add_argument('out', metavar='OUT', help='file to write, .safetensors or .pth; it must not exist yet')


def main(arguments: Namespace) -> None:
    from ..apis.convert import convert_weights

    found = convert_weights(arguments.checkpoint, arguments.out)
    print(f'{arguments.checkpoint}: {found}')
    config = dict(found.config, init_cfg=dict(type='Pretrained', checkpoint=arguments.out))
    print(f'{arguments.out}: {len(found.backbone)} keys, for backbone={config}')
