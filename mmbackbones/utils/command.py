"""Whether this process is the command ``mmbackbones``, and with what. Imports nothing but the standard library."""

import shlex
import sys
from multiprocessing import current_process, parent_process
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_TOOLS = _PACKAGE.parent / 'tools'


def is_command() -> bool:
    """Whether this process is ``mmbackbones``, ``python -m mmbackbones`` or one of the files of a clone's ``tools/``.

    Its data workers are not, even where they start as new interpreters with the same arguments.
    """
    # A new interpreter imports the command's file before it knows that it has a parent.
    worker = parent_process() is not None or getattr(current_process(), '_inheriting', False)
    program = sys.argv[0] if sys.argv and not worker else ''
    if program == '-m':  # Python is still looking for the module, whose name comes before the arguments
        return sys.orig_argv[-len(sys.argv)].removeprefix('-m') == 'mmbackbones'
    path = Path(program)
    return path.stem == 'mmbackbones' or path.resolve().parent == _TOOLS


def command_line() -> str | None:
    """The command that this process is, as it is typed in a shell; None if it is another program."""
    program, path = sys.argv[0], Path(sys.argv[0]).resolve()
    if path == _PACKAGE / '__main__.py':
        start = ['python', '-m', 'mmbackbones']
    elif is_command():
        start = ['python', program] if path.parent == _TOOLS else ['mmbackbones']
    else:
        return None
    return shlex.join([*start, *sys.argv[1:]])
