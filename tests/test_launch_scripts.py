"""The scripts that start several processes, with a program in the place of torchrun and srun that prints its call."""

import os
import subprocess

import pytest

from tests.helpers.tiny_configs import ROOT

SAY = """#!/usr/bin/env bash
printf '%s\\n' "${0##*/}" "$@" "PYTHONPATH=$PYTHONPATH" "MASTER_PORT=${MASTER_PORT-}"
"""


@pytest.fixture
def call(tmp_path):
    """Calls a script from another folder: (exit code, what the program was given, line by line, standard error)."""
    for name in ('torchrun', 'srun'):
        (tmp_path / name).write_text(SAY)
        (tmp_path / name).chmod(0o755)

    def run(name, *arguments, **variables):
        done = subprocess.run(
            [ROOT / 'tools' / name, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={'PATH': f'{tmp_path}:{os.environ["PATH"]}', **variables},
        )
        return done.returncode, done.stdout.splitlines(), done.stderr

    return run


def follows(words: list[str], *wanted: str) -> bool:
    """Whether some words follow each other in a call."""
    return any(tuple(words[start : start + len(wanted)]) == wanted for start in range(len(words)))


@pytest.mark.parametrize(
    ('script', 'verb', 'given'),
    [('dist_train.sh', 'train', ['my config']), ('dist_test.sh', 'test', ['my config', 'a b.pth'])],
)
def test_torchrun(call, script, verb, given):
    code, said, err = call(script, *given, '2', '--work-dir', 'my runs', PYTHONPATH='/mine')
    assert (code, err) == (0, '')
    command = ['--', str(ROOT / f'tools/{verb}.py'), *given, '--launcher', 'pytorch', '--work-dir', 'my runs']
    assert said[:-2] == ['torchrun', '--standalone', '--nproc_per_node', '2', *command]
    assert said[-2] == f'PYTHONPATH={ROOT}:/mine'
    _, said, _ = call(script, *given, '8', NNODES='2', NODE_RANK='1', MASTER_ADDR='10.0.0.1', PORT='29501')
    place = ['--nnodes', '2', '--node_rank', '1', '--master_addr', '10.0.0.1', '--master_port', '29501']
    assert said[1:-2] == [*place, '--nproc_per_node', '8', *command[:-2]]
    _, said, _ = call(script, *given, '8', PORT='29501')
    assert follows(said, '--master_addr', '127.0.0.1', '--master_port', '29501')


def test_srun(call):
    code, said, err = call('slurm_train.sh', 'gpus', 'job', 'config', 'runs/one', '--epochs', '3')
    assert (code, err) == (0, '')
    assert said[0] == 'srun'
    for words in (
        ('--partition', 'gpus', '--job-name', 'job', '--gres', 'gpu:8', '--ntasks', '8', '--ntasks-per-node', '8'),
        ('--cpus-per-task', '5', '--kill-on-bad-exit=1', 'python', '-u', f'{ROOT}/tools/train.py', 'config'),
        ('config', '--launcher', 'slurm', '--work-dir', 'runs/one', '--epochs', '3', f'PYTHONPATH={ROOT}'),
    ):
        assert follows(said, *words), words
    assert said[-1] == 'MASTER_PORT='
    variables = dict(GPUS='4', CPUS_PER_TASK='2', SRUN_ARGS='--quiet --time=10', PORT='29501')
    _, said, _ = call('slurm_train.sh', 'gpus', 'job', 'config', '--epochs', '3', **variables)
    for words in (
        ('--gres', 'gpu:4', '--ntasks', '4', '--ntasks-per-node', '4', '--cpus-per-task', '2'),
        ('--quiet', '--time=10', 'python'),
        ('config', '--launcher', 'slurm', '--epochs', '3', f'PYTHONPATH={ROOT}', 'MASTER_PORT=29501'),
    ):
        assert follows(said, *words), words
    _, said, _ = call('slurm_test.sh', 'gpus', 'job', 'config', 'file.pth', '--tta', GPUS='16', GPUS_PER_NODE='4')
    assert follows(said, '--gres', 'gpu:4', '--ntasks', '16', '--ntasks-per-node', '4')
    assert follows(said, f'{ROOT}/tools/test.py', 'config', 'file.pth', '--launcher', 'slurm', '--tta')


@pytest.mark.parametrize(
    ('script', 'arguments'),
    [
        ('dist_train.sh', 'CONFIG GPUS'),
        ('dist_test.sh', 'CONFIG CHECKPOINT GPUS'),
        ('slurm_train.sh', 'PARTITION JOB_NAME CONFIG [WORK_DIR]'),
        ('slurm_test.sh', 'PARTITION JOB_NAME CONFIG CHECKPOINT'),
    ],
)
def test_too_few_arguments(call, script, arguments):
    assert call(script, 'one') == (2, [], f'usage: {script} {arguments} [OPTION ...]\n')
