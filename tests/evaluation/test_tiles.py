"""Tiles: where they lie, and what a network finds in them and in the whole image, merged."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import InstanceData
from pycocotools import mask as coco_mask
from torch import nn
from torch.nn.functional import interpolate

from mmbackbones.engine.tile_config import tiled_pipeline
from mmbackbones.evaluation.tiles import CutTiles, TiledModel, Window, place_windows
from mmbackbones.evaluation.tiles.labels import LabelSum
from mmbackbones.evaluation.tiles.run_lengths import encode
from tests.helpers import carried_configs

SHARES = (0, 0.1, 0.2, 0.5, 0.89)


@pytest.mark.parametrize('overlap', SHARES)
@pytest.mark.parametrize('size', [(1000, 700), (64, 300), (333, 64), (65, 64), (4000, 3000)])
def test_windows_cover_an_image_with_the_overlap(size, overlap):
    tile = (64, 64) if max(size) < 2000 else (640, 480)
    windows = place_windows(*size, tile, overlap)
    for axis in (0, 1):
        starts = sorted({window[axis] for window in windows})
        length = min(tile[axis], size[axis])
        assert starts[0] == 0
        assert starts[-1] + length == size[axis]
        steps = np.diff(starts)
        assert (steps <= length * (1 - overlap)).all()
        assert steps.max(initial=0) - steps.min(initial=10**6) <= 1
    assert {(window.width, window.height) for window in windows} == {
        (min(tile[0], size[0]), min(tile[1], size[1])),
    }


@pytest.mark.parametrize('size', [(64, 64), (32, 64), (10, 10)])
def test_an_image_no_larger_than_a_tile_has_none(size):
    assert place_windows(*size, (64, 64), 0.2) == []


def test_only_the_loader_of_images_stays_outside():
    pipeline = carried_configs.detector()['test_dataloader']['dataset']['pipeline']
    first, cut = tiled_pipeline(pipeline, (64, 48), 0.25)
    assert first['type'] == 'LoadImageFromFile'
    assert cut == dict(type='CutTiles', tile=(64, 48), overlap=0.25, transforms=pipeline[1:])


# --- networks with random weights ---


def batch_of(pipeline, *images):
    """A batch of images, without annotations, as a data loader hands it over."""
    steps = [step for step in pipeline if 'Load' not in step['type']]
    with DefaultScope.overwrite_default_scope('mmdet' if 'PackDet' in steps[-1]['type'] else 'mmseg'):
        plain, tiled = (
            CutTiles(tile=tile, overlap=0.25, transforms=[dict(step) for step in steps])
            for tile in ((10_000, 10_000), (48, 40))
        )

    def results(i, image):
        size = image.shape[:2]
        return dict(img=image, img_id=i, img_path=f'{i}.jpg', img_shape=size, ori_shape=size, seg_fields=[])

    whole = [plain(results(i, image)) for i, image in enumerate(images)]
    for one in whole:
        one['inputs'] = one['inputs'].inputs
    return pseudo_collate(whole), pseudo_collate([tiled(results(i, image)) for i, image in enumerate(images)])


def network_of(config):
    torch.manual_seed(0)
    model = Config(config).model
    model.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope(config['default_scope']):
        return MODELS.build(model).eval()


@pytest.fixture
def noise():
    generator = np.random.default_rng(0)
    return lambda height, width: generator.integers(0, 255, (height, width, 3), np.uint8)


@pytest.mark.parametrize('config', [carried_configs.detector(), carried_configs.segmentor()], ids=['boxes', 'labels'])
def test_small_images_give_equal_results(config, noise):
    network = network_of(config)
    # MMSegmentation takes no batch of images of several sizes.
    images = (noise(40, 48), noise(40, 48) if config['default_scope'] == 'mmseg' else noise(30, 40))
    whole, tiled = batch_of(config['test_dataloader']['dataset']['pipeline'], *images)
    with torch.no_grad():
        expected, found = network.test_step(whole), TiledModel(network, batch_size=2).test_step(tiled)
    for one, other in zip(expected, found, strict=True):
        assert one.metainfo == other.metainfo
        if 'pred_instances' in one:
            assert len(one.pred_instances) == 10
            for key in ('bboxes', 'scores', 'labels'):
                assert torch.equal(one.pred_instances[key], other.pred_instances[key])
        else:
            assert torch.equal(one.pred_sem_seg.data, other.pred_sem_seg.data)


@pytest.mark.parametrize('batch_size', [1, 3])
def test_label_maps_average_the_scores_of_all_views(noise, batch_size):
    config = carried_configs.segmentor()
    network = network_of(config)
    image = noise(100, 120)
    pipeline = config['test_dataloader']['dataset']['pipeline']
    whole, tiled = batch_of(pipeline, image)
    with torch.no_grad():
        (found,) = TiledModel(network, batch_size=batch_size).test_step(tiled)
        (expected,) = network.test_step(whole)
        total = expected.seg_logits.data.softmax(0)
        for window in place_windows(120, 100, (48, 40), 0.25):
            part, _ = batch_of(pipeline, image[window.top : window.bottom, window.left : window.right])
            (tile,) = network.test_step(part)
            total[:, window.top : window.bottom, window.left : window.right] += tile.seg_logits.data.softmax(0)
    labels = total.argmax(0)
    assert found.pred_sem_seg.data.shape == (1, 100, 120)
    assert found.ori_shape == (100, 120)
    assert (found.pred_sem_seg.data[0] == labels).float().mean() > 0.999
    assert 0 < labels.float().mean() < 1


@pytest.mark.parametrize('align_corners', [False, True])
def test_scores_of_the_whole_image_are_resized_piece_by_piece(align_corners):
    scores = torch.randn(3, 17, 29)
    windows = place_windows(97, 53, (40, 24), 0.3)
    total = LabelSum(97, 53, windows, scores, align_corners=align_corners)
    resized = interpolate(scores[None], (53, 97), mode='bilinear', align_corners=align_corners)[0]
    for piece in total.to_come:
        expected = resized[:, piece.top : piece.bottom, piece.left : piece.right]
        torch.testing.assert_close(total._of_whole(piece), expected, rtol=1e-4, atol=1e-5)


def test_few_scores_are_kept_at_a_time():
    windows = place_windows(1000, 800, (200, 160), 0.2)
    total = LabelSum(1000, 800, windows, torch.zeros(4, 8, 10))
    most = 0
    for window in windows:
        total.add(window, torch.randn(4, window.height, window.width))
        most = max(most, sum(part[0].numel() for part in total.sums.values()))
    assert not total.sums
    assert most < 0.25 * 800_000


def test_one_class_is_found_where_the_mean_probability_is_above_the_threshold():
    windows = place_windows(60, 32, (40, 32), 0.2)
    total = LabelSum(60, 32, windows, torch.full((1, 4, 4), 0.5), threshold=0.4)
    total.add(windows[0], torch.full((1, 32, 40), 0.2))
    total.add(windows[1], torch.full((1, 32, 40), 0.8))
    assert not total.labels[:, :20].any()
    assert total.labels[:, 20:].all()


# --- masks ---


@pytest.mark.parametrize('place', [(0, 0), (7, 11), (13, 20)])
@pytest.mark.parametrize('fill', [0.0, 0.02, 0.5, 1.0])
def test_masks_are_encoded_where_their_window_lies(place, fill):
    mask = np.random.default_rng(0).random((30, 20)) < fill
    window = Window(place[1], place[0], place[1] + 20, place[0] + 30)
    whole = np.zeros((43, 40), np.uint8)
    whole[window.top : window.bottom, window.left : window.right] = mask
    found = encode(mask, window, 40, 43)
    assert found == coco_mask.encode(np.asfortranarray(whole))


def test_coarse_masks_are_scaled():
    y, x = np.mgrid[:60, :80]
    mask = (x - 40.3) ** 2 + (y - 25.1) ** 2 < 20**2
    found = coco_mask.decode(encode(mask, Window(0, 0, 240, 180), 240, 180))
    y, x = (np.mgrid[:180, :240] + 0.5) / 3 - 0.5
    expected = (x - 40.3) ** 2 + (y - 25.1) ** 2 < 20**2
    assert (found != expected).sum() < 0.02 * expected.sum()


# --- a network that finds what is painted ---


class Finder(nn.Module):
    """Finds each painted object, or what an image shows of it, by its color, exactly; small ones it does not see."""

    def __init__(self, smallest=3):
        super().__init__()
        self.smallest = smallest
        self.batches = []

    def test_step(self, data):
        self.batches.append(len(data['inputs']))
        for image, sample in zip(data['inputs'], data['data_samples'], strict=True):
            height, width = sample.ori_shape
            x, y = width / sample.img_shape[1], height / sample.img_shape[0]
            found = [[], [], []]
            colors = (image.long() * torch.tensor([1, 256, 65536])[:, None, None]).sum(0)
            for color in colors[colors > 0].unique().tolist():
                mask = (colors == color).numpy()
                rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                if min(np.ptp(rows), np.ptp(columns)) + 1 < self.smallest:
                    continue
                box = [columns[0] * x, rows[0] * y, (columns[-1] + 1) * x, (rows[-1] + 1) * y]
                part = interpolate(torch.from_numpy(mask)[None, None].float(), (height, width))[0, 0] > 0.5
                for part_of, value in zip(found, (box, 0.4 + color % 256 / 500, part), strict=True):
                    part_of.append(value)
            boxes, scores, masks = found
            sample.pred_instances = InstanceData(
                bboxes=torch.tensor(boxes).reshape(-1, 4),
                scores=torch.tensor(scores),
                labels=torch.zeros(len(boxes), dtype=torch.int64),
                masks=torch.stack(masks) if masks else torch.zeros(0, height, width, dtype=torch.bool),
            )
        return data['data_samples']


PIPELINE = [
    dict(type='Resize', scale=(96, 80), keep_ratio=True, interpolation='nearest'),
    dict(type='PackDetInputs', meta_keys=('img_id', 'ori_shape', 'img_shape', 'scale_factor')),
]


@pytest.mark.parametrize('seed', range(6))
def test_painted_objects_are_found_once_and_whole(seed):
    generator = np.random.default_rng(seed)
    image = np.zeros((300, 400, 3), np.uint8)
    taken = np.zeros(image.shape[:2], bool)
    boxes = []
    for limit in (200, 90, 60, *[30] * 25, *[10] * 40):
        w, h = generator.integers(6, limit, 2)
        x, y = generator.integers(0, 400 - w), generator.integers(0, 300 - h)
        if taken[max(0, y - 1) : y + h + 1, max(0, x - 1) : x + w + 1].any():
            continue
        taken[y : y + h, x : x + w] = True
        image[y : y + h, x : x + w] = (len(boxes), 1, generator.integers(255))
        boxes.append([x, y, x + w, y + h])
    finder = Finder()
    _, tiled = batch_of(PIPELINE, image, image[:40, :40])
    found, small = TiledModel(finder, batch_size=4).test_step(tiled)
    assert max(finder.batches) == 4
    assert isinstance(small.pred_instances.masks, torch.Tensor)
    objects = found.pred_instances
    distances = np.abs(objects.bboxes.numpy()[:, None] - np.array(boxes)).max(-1)
    # What is larger than the overlap may come from the whole image, which the network sees at a quarter of its size.
    large = np.array([max(right - x, bottom - y) > 10 for x, y, right, bottom in boxes])
    assert distances.min(0)[~large].max() <= 2
    assert distances.min(0)[large].max(initial=0) <= 5
    assert len(objects) == len(boxes)
    assert (objects.scores.diff() <= 0).all()
    assert found.ori_shape == (300, 400)
    for mask, nearest in zip(objects.masks, distances.argmin(1), strict=True):
        x, y, right, bottom = boxes[nearest]
        expected = np.zeros(image.shape[:2], np.uint8)
        expected[y:bottom, x:right] = 1
        common = coco_mask.iou([mask], [coco_mask.encode(np.asfortranarray(expected))], [0])[0, 0]
        assert common > (0.4 if large[nearest] else 0.9)


def test_a_batch_that_failed_can_be_predicted_again(monkeypatch):
    image = np.zeros((300, 400, 3), np.uint8)
    image[150:280, 200:390] = 9
    finder = Finder()
    _, tiled = batch_of(PIPELINE, image)
    with monkeypatch.context() as patch:
        patch.setattr(finder, 'test_step', lambda data: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            TiledModel(finder).test_step(tiled)
    (found,) = TiledModel(finder).test_step(tiled)
    assert np.abs(found.pred_instances.bboxes.numpy() - [200, 150, 390, 280]).max() < 5
