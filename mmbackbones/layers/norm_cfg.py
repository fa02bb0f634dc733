"""The norm that the layers use unless told otherwise."""

BATCH_NORM: dict = dict(type='BN')  # read only, as mmcv copies a config before it takes anything out
