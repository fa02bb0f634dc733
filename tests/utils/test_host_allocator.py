"""Kept memory, in processes of their own, since it is a property of a process."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import mmbackbones
from mmbackbones.utils.host_allocator import kept_memory

needs_glibc = pytest.mark.skipif(kept_memory() != 'yes', reason='needs glibc, and no setting of its allocator')

# The package itself would import PyTorch. Faults: pages of 4 KiB that the system gave to this process.
_BEGIN = """
import ctypes, os, random, resource, sys, types
for name, folder in (('mmbackbones', {folder!r}), ('mmbackbones.utils', {folder!r} + '/utils')):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from mmbackbones.utils.host_allocator import keep_memory, kept_memory, keeping_memory, settle
from mmbackbones.utils.host_memory import own_memory

def block(size):
    found = bytearray(size)
    ctypes.memset((ctypes.c_char * size).from_buffer(found), 1, size)
    return found

def faults(rounds=4):
    block(1 << 26), block(1 << 26)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        block(1 << 26)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / rounds
"""
_PAGES = (1 << 26) / 4096


def _run(code, **variables):
    folder = str(Path(mmbackbones.__file__).parent)
    done = subprocess.run(
        [sys.executable, '-c', _BEGIN.format(folder=folder) + dedent(code)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout.split()


@needs_glibc
def test_large_blocks_are_used_again():
    before, inside, afterwards, forked, resident = map(
        float,
        _run("""
        print(faults())
        with keeping_memory():
            with keeping_memory():
                faults()
            print(faults())
            read, write = os.pipe()
            if not os.fork():
                os.write(write, str(faults()).encode())
                os._exit(0)
            os.wait()
            child = float(os.read(read, 100))
        print(faults())
        print(child)
        print(own_memory('VmRSS'))
        """),
    )
    assert before > 0.9 * _PAGES  # or this test shows nothing
    assert inside < 10
    assert afterwards > 0.9 * _PAGES
    assert forked > 0.9 * _PAGES
    assert resident < 1 << 26


@needs_glibc
@pytest.mark.parametrize(
    'variables',
    [dict(MALLOC_TRIM_THRESHOLD_='131072'), dict(GLIBC_TUNABLES='glibc.malloc.trim_threshold=131072')],
    ids=['variable', 'tunable'],
)
def test_the_users_choice_wins(variables):
    *words, kept = _run('keep_memory(); print(kept_memory(), faults())', **variables)
    assert ' '.join(words) == f'no, {next(iter(variables))} is set'
    assert float(kept) > 0.9 * _PAGES


@needs_glibc
def test_one_large_round_is_not_kept_for_good():
    code = """
        keep_memory()
        for size in (8, 8, 8, 256, 8, 8):
            block(size << 20)
            {}
        print(own_memory('VmRSS') >> 20)
        """
    unbounded, bounded = (int(_run(code.format(call))[0]) for call in ('', 'settle()'))
    assert unbounded > 256
    assert bounded < 64


def test_without_glibc(monkeypatch):
    monkeypatch.setattr('mmbackbones.utils.host_allocator._glibc', lambda: None)
    assert kept_memory() == 'no, the C library is not glibc'
