"""What `mmcv.utils.collect_env` reports about the compiled module."""


def get_compiler_version() -> str:
    return 'none (operators of mmbackbones)'


def get_compiling_cuda_version() -> str:
    return 'not available'
