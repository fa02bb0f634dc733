"""The libraries of the extra ``export``, imported when they are needed."""

from importlib import import_module
from typing import Any

from ..errors import UserError


def need(purpose: str, *names: str) -> Any:
    """Import libraries, or say in one sentence how to install them.

    Args:
        purpose: What they are for; the beginning of the sentence.
        names: Their names; the first one is returned.

    Raises:
        UserError: One is not installed.
    """
    modules = []
    for name in names:
        try:
            modules.append(import_module(name))
        except ImportError as error:
            raise UserError(f'{purpose} needs {name}: pip install "mmbackbones[export]"') from error
    return modules[0]
