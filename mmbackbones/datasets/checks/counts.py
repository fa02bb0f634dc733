"""How much of a COCO file training and evaluation get: as MMDetection's and pycocotools' readers count."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ...utils.text import short


@dataclass(frozen=True)
class Counts:
    training: bool  # whether it is to be trained on, not evaluated
    images: int  # that are used
    left_out: int  # images that the recipe does without
    boxes: int  # that are trained on, or counted in evaluation
    backgrounds: int  # images without such a box
    crowds: int
    tiny: int  # boxes narrower or lower than a pixel, which CocoDataset drops, and pycocotools does not
    unseen: tuple[str, ...]  # classes without such a box

    def why_empty(self, dropped: bool) -> str:
        """What is the matter if there are no boxes; `dropped`: there were some before the repair."""
        kinds = {'are marked as crowds': self.crowds, 'are narrower or lower than a pixel': self.tiny}
        if texts := [f'{number} boxes {what}' for what, number in kinds.items() if number]:
            return f'{" and ".join(texts)}, and there are no others'
        return 'no box of it has an area in its image' if dropped else 'no image of it has a box'

    def describe(self, name: str) -> list[str]:
        """What to tell of the annotations `name`, besides the numbers of images and boxes; a line each."""
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


def count_usable(data: dict, annotated: Collection[int], filter_cfg: Mapping | None, training: bool) -> Counts:
    """Count what CocoDataset with `filter_cfg` (for training), or COCOeval, makes of repaired `data`.

    Args:
        annotated: ids of the images that have annotations in the file that is going to be read.
    """
    recipe = filter_cfg or {}
    used = {
        image['id']
        for image in data['images']
        if (image['id'] in annotated or not recipe.get('filter_empty_gt'))
        and min(image['width'], image['height']) >= recipe.get('min_size', 0)
    }
    kinds, by_class, with_boxes = Counter(), Counter(), set()
    for annotation in data['annotations']:
        if annotation['image_id'] not in used:
            continue
        if annotation['iscrowd']:
            kinds['crowd'] += 1
        elif training and not is_trained_on(annotation):
            kinds['tiny'] += 1
        else:
            by_class[annotation['category_id']] += 1
            with_boxes.add(annotation['image_id'])
    unseen = tuple(item['name'] for item in data['categories'] if item['id'] not in by_class)
    return Counts(
        training,
        len(used),
        len(data['images']) - len(used),
        by_class.total(),
        len(used) - len(with_boxes),
        kinds['crowd'],
        kinds['tiny'],
        unseen,
    )


def is_trained_on(annotation: dict) -> bool:
    """Whether CocoDataset takes the box of a repaired annotation for an object."""
    _, _, width, height = annotation['bbox']
    return not annotation['iscrowd'] and width >= 1 and height >= 1
