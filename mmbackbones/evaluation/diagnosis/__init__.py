"""What a model got wrong, from the files that a test leaves.

- :func:`read_results`: the files, as arrays.
- :func:`diagnose`: curves, confusions, kinds of errors, the best and the worst images, likely label errors.
"""

from .diagnose import diagnose
from .figures import (
    ClassFigures,
    DetectionDiagnosis,
    ErrorExample,
    ErrorKind,
    ImageFigures,
    LabelError,
    SegmentationClass,
    SegmentationDiagnosis,
    ThresholdCurve,
)
from .results import Results, TestedImage, read_results

__all__ = [
    'ClassFigures',
    'DetectionDiagnosis',
    'ErrorExample',
    'ErrorKind',
    'ImageFigures',
    'LabelError',
    'Results',
    'SegmentationClass',
    'SegmentationDiagnosis',
    'TestedImage',
    'ThresholdCurve',
    'diagnose',
    'read_results',
]
