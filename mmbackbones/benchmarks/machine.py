"""Where and with what something was measured."""

import datetime
import platform

import torch

from ..apis.env.machine import look_at_cpu

# Those of the names of instruction sets that tell what a CPU's matrix products are made of.
_TOLD = ('AVX2', 'AVX-512', 'AVX-512 BF16', 'AMX BF16', 'NEON', 'SVE', 'BF16')


def machine(device: str) -> dict[str, str]:
    """The columns of a table that say where and with what its rows were measured.

    Args:
        device: ``cuda`` or ``cpu``. A CPU is named with the number of its cores that PyTorch uses.
    """
    gpu, cpu, threads = device == 'cuda', look_at_cpu(), torch.get_num_threads()
    name = cpu.name.replace('(R)', '').replace('(TM)', '')
    return dict(
        device=torch.cuda.get_device_name() if gpu else f'{name}, {threads} {"core" if threads == 1 else "cores"}',
        instructions='' if gpu else ', '.join(name for name in cpu.instructions or () if name in _TOLD),
        python=platform.python_version(),
        pytorch=torch.__version__,
        cuda=str(torch.version.cuda) if gpu else '',
        cudnn=str(torch.backends.cudnn.version()) if gpu else '',
        date=datetime.date.today().isoformat(),
    )
