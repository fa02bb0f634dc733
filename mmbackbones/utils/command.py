"""Whether this process is the command ``mmbackbones``. Imports nothing but the standard library."""

import sys
from multiprocessing import current_process, parent_process
from pathlib import Path

_TOOLS = Path(__file__).parents[2] / 'tools'


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
