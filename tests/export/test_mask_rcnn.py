"""Two-stage detectors as one graph, against MMDetection's `predict`, and as files."""

from copy import deepcopy

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmbackbones import apis
from mmbackbones.errors import UserError
from mmbackbones.export.graphs import graph_of
from mmbackbones.export.onnx_file import write_onnx
from mmbackbones.export.paste_masks import paste_masks
from tests.helpers.carried_configs import content, r_cnn
from tests.helpers.narrow_models import build_narrow

pytestmark = pytest.mark.slow

SIZES = [(64, 96), (65, 101), (33, 47)]


def spread(network):
    """Give the heads weights with which scores, boxes and regions differ from each other."""
    torch.manual_seed(2)
    heads = network.roi_head.bbox_head
    for head in heads if isinstance(heads, torch.nn.ModuleList) else [heads]:
        torch.nn.init.normal_(head.fc_cls.weight, std=0.3)
        torch.nn.init.normal_(head.fc_reg.weight, std=0.1)
    for module in network.rpn_head.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, std=0.1)
    return network.eval()


def built(config):
    model = Config(deepcopy(config)).model
    model['backbone']['init_cfg'] = None
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        return spread(MODELS.build(model))


@pytest.fixture(scope='module')
def network():
    return built(r_cnn())


@pytest.fixture(scope='module')
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp('r_cnn') / 'model.onnx'
    write_onnx(graph_of(network), path)
    return path


def images(count, height, width):
    torch.manual_seed(count)
    return F.interpolate(torch.randn(count, 3, 9, 13), (height, width), mode='bilinear')


def predicted(network, image):
    """What MMDetection finds in one image (1, 3, H, W)."""
    height, width = image.shape[2:]
    meta = dict(img_shape=(height, width), ori_shape=(height, width), scale_factor=(1.0, 1.0))
    sample = DetDataSample(metainfo=meta)
    padded = F.pad(image, (0, -width % 32, 0, -height % 32))
    with torch.no_grad():
        return network.predict(padded, [sample])[0].pred_instances


def assert_equal(network, graph, height, width):
    image = images(1, height, width)
    expected = predicted(network, image)
    with torch.no_grad():
        boxes, scores, labels, *masks = (x[0] for x in graph(image))
    count = len(expected)
    assert count
    assert torch.equal(boxes[:count], expected.bboxes)
    assert torch.equal(scores[:count], expected.scores)
    assert torch.equal(labels[:count], expected.labels)
    assert (labels[count:] == -1).all()
    assert not scores[count:].any()
    assert not boxes[count:].any()
    if masks:
        assert not masks[0][count:].any()
        pasted = paste_masks(masks[0][:count], boxes[:count], (height, width))
        assert torch.equal(pasted, expected.masks)


@pytest.mark.parametrize(('height', 'width'), SIZES)
def test_mask_r_cnn_is_mmdetections(network, height, width):
    assert_equal(network, graph_of(network), height, width)


@pytest.mark.parametrize(
    'parts',
    [
        {'model.roi_head.bbox_head.reg_class_agnostic': True},
        {'model.roi_head.mask_head.class_agnostic': True},
        {'model.test_cfg.rcnn.nms.class_agnostic': True, 'model.test_cfg.rpn.nms.class_agnostic': True},
        {'model.test_cfg.rcnn.max_per_img': 200},
        {'model.test_cfg.rpn.min_bbox_size': 25},
    ],
)
def test_variants(parts):
    network = built(r_cnn(**parts))
    assert_equal(network, graph_of(network), 65, 101)


def test_faster_r_cnn():
    network = built(r_cnn(masks=False))
    graph = graph_of(network)
    assert graph.output_names == ('boxes', 'scores', 'labels')
    assert_equal(network, graph, 65, 101)


def test_cascade_mask_r_cnn():
    network = spread(build_narrow('cascade_mask_rcnn_van_b', 'VAN')[0])
    network.rpn_head.test_cfg.update(nms_pre=100, max_per_img=50)
    network.roi_head.test_cfg.update(max_per_img=20)
    assert_equal(network, graph_of(network), 65, 101)


@pytest.mark.parametrize('runtime', ['onnxruntime', 'openvino'])
def test_the_file(network, file, runtime):
    if runtime == 'onnxruntime':
        session = onnxruntime.InferenceSession(file)
        run = lambda x: session.run(None, {'image': x})  # noqa: E731
    else:
        import openvino

        core = openvino.Core()
        compiled = core.compile_model(core.read_model(file), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
        run = lambda x: list(compiled(x).values())  # noqa: E731
    graph = graph_of(network)
    for count, (height, width) in zip((1, 2, 5), SIZES, strict=True):
        image = images(count, height, width)
        with torch.no_grad():
            expected = [x.numpy() for x in graph(image)]
        assert (expected[2] >= 0).any(1).all()
        found = run(image.numpy())
        for values, other, atol in zip(found, expected, (0.01, 1e-4, 0, 1e-3), strict=True):
            assert values.dtype == other.dtype
            np.testing.assert_allclose(values, other, rtol=0, atol=atol)


def test_what_the_file_says(file):
    model = onnx.load(str(file))
    assert {node.domain for node in model.graph.node} == {''}
    shapes = {
        output.name: [size.dim_param or size.dim_value for size in output.type.tensor_type.shape.dim]
        for output in model.graph.output
    }
    assert shapes['masks'] == ['batch', 10, 28, 28]
    assert list(shapes) == ['boxes', 'scores', 'labels', 'masks']


def test_nothing_to_find(tmp_path):
    network = built(r_cnn(**{'model.test_cfg.rcnn.score_thr': 0.999999}))
    write_onnx(graph_of(network), tmp_path / 'model.onnx')
    session = onnxruntime.InferenceSession(tmp_path / 'model.onnx')
    boxes, scores, labels, masks = session.run(None, {'image': images(2, 65, 101).numpy()})
    assert masks.shape == (2, 10, 28, 28)
    assert (labels == -1).all()
    assert not boxes.any()
    assert not scores.any()
    assert not masks.any()


def test_a_checkpoint_as_a_file(tmp_path):
    checkpoint = content(r_cnn())
    state = spread(built(r_cnn())).state_dict()
    torch.save(dict(checkpoint, state_dict=state), tmp_path / 'model.pth')
    done = apis.export(tmp_path / 'model.pth', tmp_path / 'model.onnx')
    assert done.agreement.difference.score < 1e-3


@pytest.mark.parametrize(
    ('parts', 'message'),
    [
        ({'model.roi_head.type': 'PISARoIHead'}, 'PISARoIHead'),
        ({'model.roi_head.bbox_roi_extractor.type': 'GenericRoIExtractor'}, 'GenericRoIExtractor'),
        ({'model.roi_head.bbox_roi_extractor.roi_layer.aligned': False}, 'aligned average RoIAlign'),
        ({'model.test_cfg.rcnn.nms.type': 'soft_nms'}, 'only plain suppression'),
        ({'model.test_cfg.rpn.max_per_img': -1}, 'max_per_img=-1'),
        ({'model.test_cfg.rcnn.mask_thr_binary': -1}, 'mask_thr_binary below 0'),
    ],
)
def test_what_cannot_be_exported(parts, message):
    config = r_cnn(**parts)
    if message == 'GenericRoIExtractor':
        del config['model']['roi_head']['bbox_roi_extractor']['finest_scale']
    with pytest.raises(UserError, match=message):
        graph_of(built(config))
