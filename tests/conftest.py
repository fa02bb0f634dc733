"""Imported before any test: with mmcv-lite, mmdet and mmseg can only be imported after mmbackbones."""
import mmbackbones  # noqa: F401
