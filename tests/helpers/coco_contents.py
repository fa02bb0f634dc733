"""What the written COCO files hold, and what they should."""

import contextlib
import io
from pathlib import Path

from pycocotools.coco import COCO

from . import detection_folders as folders
from .detection_folders import TRUTH


def contents(split) -> dict[str, list[tuple]]:
    """As in TRUTH, by way of pycocotools."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(split.ann_file)
    found = {}
    for image in coco.dataset['images']:
        assert (split.image_dir / image['file_name']).is_file()
        assert (image['width'], image['height']) == folders.SIZE
        boxes = [
            (coco.cats[item['category_id']]['name'], *(round(value, 4) for value in item['bbox']))
            for item in coco.imgToAnns[image['id']]
        ]
        found[Path(image['file_name']).stem] = sorted(boxes)
    return found


def truth(split: str) -> dict[str, list[tuple]]:
    return {stem: sorted(boxes) for stem, boxes in TRUTH[split].items()}
