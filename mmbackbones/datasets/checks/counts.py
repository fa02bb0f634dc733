"""Numbers of images and boxes that training and evaluation use, counted as MMDetection and pycocotools read them."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ...utils.garbage import paused_collector
from ...utils.text import short


@dataclass(frozen=True)
class Counts:
    """What a split holds for its use.

    Attributes:
        training: Whether the split is trained on; otherwise it is evaluated.
        images: Number of images that are used.
        left_out: Number of images that the training recipe leaves out.
        boxes: Number of boxes that are trained on, or counted in evaluation.
        backgrounds: Number of images without such a box.
        crowds: Number of boxes marked as crowds.
        tiny: Number of boxes narrower or lower than a pixel, which CocoDataset drops and pycocotools does not.
        unseen: Classes without a box that counts.
    """

    training: bool
    images: int
    left_out: int
    boxes: int
    backgrounds: int
    crowds: int
    tiny: int
    unseen: tuple[str, ...]

    def why_empty(self, dropped: bool) -> str:
        """The reason why there are no boxes.

        Args:
            dropped: Whether there were some before the repair.
        """
        kinds = {'marked as crowds': self.crowds, 'narrower or lower than a pixel': self.tiny}
        if texts := [f'{what} ({number})' for what, number in kinds.items() if number]:
            return f'its only boxes are {" or ".join(texts)}'
        return 'none of its boxes has an area inside its image' if dropped else 'none of its images has a box'

    def describe(self, name: str) -> list[str]:
        """What the user should know of a split besides its numbers of images and boxes, one line per fact.

        Args:
            name: How the lines call the annotations.
        """
        notes = []
        if self.left_out:
            notes.append(f'{name}: images that the recipe leaves out, as published: {self.left_out}')
        if self.crowds:
            effect = 'not trained on' if self.training else 'detections there count neither as right nor as wrong'
            notes.append(f'{name}: boxes marked as crowds, not among those counted: {self.crowds}; {effect}')
        if self.tiny and self.training:
            notes.append(f'{name}: boxes narrower or lower than a pixel, which are not trained on: {self.tiny}')
        if self.unseen and self.training:
            notes.append(
                f'{name}: classes without a box to train on: {len(self.unseen)}, such as {short(self.unseen[0])}'
            )
        return notes


@paused_collector()
def count_usable(
    data: dict[str, Any], annotated: Collection[int], filter_cfg: Mapping[str, Any] | None, training: bool
) -> Counts:
    """Count what CocoDataset (for training) or COCOeval (for evaluation) makes of repaired annotations.

    Args:
        data: Content of a COCO file, repaired.
        annotated: Ids of the images that have annotations in the file that is going to be read.
        filter_cfg: ``filter_cfg`` of CocoDataset: which images it leaves out.
        training: Whether the split is trained on; otherwise it is evaluated.
    """
    recipe = filter_cfg or {}
    used = {
        image['id']
        for image in data['images']
        if (image['id'] in annotated or not recipe.get('filter_empty_gt'))
        and min(image['width'], image['height']) >= recipe.get('min_size', 0)
    }
    boxes_of_class: Counter[int] = Counter()
    with_boxes = set()
    crowds = tiny = 0
    for annotation in data['annotations']:
        if annotation['image_id'] not in used:
            continue
        if annotation['iscrowd']:
            crowds += 1
        elif training and not is_trained_on(annotation):
            tiny += 1
        else:
            boxes_of_class[annotation['category_id']] += 1
            with_boxes.add(annotation['image_id'])
    return Counts(
        training=training,
        images=len(used),
        left_out=len(data['images']) - len(used),
        boxes=boxes_of_class.total(),
        backgrounds=len(used) - len(with_boxes),
        crowds=crowds,
        tiny=tiny,
        unseen=tuple(item['name'] for item in data['categories'] if item['id'] not in boxes_of_class),
    )


def is_trained_on(annotation: dict[str, Any]) -> bool:
    """Whether CocoDataset takes the box of a repaired annotation for an object."""
    _, _, width, height = annotation['bbox']
    return bool(not annotation['iscrowd'] and width >= 1 and height >= 1)
