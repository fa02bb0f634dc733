"""What importing the libraries does: tried in another process, which may crash, hang or print."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_PROBE = Path(__file__).with_name('probe.py')
_TIMEOUT = 120  # seconds; PyTorch from a cold network disk takes one or two minutes

# Tried in this order: each after what it needs, and the libraries that need operators after the stand-ins are there.
STEPS = (
    'numpy',
    'cv2',
    'pycocotools.mask',
    'torch',
    'devices',
    'mmengine',
    'mmcv',
    'mmcv._ext',
    'mmbackbones',
    'mmdet',
    'mmseg',
)


def try_libraries(steps: Sequence[str] = STEPS, timeout: float = _TIMEOUT) -> dict[str, dict[str, Any]]:
    """Import each library once.

    Args:
        steps: Names of modules, and the special steps of :mod:`.probe`.
        timeout: Seconds after which a process counts as hanging.

    Returns:
        What each step found, such as `version`, or its `error`: a dict of `type`, `message` and `missing`, the module
        that was not found, or None.
    """
    found: dict[str, dict[str, Any]] = {}
    blocked: list[str] = []
    while left := [step for step in steps if step not in found]:
        lines, ended = _run({'path': sys.path, 'steps': left, 'blocked': blocked}, timeout)
        for step, result in zip(lines[::2], lines[1::2], strict=False):
            found[step] = result
            if 'error' in result:
                blocked.append(step)
        if len(lines) % 2:  # the process ended in the middle of a step
            step = lines[-1]
        elif len(lines) < 2 * len(left):  # between two, or before the first
            step = left[len(lines) // 2]
        else:
            break
        found[step] = {'error': {'type': 'Crash', 'message': ended, 'missing': None}}
        blocked.append(step)
    return found


def _run(request: dict[str, Any], timeout: float) -> tuple[list[Any], str]:
    """Run the probe.

    Returns:
        What it wrote, and how it ended, in words.
    """
    command = [sys.executable, '-W', 'ignore', str(_PROBE)]
    try:
        process = subprocess.run(
            command,
            input=json.dumps(request).encode() + b'\n',
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
        output, ended = process.stdout, _how(process.returncode)
    except subprocess.TimeoutExpired as error:
        output, ended = error.stdout or b'', f'it did not end within {timeout:g} s'
    except OSError as error:
        output, ended = b'', f'Python cannot be started ({error})'
    return [json.loads(line) for line in output.splitlines(keepends=True) if line.endswith(b'\n')], ended


def _how(code: int) -> str:
    if code >= 0:
        return f'it ended the process with exit code {code}'
    return f'it ended the process with signal {-code} ({_SIGNALS.get(-code, "see `kill -l`")})'


# In the words of a shell. An illegal instruction: built for another processor. Killed: mostly for lack of memory.
_SIGNALS = {4: 'illegal instruction', 6: 'aborted', 7: 'bus error', 9: 'killed', 11: 'segmentation fault'}
