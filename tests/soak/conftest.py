"""How many trials there are, and the account of them at the end."""

from collections import Counter, defaultdict

import pytest

from tests.helpers.interrupted_runs import CASES, Trainings
from tests.helpers.soak import SEED, TRIALS


def pytest_generate_tests(metafunc) -> None:
    """Each trial is a test of its own, so that it can be repeated alone: by its name and the seed."""
    if 'trial' in metafunc.fixturenames:
        metafunc.parametrize('trial', range(TRIALS))


def pytest_terminal_summary(terminalreporter) -> None:
    """Say for each kind of trial how many there were, and what the signals hit; and what else was measured."""
    accounts: dict[str, Counter] = defaultdict(Counter)
    figures = []
    for outcome in ('passed', 'failed'):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in report.user_properties:
                if name == 'trial':
                    kind, hits = value
                    accounts[kind].update([outcome, *hits])
                elif name == 'figure':
                    figures.append(value)
    if accounts or figures:
        terminalreporter.section(f'soak, seed {SEED}')
    for kind, counts in accounts.items():
        passed, failed = counts.pop('passed', 0), counts.pop('failed', 0)
        hits = ', '.join(f'{number} {name}' for name, number in counts.most_common())
        terminalreporter.line(f'{kind}: {passed} of {passed + failed} trials passed; {hits}')
    for line in figures:
        terminalreporter.line(line)


@pytest.fixture(scope='module', params=CASES)
def trainings(request, shapes, tmp_path_factory) -> Trainings:
    """Each kind of run that is interrupted."""
    config, options = CASES[request.param]
    folder = tmp_path_factory.mktemp('runs')
    return Trainings(request.param, request.getfixturevalue(config), options, shapes, folder)
