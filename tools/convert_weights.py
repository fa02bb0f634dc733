"""Convert a checkpoint in any known format to a plain, safe file of the backbone alone, and say what it is.

Known are the authors' files, VAN as mmpretrain and transformers save it, and whole models trained with mmbackbones.

Example:

    python tools/convert_weights.py van-b2 van_b2.safetensors
"""

from mmbackbones.cli import new_parser, run


def main() -> None:
    parser = new_parser(__doc__)
    parser.add_argument('checkpoint', metavar='IN', help='file, URL or short name of a checkpoint')
    parser.add_argument('out', metavar='OUT', help='file to write, .safetensors or .pth; it must not exist yet')
    args = parser.parse_args()

    from mmbackbones.apis.convert import convert_weights

    found = convert_weights(args.checkpoint, args.out)
    print(f'{args.checkpoint}: {found}')
    config = dict(found.config, init_cfg=dict(type='Pretrained', checkpoint=args.out))
    print(f'{args.out}: {len(found.backbone)} keys, for backbone={config}')


if __name__ == '__main__':
    run(main)
