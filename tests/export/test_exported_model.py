"""Exported files in place of checkpoints: the same results, from the file alone."""

import json

import numpy as np
import onnx
import pytest
import torch

from mmbackbones import apis
from mmbackbones.errors import UserError
from mmbackbones.export.metadata import KEY

pytestmark = pytest.mark.slow


def assert_same(one, other):
    assert (one.labels == other.labels).all()
    np.testing.assert_allclose(one.boxes, other.boxes, atol=0.5)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-3)


def test_a_detector_is_tested_as_from_its_checkpoint(detector_file, detector_onnx, shapes, tmp_path):
    expected = apis.test(detector_file, shapes, work_dir=tmp_path / 'a')
    found = apis.test(detector_onnx, shapes, work_dir=tmp_path / 'b')
    assert found == pytest.approx(expected, abs=1e-3)
    assert found['bbox_mAP_50'] > 0
    assert apis.test(detector_onnx, shapes, work_dir=tmp_path / 'c', batch_size=3) == pytest.approx(found, abs=1e-3)


def test_a_segmentor_is_tested_as_from_its_checkpoint(segmentor_file, segmentor_onnx, shapes, tmp_path):
    options = dict(data=shapes, img_scale=(75, 75))
    expected = apis.test(segmentor_file, work_dir=tmp_path / 'a', **options)
    found = apis.test(segmentor_onnx, work_dir=tmp_path / 'b', **options)
    assert found == pytest.approx(expected, abs=1e-3)
    assert found['mIoU'] > 0
    windows = {'model.test_cfg': dict(mode='slide', crop_size=(40, 48), stride=(30, 30))}
    expected = apis.test(segmentor_file, work_dir=tmp_path / 'a', cfg_options=windows, **options)
    found = apis.test(segmentor_onnx, work_dir=tmp_path / 'b', cfg_options=windows, **options)
    assert found == pytest.approx(expected, abs=1e-3)


def test_predictions_of_a_detector(detector_file, detector_onnx, shapes):
    model, exported = apis.load(detector_file, device='cpu'), apis.load(detector_onnx, device='cpu')
    for options in (dict(), dict(batch_size=3)):
        pairs = list(zip(model.predict(shapes / 'images', 0.0), exported.predict(shapes / 'images', 0.0, **options),
                         strict=True))  # fmt: skip
        assert len(pairs) == 12
        for one, other in pairs:
            assert len(one.scores) > 1
            assert_same(one, other)


def test_images_of_different_sizes_in_a_batch(detector_file, detector_onnx):
    """Each gets what it gets alone; in MMDetection, padding to a common size changes it."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3), np.uint8) for size in ((64, 64), (50, 91), (64, 64), (91, 50))]
    alone = apis.load(detector_file, device='cpu').predict(images, 0.0)
    together = apis.load(detector_onnx).predict(images, 0.0, batch_size=4)
    for one, other in zip(alone, together, strict=True):
        assert_same(one, other)


def test_what_a_model_says_of_itself(detector_file, detector_onnx):
    model, exported = apis.load(detector_file, device='cpu'), apis.load(detector_onnx)
    for name in ('classes', 'category_ids', 'img_scale', 'normalization', 'task', 'device'):
        assert getattr(model, name) == getattr(exported, name)
    assert repr(exported).startswith('<Model ExportedDetector: detection, 4 classes, images of 96x64, on cpu')
    assert exported.network.to('meta').device == torch.device('cpu')


def test_a_config_in_place_of_the_one_in_the_file(detector_onnx, shapes, tmp_path):
    cfg = apis.load(detector_onnx).config
    cfg.model = dict(data_preprocessor=cfg.model.data_preprocessor)
    exported = apis.load(detector_onnx, config=cfg)
    assert exported.classes == ('circle', 'square', 'triangle', 'star')
    assert list(exported.predict(shapes / 'images/validation'))


def test_options_of_what_is_in_the_file(detector_onnx, shapes, tmp_path):
    with pytest.raises(UserError, match=r'model.test_cfg.score_thr'):
        apis.test(detector_onnx, shapes, work_dir=tmp_path, cfg_options={'model.test_cfg.score_thr': 0.5})
    with pytest.raises(UserError, match='--amp is for checkpoints'):
        apis.test(detector_onnx, shapes, work_dir=tmp_path, amp=True)
    with pytest.raises(UserError, match='--amp is for checkpoints'):
        apis.load(detector_onnx).predict(shapes, amp=True)
    with pytest.raises(UserError, match='--launcher is for checkpoints'):
        apis.test(detector_onnx, shapes, work_dir=tmp_path, launcher='pytorch')


@pytest.mark.parametrize('change', ['an input', 'an output', 'a class', 'the task', 'the pipeline'])
def test_a_file_that_is_not_what_it_says(detector_onnx, tmp_path, change):
    """Anybody may have changed it."""
    model = onnx.load(str(detector_onnx))
    entries = {entry.key: entry.value for entry in model.metadata_props}
    said = json.loads(entries[KEY])
    if change == 'an input':
        model.graph.input.append(onnx.helper.make_tensor_value_info('other', onnx.TensorProto.FLOAT, [1]))
        message = 'does not hold what its metadata says: such a file takes one batch of images'
    elif change == 'an output':
        del model.graph.output[2]
        message = 'and gives boxes, scores, labels;'
    elif change == 'a class':
        said['dataset_meta']['classes'] = ['one']
        message = r'finds the label \d, but names 1 classes only'
    elif change == 'the task':
        said['task'] = 'semantic segmentation'
        message = 'is for semantic segmentation, but its config is that of a detector'
    else:
        said['config'] = said['config'].replace("LoadImageFromFile'", "LoadImageFromFile', 'x': 1")
        message = 'test_dataloader.dataset.pipeline cannot be built: .* argument .x.'
    onnx.helper.set_model_props(model, dict(entries, **{KEY: json.dumps(said)}))
    onnx.save(model, str(tmp_path / 'a.onnx'))

    def predict():
        found = apis.load(tmp_path / 'a.onnx').predict(np.full((64, 64, 3), 128, np.uint8), 0.0)
        assert list(found) == []
        raise UserError(found.failures[0][1])

    with pytest.raises(UserError, match=message):
        predict()


def test_an_image_scale_of_a_test(detector_file, detector_onnx, shapes, tmp_path):
    expected = apis.test(detector_file, shapes, work_dir=tmp_path / 'a', img_scale=(77, 51))
    assert apis.test(detector_onnx, shapes, work_dir=tmp_path / 'b', img_scale=(77, 51)) == pytest.approx(
        expected, abs=1e-3
    )


def test_a_file_of_one_size(detector_file, tmp_path, shapes):
    file = apis.export(detector_file, tmp_path / 'one.onnx', static=True, img_scale=(64, 64)).file
    exported = apis.load(file)
    model = apis.load(detector_file, device='cpu')
    full = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    model.config.test_dataloader.dataset.pipeline[1].scale = (64, 64)
    for one, other in zip(
        model.predict([full, full], 0.0), exported.predict([full, full], 0.0, batch_size=2), strict=True
    ):
        assert_same(one, other)
    (narrow,) = exported.predict(full[:40], 0.0)
    assert narrow.boxes[:, 3].max() <= 40
    exported.config.test_dataloader.dataset.pipeline[1].scale = (128, 64)
    found = exported.predict(np.zeros((64, 128, 3), np.uint8))
    assert list(found) == []
    assert 'takes images of 64x64 pixels' in found.failures[0][1]
