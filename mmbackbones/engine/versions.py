"""The versions of what a run computes with, as its files state them."""

import platform
import sys

_LIBRARIES = ('mmbackbones', 'torch', 'mmengine', 'mmcv', 'mmdet', 'mmseg')


def library_versions() -> dict[str, str]:
    """The versions of Python and of each library that is imported."""
    found = {name: getattr(sys.modules.get(name), '__version__', None) for name in _LIBRARIES}
    return {'python': platform.python_version(), **{name: str(version) for name, version in found.items() if version}}
