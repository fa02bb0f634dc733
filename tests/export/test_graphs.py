"""Exported graphs: the files hold PyTorch's values at every size and batch size, with standard operators only."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.registry import MODELS
from torch import nn

from mmbackbones.errors import UserError
from mmbackbones.export.graphs import graph_of
from mmbackbones.export.graphs.boxes import pad_to_divisor
from mmbackbones.export.onnx_file import write_onnx
from mmbackbones.export.openvino_file import write_openvino
from mmbackbones.export.sessions import open_session
from mmbackbones.layers import LocalAttention2d
from tests.helpers.narrow_models import build_narrow
from tests.helpers.small_backbones import SMALL, build_small

pytestmark = pytest.mark.slow

# Smaller than a grid, multiples of 32 and not, one image and several.
IMAGES = [(1, 32, 32), (2, 65, 101), (1, 64, 96), (5, 33, 50)]


def image(*shape):
    n, height, width = shape
    return torch.randn(n, 3, height, width, generator=torch.Generator().manual_seed(height))


def detector(backbone='VAN', **options):
    network, _ = build_narrow('retinanet_van_t', backbone, **options)
    for parameter in network.bbox_head.parameters():
        nn.init.normal_(parameter, std=0.03)  # scores that differ
    return network.eval()


def segmentor(name):
    network, _ = build_narrow(name, 'VAN')
    nn.init.normal_(network.decode_head.conv_seg.weight)
    return network.eval()


def written(graph, folder, **options):
    """The file, and a function that runs it in onnxruntime."""
    file = folder / 'model.onnx'
    write_onnx(graph, file, **options)
    assert [path.name for path in folder.iterdir()] == ['model.onnx']  # no data beside it
    domains = {node.domain for node in onnx.load(file).graph.node}
    assert domains == {''}
    session = onnxruntime.InferenceSession(str(file), providers=['CPUExecutionProvider'])
    assert [out.name for out in session.get_outputs()] == list(graph.output_names)
    return file, lambda x: session.run(None, dict(image=x.numpy()))


@torch.no_grad()
def predicted(network, x):
    """Boxes, scores and labels of each image by MMDetection's own `predict`, one image at a time."""
    meta = dict(img_shape=x.shape[2:], ori_shape=x.shape[2:], scale_factor=(1.0, 1.0))
    for one in pad_to_divisor(x, 32, 0.0):
        found = network.predict(one[None], [DetDataSample(metainfo=meta)])[0].pred_instances
        yield found.bboxes.numpy(), found.scores.numpy(), found.labels.numpy()


def assert_predicted(network, run, shapes=IMAGES):
    for shape in shapes:
        x = image(*shape)
        got = run(x)
        for i, want in enumerate(predicted(network, x)):
            used = got[1][i] > 0
            assert used.sum() == len(want[1]) > 0
            assert (got[2][i][~used] == -1).all()
            for values, tolerance, expected in zip(got, (5e-3, 1e-5, 0), want, strict=True):
                np.testing.assert_allclose(values[i][used], expected, rtol=0, atol=tolerance)


def assert_equal(run, model, shapes=IMAGES):
    for shape in shapes:
        x = image(*shape)
        with torch.no_grad():
            wanted = model(x)
        for got, want in zip(run(x), wanted, strict=True):
            torch.testing.assert_close(torch.as_tensor(got), want, rtol=0, atol=1e-5 * want.abs().max().item())


@pytest.mark.parametrize('backbone', SMALL)
def test_detector(backbone, tmp_path):
    network = detector(backbone)
    network.bbox_head.test_cfg.nms.class_agnostic = backbone == 'TransCNN'
    file, run = written(graph_of(network), tmp_path)
    assert_predicted(network, run)
    if backbone == 'HATNet':  # whose windows are larger than the smallest maps
        assert_predicted(network, in_openvino(file), [(2, 33, 50), (1, 100, 75)])


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('name', ['upernet_van_t', 'semantic_fpn_van_t'])
def test_segmentor(name, align_corners, tmp_path):
    network = segmentor(name)
    for module in network.modules():
        if hasattr(module, 'align_corners'):
            module.align_corners = align_corners
    kinds = [type(module) for module in network.modules()]
    _, run = written(graph_of(network), tmp_path)
    assert_equal(run, lambda x: (network.encode_decode(x, [dict(img_shape=x.shape[2:])]),))
    assert [type(module) for module in network.modules()] == kinds  # what was exported is left as it was


def test_backbone(tmp_path):
    network = build_small('VAN', out_indices=(1, 3)).eval()
    graph = graph_of(network)
    assert graph.output_names == ('p3', 'p5')
    _, run = written(graph, tmp_path)
    assert_equal(run, network)


def test_of_one_size(tmp_path):
    network = detector()
    file, run = written(graph_of(network), tmp_path, static_size=(65, 101))
    shape = onnx.load(file).graph.input[0].type.tensor_type.shape
    assert [dim.dim_value for dim in shape.dim] == [1, 3, 65, 101]
    assert_predicted(network, run, [(1, 65, 101)])


def in_openvino(file):
    """A function that runs an ONNX file in OpenVINO."""
    write_openvino(file, file.with_suffix('.xml'), {})
    session = open_session(file.with_suffix('.xml'))
    return lambda x: list(session.run(x.numpy()).values())


@pytest.mark.parametrize('stem_cfg', [dict(heads=2), dict(heads=2, window='sliding', kernel_size=3)])
def test_local_attention(stem_cfg, tmp_path):
    network = build_small('SASAResNet', stem='attention', stem_cfg=stem_cfg, out_indices=(0, 1)).eval()
    file, run = written(graph_of(network), tmp_path)
    assert_equal(run, network, IMAGES[:2])
    assert_equal(in_openvino(file), network, IMAGES[:2])


def test_pooled_local_attention(tmp_path):
    layer = LocalAttention2d(3, 4, kernel_size=3, heads=2, stride=2).eval()
    layer.output_names = ('y',)
    file, run = written(layer, tmp_path)
    for compute in (run, in_openvino(file)):
        assert_equal(compute, lambda x: (layer(x),), [(1, 1, 1), (2, 1, 2), (1, 7, 8), (2, 9, 5)])


def test_openvino_after_images_of_another_size(tmp_path):
    network = build_small('DualViT').eval()
    file, _ = written(graph_of(network), tmp_path)
    assert_equal(in_openvino(file), network, [(1, 33, 47), (1, 192, 256)])


def test_nothing_found(tmp_path):
    network = detector()
    network.bbox_head.test_cfg.score_thr = 1.0
    _, run = written(graph_of(network), tmp_path)
    boxes, scores, labels = run(image(2, 64, 64))
    assert not boxes.any()
    assert not scores.any()
    assert (labels == -1).all()


@pytest.mark.parametrize(
    ('entry', 'said'),
    [
        (dict(nms_pre=-1), 'nms_pre=-1'),
        (dict(nms=dict(type='soft_nms', iou_threshold=0.5)), 'only plain suppression'),
        (dict(nms=dict(type='nms', iou_threshold=0.5, max_num=10)), 'only plain suppression'),
        (dict(min_bbox_size=3), 'min_bbox_size=3'),
    ],
)
def test_refused(entry, said):
    network = detector()
    network.bbox_head.test_cfg.update(entry)
    with pytest.raises(UserError, match=said):
        graph_of(network)


def test_other_networks_are_refused():
    with pytest.raises(UserError, match='cannot export Linear'):
        graph_of(nn.Linear(1, 1))


def test_heads_with_a_third_map_are_refused():
    network = detector()
    coder, anchors = dict(type='DeltaXYWHBBoxCoder'), dict(type='AnchorGenerator', ratios=[1.0], strides=[8, 16])
    anchors.update(octave_base_scale=8, scales_per_octave=1)
    head = dict(type='ATSSHead', num_classes=3, in_channels=16, feat_channels=32, stacked_convs=1)
    loss = dict(type='CrossEntropyLoss', use_sigmoid=True)
    network.bbox_head = MODELS.build(head | dict(anchor_generator=anchors, bbox_coder=coder, loss_centerness=loss))
    with pytest.raises(UserError, match='cannot export a detector with ATSSHead'):
        graph_of(network)
