"""The model zoo: metadata in OpenMMLab's format, its counts, and the tables generated from it."""

from .counts import count, recount_all, with_release_info
from .frameworks import FRAMEWORKS, METRICS, Framework
from .metadata import read_models, update_index
from .tables import render_page, render_readme_table, write_tables

__all__ = [
    'FRAMEWORKS',
    'METRICS',
    'Framework',
    'count',
    'read_models',
    'recount_all',
    'render_page',
    'render_readme_table',
    'update_index',
    'with_release_info',
    'write_tables',
]
