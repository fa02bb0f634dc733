"""The model zoo: metadata in OpenMMLab's format, its counts, and the tables that are made of it."""

from .counts import count, recount_all, released
from .metadata import METRICS, read_models
from .tables import page, write_tables

__all__ = ['METRICS', 'count', 'page', 'read_models', 'recount_all', 'released', 'write_tables']
