"""The figures in a page are those that an independent computation from the files of the test gives."""

import json
import re

import pytest

from mmbackbones.apis import report
from tests.helpers.recomputed import objects, pixels, rates
from tests.helpers.result_folders import random_images, write_label_maps, write_results

pytestmark = pytest.mark.slow

NAMES = ('cat', 'dog', '</script>')


def figures_in_page(folder):
    """The figures for programs, and the numbers that each row of a table shows."""
    text = report(folder, out=folder / 'page.html').file.read_text(encoding='utf-8')
    content = json.loads(re.search(r'id="figures">(.*?)</script>', text, re.DOTALL)[1])
    return content['runs'][0]['diagnosis'], text


@pytest.mark.parametrize('task', ['bbox', 'segm'])
def test_detector(task, tmp_path):
    folder = write_results(tmp_path, NAMES, random_images(30, len(NAMES), seed=3), task, ids=[7, 3, 9])
    found, text = figures_in_page(folder)
    ap50, confusion = objects(folder)
    for figures in found['classes']:
        at_best = rates(confusion(figures['best']), figures['name'])
        assert figures['ap50'] == pytest.approx(ap50[figures['name']])
        assert [figures[key] for key in ('precision', 'recall', 'f1')] == pytest.approx(at_best)
        for value in (ap50[figures['name']], *at_best):
            assert f'>{value:.3f}</td>' in text
    curve = found['curve']
    counts = confusion(curve['best'])
    names = [*NAMES, None]
    assert found['confusion'] == [[counts[true, predicted] for predicted in names] for true in names]
    for place in range(0, len(curve['thresholds']), 50):
        expected = rates(confusion(curve['thresholds'][place]))
        assert [curve[key][place] for key in ('precision', 'recall', 'f1')] == pytest.approx(expected)


def test_segmentor(tmp_path):
    folder = write_label_maps(tmp_path, NAMES)
    found, text = figures_in_page(folder)
    counts = pixels(folder)
    assert found['confusion'] == [[counts[true, predicted] for predicted in NAMES] for true in NAMES]
    for figures in found['classes']:
        precision, recall, _ = rates(counts, figures['name'])
        iou = 1 / (1 / precision + 1 / recall - 1)
        assert [figures[key] for key in ('iou', 'accuracy', 'precision')] == pytest.approx([iou, recall, precision])
        assert f'>{iou:.3f}</td>' in text
