"""What this machine and this Python can do for us, what is missing, and the commands that mend it.

Imports nothing but the standard library, because such a report is needed most where libraries are missing or broken.
They are imported in another process (:mod:`.libraries`).
"""

from .collect import environment
from .records import Environment

__all__ = ['Environment', 'environment']
