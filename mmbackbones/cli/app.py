"""Try a trained model in the browser: drop an image, and see what the model finds, and what it attends to.

The page is served to this machine alone until Ctrl-C, needs no network, and keeps no files. Needs Gradio:
pip install "mmbackbones[app]".

Example:

    mmbackbones app work_dirs/retinanet_van_b/epoch_12.pth
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='file or URL of a trained model, or an exported file')
    parser.add_argument(
        '--host',
        metavar='NAME',
        default='127.0.0.1',
        help='name or address that the page is served at; at any but a local one, everyone who reaches this machine '
        'can use the page (default: 127.0.0.1)',
    )
    parser.add_argument(
        '--port', type=_port, default=7860, metavar='N', help='port; 0 for any that is free (default: 7860)'
    )
    parser.add_argument(
        '--config', metavar='CONFIG', help='path or name of a config (default: the one in the checkpoint)'
    )
    parser.add_argument('--device', metavar='NAME', help='cuda:0, cpu, mps or the like (default: the best there is)')


def main(arguments: Namespace) -> None:
    from ..apis import app

    app(**vars(arguments))


def _port(text: str) -> int:
    """Argument type: a port."""
    if not text.isdecimal() or int(text) > 65535:
        raise ArgumentTypeError(f'must be a whole number from 0 to 65535, got {text!r}')
    return int(text)
