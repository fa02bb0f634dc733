"""What `make setup` refuses."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which('make') is None, reason='make is not installed')


def make(*arguments):
    return subprocess.run(['make', *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def onedl_environment(tmp_path):
    """An environment in which pip finds OneDL's MMEngine only, and can do nothing else."""
    python = tmp_path / 'bin' / 'python'
    python.parent.mkdir()
    python.write_text('#!/bin/sh\ncase "$*" in *"show -q onedl-mmengine") exit 0;; *) exit 1;; esac\n')
    python.chmod(0o755)
    return tmp_path


def test_an_environment_of_the_other_stack_is_refused(onedl_environment):
    before = sorted(onedl_environment.rglob('*'))
    done = make('setup', f'VENV={onedl_environment}', 'STACK=openmmlab')
    assert done.returncode == 2
    assert done.stderr.startswith(
        f'{onedl_environment} holds the libraries of STACK=onedl, which those of STACK=openmmlab would overwrite: '
        'leave STACK out, or choose another environment, such as VENV=.venv-openmmlab\n'
    )
    assert sorted(onedl_environment.rglob('*')) == before


def test_without_stack_an_environment_keeps_its_own(onedl_environment):
    (onedl_environment / '.ready-onedl').touch()
    done = make('-n', 'setup', f'VENV={onedl_environment}')
    assert (done.returncode, done.stderr) == (0, '')
    assert 'install' not in done.stdout


def test_other_stacks_are_refused():
    done = make('setup', 'STACK=open-mmlab')
    assert done.returncode == 2
    assert 'STACK=open-mmlab is unknown: it is openmmlab or onedl' in done.stderr
