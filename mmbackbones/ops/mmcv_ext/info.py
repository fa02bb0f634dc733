"""The versions that `mmcv.utils.collect_env` reports for the compiled module."""


def get_compiler_version() -> str:
    """Says that nothing was compiled."""
    return 'none (operators of mmbackbones)'


def get_compiling_cuda_version() -> str:
    """Says that nothing was compiled with CUDA."""
    return 'not available'
