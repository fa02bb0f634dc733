"""Say what is installed here, what this machine can do, and what is missing, with the commands that mend it.

It works where libraries are missing or broken, because they are imported in another process.

Examples:

    mmbackbones env                   # for reading
    mmbackbones env --json            # for bug reports and scripts

Exit codes: 0 if all that is needed is there, 1 if something under "To do" is left (`ok` and `to_do` in the JSON).
"""

import json
import sys
from argparse import ArgumentParser, Namespace

from ..apis.env import environment


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='the same as JSON, sizes in bytes')


def main(arguments: Namespace) -> None:
    report = environment()
    print(json.dumps(report.as_dict(), indent=2) if arguments.json else report)
    if not report.ok:
        sys.exit(1)
