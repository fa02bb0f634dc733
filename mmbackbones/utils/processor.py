"""What the processor has instructions for; standard library only."""

from collections.abc import Collection, Mapping
from pathlib import Path

# Names of instruction sets, and the flags in /proc/cpuinfo of x86 and ARM processors that stand for them.
INSTRUCTIONS = {
    'AVX2': 'avx2',
    'AVX-512': 'avx512f',
    'AVX-512 BF16': 'avx512_bf16',
    'AMX': 'amx_tile',
    'AMX BF16': 'amx_bf16',
    'NEON': 'asimd',
    'SVE': 'sve',
    'BF16': 'bf16',
}


def key_values(path: str) -> dict[str, str]:
    """The lines `key : value` of a file of /proc, the first of each key; none if there is no such file."""
    try:
        lines = Path(path).read_text(errors='replace').splitlines()
    except OSError:
        return {}
    pairs = (line.partition(':') for line in reversed(lines))
    return {key.strip(): value.strip() for key, _, value in pairs}


def instructions_in(cpuinfo: Mapping[str, str]) -> list[str] | None:
    """The instruction sets, of :data:`INSTRUCTIONS`, in the lines of /proc/cpuinfo; None if these do not tell."""
    flags = cpuinfo.get('flags', cpuinfo.get('Features', '')).split()
    return [name for name, flag in INSTRUCTIONS.items() if flag in flags] if flags else None


def has_bfloat16(instructions: Collection[str]) -> bool:
    """Whether a processor with these instruction sets has some for bfloat16."""
    return not {'AMX BF16', 'AVX-512 BF16', 'BF16'}.isdisjoint(instructions)
