"""Programs that start the processes of a distributed run, known by what they leave in the environment."""

import os
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Launcher:
    """One way to start several processes.

    Attributes:
        command: How it is called.
        variables: What it sets in the environment of each process; the first holds the rank.
    """

    command: str
    variables: tuple[str, ...]


LAUNCHERS = {
    'pytorch': Launcher(
        'torchrun --nproc_per_node N', ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')
    ),
    'slurm': Launcher('srun', ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST')),
    'mpi': Launcher(
        'mpirun',
        ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK', 'MASTER_ADDR'),
    ),
}


def process_rank() -> int:
    """Rank of this process, also before it has joined the process group; 0 for a single process."""
    dist = sys.modules.get('mmengine.dist')  # not imported here: this is also for messages about broken installations
    if dist and dist.is_distributed():
        return int(dist.get_rank())
    names = (launcher.variables[0] for launcher in LAUNCHERS.values())
    return next((int(os.environ[name]) for name in names if name in os.environ), 0)
