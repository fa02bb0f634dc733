"""Changes to the COCO files of a data set."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Change = Callable[[dict[str, Any]], object]


def edit(root: Path, change: Change, split: str = 'train') -> None:
    """Change the annotation file of a split of :func:`~tests.helpers.detection_folders.plain`."""
    file = root / f'annotations/{split}.json'
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def first(**values: Any) -> Change:
    """Change the first annotation."""
    return lambda data: data['annotations'][0].update(values)


def again(key: str) -> Change:
    """Repeat the first record of a list."""
    return lambda data: data[key].append(dict(data[key][0]))
