"""Image scales are set throughout a config."""

import pytest
from mmengine.config import Config, ConfigDict

from mmbackbones import config_path, get_config
from mmbackbones.engine.config import load_config
from mmbackbones.engine.config_tree import dicts_in
from mmbackbones.engine.img_scale import as_sizes, check_resized_size, set_img_scale
from mmbackbones.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture
def cfg() -> Config:
    return get_config('retinanet_van_b')


def steps(cfg, loader, kind='Resize'):
    return [step for step in cfg[loader].dataset.pipeline if step.type == kind]


def test_img_scale_sets_every_pipeline_and_keeps_the_proportions_of_others(cfg):
    set_img_scale(cfg, 320, 240)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert [tuple(step.scale) for step in steps(cfg, loader)] == [(320, 240)]
    scales = [
        tuple(step.scale)
        for node in dicts_in(cfg.tta_pipeline)
        if node.get('type') == 'TestTimeAug'
        for step in node.transforms[0]
    ]
    assert scales == [(320, 240), (160, 120), (480, 360)]


def test_img_scale_above_what_opencv_resizes_to(cfg):
    with pytest.raises(UserError, match='--img-scale 64 32768 is too large: at most 32767 pixels a side'):
        set_img_scale(cfg, 64, 32768)


def test_img_scale_below_the_backbones_stride(cfg):
    with pytest.raises(UserError, match='at least 32x32'):
        set_img_scale(cfg, 320, 16)


def test_img_scale_of_a_segmentor():
    cfg = load_config(str(config_path('upernet_van_t')), None, None)
    set_img_scale(cfg, 240, 180)
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert steps['RandomResize'].scale == (240, 180)
    assert steps['RandomCrop'].crop_size == cfg.model.data_preprocessor.size == (180, 180)
    scales = [step.scale for step in cfg.tta_pipeline[1].transforms[0]]
    assert scales == [(120, 90), (180, 135), (240, 180), (300, 225), (360, 270), (420, 315)]


def test_img_scale_of_the_scales_and_crops_of_detr():
    cfg = load_config(str(config_path('cascade_mask_rcnn_van_b')), None, None)
    set_img_scale(cfg, 667, 400)
    large, (_, crop, _) = cfg.train_dataloader.dataset.pipeline[3].transforms
    assert large[0].scales[0] == (667, 240)
    assert crop.crop_size == (192, 300)


@pytest.mark.parametrize(
    ('scale', 'sizes'),
    [
        (64, [(64, 64)]),
        ((64, 32), [(64, 32)]),
        ([64, 32], [(64, 32)]),
        ([(64, 32), [96, 48]], [(64, 32), (96, 48)]),
        ((1333, float('inf')), [(1333, float('inf'))]),
    ],
)
def test_sizes_of_a_scale(scale, sizes):
    assert as_sizes(scale) == sizes


@pytest.mark.parametrize('scale', ['64', None, [], (64,), (1, 2, 3), ('a', 'b'), [(64, 32), 5]])
def test_what_is_not_a_scale(scale):
    with pytest.raises(UserError, match='the scale of a transform must be a number, a pair of numbers or a list'):
        as_sizes(scale)


@pytest.mark.parametrize(
    ('step', 'size', 'fits'),
    [
        (dict(type='Resize', scale=(64, 64), keep_ratio=True), (300, 1), False),
        (dict(type='mmdet.Resize', scale=64, keep_ratio=True), (1, 300), False),
        (dict(type='Resize', scale=(64, 64), keep_ratio=True), (128, 1), True),
        (dict(type='Resize', scale=(64, 64)), (300, 1), True),
        (dict(type='RandomResize', scale=(64, 64), ratio_range=(0.1, 2), keep_ratio=True), (100, 2), False),
        (dict(type='RandomChoiceResize', scales=[(64, 64), (8, 8)], keep_ratio=True), (64, 2), False),
        (dict(type='Pad', size=(64, 64)), (300, 1), True),
    ],
)
def test_images_of_which_nothing_would_be_left(step, size, fits):
    pipeline = [ConfigDict(step)]
    if fits:
        assert check_resized_size(pipeline, 'a.png', *size) is None
    else:
        message = rf'a\.png is {size[0]}x{size[1]} pixels: resized to fit into .*, its shorter side would be 0 pixels'
        with pytest.raises(UserError, match=message):
            check_resized_size(pipeline, 'a.png', *size)
