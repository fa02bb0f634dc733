"""How often trials are repeated, and from which seed; how they are told of at the end of ``make soak``."""

import os
import signal
from collections.abc import Callable

from tests.helpers.interrupted_runs import Hit

TRIALS = int(os.environ.get('SOAK_TRIALS', '30'))
SEED = int(os.environ.get('SOAK_SEED', '0'))


def note_trial(record_property: Callable, kind: str, hits: list[Hit]) -> None:
    """Print the signals of a trial, and hand them to the account at the end."""
    for hit in hits:
        last = hit.ending.writes[-1] if hit.ending.writes else 'nothing'
        print(f'{signal.Signals(hit.signum).name} {hit.moment}: exit code {hit.ending.code}, last write: {last}')
    found = [f'{signal.Signals(hit.signum).name}s' for hit in hits]
    found += [f'in the middle of {hit.unfinished}' for hit in hits if hit.unfinished]
    record_property('trial', (kind, found))
