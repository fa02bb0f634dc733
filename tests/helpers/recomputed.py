"""The figures of a report once more, from `predictions.json` and `ground_truth.json` alone, object by object."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask


def load(folder):
    """Names of the classes by id, and the annotations of the ground truth and of the predictions by image."""
    truth, found = (json.loads((Path(folder) / f'{name}.json').read_text()) for name in ('ground_truth', 'predictions'))
    by_image = {image['id']: ([], []) for image in truth['images']}
    for side, content in enumerate((truth, found)):
        for item in content['annotations']:
            by_image[item['image_id']][side].append(item)
    return truth['info']['task'], {item['id']: item['name'] for item in truth['categories']}, by_image


def iou(found, truth, key):
    return float(coco_mask.iou([found[key]], [truth[key]], [truth['iscrowd']])[0, 0])


def objects(folder):
    """AP50 by class; and a function of a score threshold: counts of (true, predicted) names, None for background."""
    task, names, by_image = load(folder)
    key = 'bbox' if task == 'bbox' else 'segmentation'
    scored, truths, judged = defaultdict(list), Counter(), []
    for true, found in by_image.values():
        left = [item for item in true if not item['iscrowd']]
        truths.update(item['category_id'] for item in left)
        seen = Counter()
        for one in sorted(found, key=lambda item: -item['score']):
            seen[one['category_id']] += 1
            if seen[one['category_id']] > 100:  # as COCO counts
                continue
            same = [item for item in true if item['category_id'] == one['category_id'] and iou(one, item, key) >= 0.5]
            free = [item for item in same if item in left]
            if free:
                hit = max(free, key=lambda item: iou(one, item, key))
                left.remove(hit)
            if free or not any(item['iscrowd'] for item in same):
                scored[one['category_id']].append((one['score'], bool(free)))
                judged.append((one, hit if free else None, [item for item in true if not item['iscrowd']]))
    ap50 = {}
    for number, total in truths.items():
        right = np.array([hit for _, hit in sorted(scored[number], key=lambda pair: -pair[0])], bool)
        precision, recall = right.cumsum() / np.arange(1, right.size + 1), right.cumsum() / total
        ap50[names[number]] = np.mean([max(precision[recall >= r], default=0) for r in np.linspace(0, 1, 101)])

    def confusion(threshold):
        above = [entry for entry in judged if entry[0]['score'] >= threshold]
        taken = {hit['id'] for _, hit, _ in above if hit}
        counts = Counter((names[one['category_id']],) * 2 for one, hit, _ in above if hit)
        for one, _, near in sorted((entry for entry in above if not entry[1]), key=lambda entry: -entry[0]['score']):
            free = [item for item in near if item['id'] not in taken and iou(one, item, key) >= 0.5]
            meant = max(free, key=lambda item: iou(one, item, key), default=None)
            taken.add(meant and meant['id'])
            counts[meant and names[meant['category_id']], names[one['category_id']]] += 1
        for true, _ in by_image.values():
            missed = (item for item in true if not item['iscrowd'] and item['id'] not in taken)
            counts.update((names[item['category_id']], None) for item in missed)
        return counts

    return ap50, confusion


def rates(confusion, name=None):
    """Precision, recall and F1 of a class, or of all together."""
    right = sum(count for (true, found), count in confusion.items() if true == found and name in (None, true))
    found = sum(count for (_, found), count in confusion.items() if found and name in (None, found))
    true = sum(count for (true, _), count in confusion.items() if true and name in (None, true))
    return right / found if found else 1.0, right / true, 2 * right / (found + true)


def pixels(folder):
    """Counts of pixels of (true, predicted) names of a segmentor."""
    _, names, by_image = load(folder)
    counts = Counter()
    for true, found in by_image.values():
        for one in true:
            for other in found:
                both = coco_mask.decode(one['segmentation']) & coco_mask.decode(other['segmentation'])
                counts[names[one['category_id']], names[other['category_id']]] += int(both.sum())
    return counts
