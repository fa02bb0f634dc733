"""What a model got wrong, from the files that a test leaves.

- :func:`read_results`: the files of a test.
- :mod:`.figures`: what a diagnosis has.
"""

from .results import Results, TestedImage, read_results

__all__ = ['Results', 'TestedImage', 'read_results']
