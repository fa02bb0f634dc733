"""What `predict` finds in an image equals what `test` finds in it, to the last digit, from the checkpoint alone."""

from pathlib import Path
from typing import Any

import pytest

from mmbackbones.apis import load
from mmbackbones.apis import test as evaluate
from mmbackbones.engine.inference_form import inference_form
from mmbackbones.errors import UserError
from tests.helpers.as_tested import check_as_tested, keep_tested

pytestmark = pytest.mark.slow


@pytest.fixture
def tested(monkeypatch, tmp_path):
    """Runs `test` and returns what it found in each image, by the path of the image."""

    def run(checkpoint: str, data: Path, **options: Any) -> dict[str, dict]:
        found = keep_tested(monkeypatch)
        evaluate(checkpoint, data, work_dir=tmp_path / 'test', **options)
        return found

    return run


@pytest.mark.parametrize('batch_size', [1, 3])
@pytest.mark.parametrize('task', ['detector', 'mask_detector', 'segmentor'])
def test_every_image(tested, request, task, batch_size, shapes, several_sizes):
    checkpoint = request.getfixturevalue(f'{task}_file')
    one_size = task == 'segmentor' and batch_size > 1  # MMSegmentation takes no others in a batch
    data = shapes if one_size else several_sizes
    expected = tested(checkpoint, data, batch_size=batch_size)
    images = data / 'images' / 'validation'
    found = list(load(checkpoint, device='cpu').predict(images, score_thr=0, batch_size=batch_size))
    assert [str(Path(p.source).absolute()) for p in found] == list(expected)
    assert len(found) == 4
    for prediction, sample in zip(found, expected.values(), strict=True):
        check_as_tested(prediction, sample)


@pytest.mark.parametrize(
    ('task', 'options'),
    [
        ('detector', dict(tta=True)),
        ('mask_detector', dict(amp=True)),
        ('segmentor', dict(amp=True)),
        ('mask_detector', dict(tile=(48, 48))),
        ('segmentor', dict(tile=(48, 48))),
    ],
)
def test_options(tested, request, task, options, several_sizes):
    checkpoint = request.getfixturevalue(f'{task}_file')
    expected = tested(checkpoint, several_sizes, **options)
    found = load(checkpoint, device='cpu').predict(list(expected), score_thr=0, **options)
    for prediction, sample in zip(found, expected.values(), strict=True):
        check_as_tested(prediction, sample)


def test_a_segmentor_and_batches_of_several_sizes(tested, segmentor_file, several_sizes):
    """In a test this is refused by MMSegmentation; `predict` takes such images one after the other."""
    with pytest.raises(UserError, match='the images have several sizes, and this segmentor takes .*--batch-size 1'):
        tested(segmentor_file, several_sizes, batch_size=3)
    expected = tested(segmentor_file, several_sizes)
    found = load(segmentor_file, device='cpu').predict(list(expected), batch_size=3)
    for prediction, sample in zip(found, expected.values(), strict=True):
        check_as_tested(prediction, sample)


@pytest.mark.parametrize('task', ['detector', 'segmentor'])
def test_the_inference_form_computes(request, task):
    """In a copy: the model that was loaded stays as it is, and can be trained."""
    model = load(request.getfixturevalue(f'{task}_file'), device='cpu')
    computing = model.predictor()._network
    assert computing is inference_form(model.network)
    assert computing.backbone.fused
    assert not model.network.train().backbone.fused
