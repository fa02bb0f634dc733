"""The model zoo: metadata in OpenMMLab's format, its counts, and the tables that are made of it."""
from .counts import count, count_anew, released
from .metadata import METRICS, read_models
from .tables import page, write_tables

__all__ = ['METRICS', 'count', 'count_anew', 'page', 'read_models', 'released', 'write_tables']
