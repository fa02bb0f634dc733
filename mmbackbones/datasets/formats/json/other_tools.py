"""Exports of annotation tools that are not read: which export of the tool is."""

from ..folder import Folder
from ..json_kind import JsonKind, find_kinds

_ADVICE: dict[JsonKind, str] = {
    'Label Studio': "Label Studio's own JSON, which is not read: export the project again as COCO, and unpack that",
    'Supervisely': 'a file of Supervisely, which is not read: run its app "Export to COCO" on the project',
    'Labelbox': 'an export of Labelbox, which is not read: convert it to COCO, for example with "labelformat convert"',
    'Datumaro': "Datumaro's own JSON, which is not read: export it as COCO (from CVAT: COCO 1.0)",
}


def explain_export(folder: Folder) -> str | None:
    """What the user has to do with a folder that holds an export that is not read; None if it holds none.

    Returns:
        The end of a sentence that begins with the folder.
    """
    for file in folder.walk('', {'.tfrecord', '.parquet', '.arrow'}):
        return f'holds {file}, a file of records, which are not read: export the data again as COCO, with its images'
    for pattern in ('*.json', '*.ndjson'):
        for file, kind in find_kinds(folder, pattern):
            if kind in _ADVICE:
                return f'holds {file}, {_ADVICE[kind]}'
    return None
