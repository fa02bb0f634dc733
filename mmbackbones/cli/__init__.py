"""The command ``mmbackbones VERB``: one module per verb, with its options and what it prints.

A verb's module is imported when it is called. It has a docstring, which its ``--help`` shows, and two functions:
``add_arguments(parser)``, and ``main(arguments)``, which gets what was parsed.
"""

import re
import sys
from argparse import Action, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from textwrap import fill
from typing import Any

from ..errors import UserError
from .exits import run

# What each verb does, in the words of the list of all.
VERBS = {
    'train': 'train a detector or a segmentor',
    'test': 'evaluate a trained model',
    'predict': 'look for objects in images and videos with a trained model',
    'attention': 'show what a backbone attends to from a point of an image',
    'export': 'write a trained model to a file for other runtimes',
    'app': 'try a trained model on images, on a page in the browser',
    'report': 'write a page on a training run: curves, figures, mix-ups, errors, likely label errors',
    'check-data': 'check a data folder before a long training run',
    'browse': 'show what a data folder holds, and what a model sees of it in training',
    'demo': 'train, test and draw a small model in minutes',
    'identify': 'say what a checkpoint holds',
    'convert-weights': 'convert a checkpoint to a plain, safe file of the backbone alone',
    'flops': 'count parameters, multiply-adds and activation memory',
    'env': 'say what is installed here, what this machine can do, and what is missing',
    'benchmark': 'measure speed and memory',
    'model-zoo': 'write the generated parts of the documentation (in a clone)',
}
_ADVICE = '`mmbackbones env` says what is installed'
_ALONE = ('env',)  # verbs that must work where the libraries are missing or broken
_HELP = f"""usage: mmbackbones VERB ...

Train, test and examine detectors and segmentors with the backbones VAN, TransCNN, HAT-Net, SASA and Dual-ViT.

verbs:
{
    '''
'''.join(f'  {verb:<17} {purpose}' for verb, purpose in VERBS.items())
}

Example, on your own images:

    mmbackbones check-data path/to/folder
    mmbackbones train retinanet_van_t --data path/to/folder
    mmbackbones test work_dirs/retinanet_van_t/epoch_12.pth --data path/to/folder

`mmbackbones VERB --help` explains a verb. Exit codes: 0 done, 1 failed, 2 bad input, 130 Ctrl-C, 143 SIGTERM,
or 0 if that ended a training run that was saved.
"""


def main(*before: str) -> None:
    """Run the command that this process was started with, and exit with its code if that is not 0.

    Args:
        before: Arguments to put before those of the command line; the files in ``tools/`` put their verb there.
    """
    arguments = [*before, *sys.argv[1:]]
    run(lambda: _run_verb(arguments))


def _run_verb(arguments: list[str]) -> None:
    verb = arguments[0] if arguments else '--help'
    if verb in ('--help', '-h'):
        print(_HELP, end='')
        return
    if verb == '--version':
        from .. import __version__

        print('mmbackbones', __version__)
        return
    if verb not in VERBS:
        close = get_close_matches(verb, VERBS, n=1)
        hint = f'; did you mean {close[0]}?' if close else ''
        raise UserError(f'there is no verb {verb!r}: give one of {", ".join(VERBS)}{hint}')
    helps = not {'-h', '--help'}.isdisjoint(arguments)
    if verb not in _ALONE:
        _require_stack() if helps else _register()  # a help does not wait for PyTorch
    module = import_module(f'.{verb.replace("-", "_")}', __name__)
    parser = ArgumentParser(prog=f'mmbackbones {verb}', description=module.__doc__, formatter_class=_HelpFormatter)
    module.add_arguments(parser)
    # Intermixed, because an optional positional would otherwise end at the first option.
    module.main(parser.parse_intermixed_args(arguments[1:]))


class _HelpFormatter(RawDescriptionHelpFormatter):
    """Usage on one line, with CONFIG first: behind ``--resume`` or ``--cfg-options`` it would be taken for a value.

    The texts before and after the options are wrapped: paragraphs, and entries of lists, which are indented by two
    spaces. Lines that are indented by more are commands, and stay whole.
    """

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = re.sub(r'^(\S.*[^:\n])\n(?=\S)', r'\1 ', text, flags=re.MULTILINE).splitlines()
        return '\n'.join(line if line.startswith(' ' * 3) else _wrap(line, width) for line in lines)

    def add_usage(self, usage: str | None, actions: Iterable[Action], groups: Any, prefix: str | None = None) -> None:
        positionals = [action for action in actions if not action.option_strings]
        options = Action([], 'options', metavar='[option ...]')
        super().add_usage(usage, [*positionals, options], [], prefix)


def _wrap(text: str, width: int) -> str:
    inner = ' ' * (6 if text.startswith(' ') else 0)
    return fill(text, width, subsequent_indent=inner, break_long_words=False, break_on_hyphens=False)


def _require_stack() -> None:
    """Say in one sentence what is missing, as far as that can be told without importing it."""
    from ..utils.stack import stack_problem

    if problem := stack_problem():
        raise UserError(f'{problem} ({_ADVICE})')


def _register() -> None:
    """What ``import mmbackbones`` does elsewhere, with one sentence for what is missing."""
    from .. import register

    try:
        register()
    except ImportError as error:
        raise UserError(f'{error} ({_ADVICE})') from error
