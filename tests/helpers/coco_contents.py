"""What the written COCO files hold, and what they should."""

import contextlib
import io
from pathlib import Path

from pycocotools.coco import COCO

from mmbackbones.datasets import load_detection

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


def check_val(root: Path, out_dir: Path) -> list[str]:
    """Assert that the validation split of a folder is the one that it has; return the notes behind the first."""
    data = load_detection(root, out_dir)
    assert contents(data.splits['train']) == truth('train')
    assert contents(data.splits['val']) == truth('val')
    assert not any('80/20' in note for note in data.notes)
    return list(data.notes)
