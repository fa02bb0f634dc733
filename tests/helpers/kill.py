"""Training runs that are killed: by a hook, named in ``custom_imports``, or at a chosen write."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from multiprocessing.process import BaseProcess as Process
from pathlib import Path

import torch
from mmengine.fileio import LocalBackend
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class KillHook(Hook):
    """SIGKILL in the middle of the second epoch."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.epoch == 1 and batch_idx == 1:
            os.kill(os.getpid(), signal.SIGKILL)


@HOOKS.register_module()
class SignalHook(Hook):
    """A signal at a moment of a training run, or several.

    Args:
        moments: For each a method of a hook, the number of completed iterations then (the current one included), and
            the number of the signal.
    """

    def __init__(self, moments: Sequence[tuple[str, int, int]] = ()) -> None:
        for method in {method for method, _, _ in moments}:
            sent = {iteration: number for other, iteration, number in moments if other == method}
            setattr(self, method, partial(self._send, sent, method == 'after_train_iter'))

    @staticmethod
    def _send(sent: dict[int, int], is_current: bool, runner, *_, **__) -> None:
        if number := sent.get(runner.iter + is_current):
            os.kill(os.getpid(), number)


def fork(function: Callable[[], object]) -> int:
    """Call `function` in a forked process of its own, and return the exit code: a negative one is a signal's number."""

    def child() -> None:
        torch.set_num_threads(1)
        function()

    process = get_context('fork').Process(target=child)
    process.start()
    process.join(120)
    return process.exitcode


def start_logged(function: Callable[[], object], log: Path) -> Process:
    """Call `function` in a forked process that leads a group of its own, and prints to the file `log`."""

    def child() -> None:
        gc.freeze()  # what other tests have left: PyAV's frames wait for threads of the parent when they are collected
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which jobs in the background ignore
        with open(log, 'w', buffering=1) as output:
            for stream in (1, 2):
                os.dup2(output.fileno(), stream)
            sys.stdout = sys.stderr = output
            torch.set_num_threads(1)
            function()

    process = get_context('fork').Process(target=child)
    process.start()
    return process


def run_killed(function: Callable[[], object], name: str, occurrence: int) -> None:
    """Call `function` in a process of its own, which gets SIGKILL when half of a checkpoint is written.

    Args:
        function: What to call; it is forked, not pickled.
        name: Beginning of the checkpoint's file name.
        occurrence: At which of the writes of such a file, counted from 1.
    """

    def child() -> None:
        whole, seen = LocalBackend.put, 0

        def put(self, content, path):
            nonlocal seen
            if Path(path).name.startswith(name):
                seen += 1
                if seen == occurrence:
                    whole(self, content[: len(content) // 2], path)
                    os.kill(os.getpid(), signal.SIGKILL)
            whole(self, content, path)

        LocalBackend.put = put
        function()

    assert fork(child) == -signal.SIGKILL
