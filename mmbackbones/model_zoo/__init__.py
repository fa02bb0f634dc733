"""The model zoo: metadata in OpenMMLab's format, its counts, and the tables generated from it.

Names are imported from the modules, because those of the command's help must not wait for PyTorch.
"""
