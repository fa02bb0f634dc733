"""RoIAlign on a pyramid in ONNX and OpenVINO, against mmcv's."""

import mmcv.ops
import numpy as np
import onnxruntime
import pytest
import torch
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from torch import nn

from mmbackbones.export import roi_align
from mmbackbones.export.onnx_operators import translated
from mmbackbones.export.roi_align import multilevel_roi_align

pytestmark = pytest.mark.slow

SCALES = [1 / 4, 1 / 8, 1 / 16]
HEIGHT, WIDTH = 96, 136  # pixels
EDGES = [
    [0, 0, WIDTH, HEIGHT],
    [-30, -20, 50, 40],
    [WIDTH - 10, HEIGHT - 10, WIDTH + 40, HEIGHT + 60],
    [-500, -500, 900, 800],
    [WIDTH + 5, HEIGHT + 5, WIDTH + 30, HEIGHT + 30],
    [-90, -90, -70, -80],
    [10, 10, 10.001, 10.2],
    [3.3, 4.4, 5, 6],
    [8, 8, 36, 64],  # a whole number of cells per bin
    # without area
    [0, 0, 0, 0],
    [10, 10, 10, 10],
    [7, 5, 7, 50],
    [WIDTH, 0, WIDTH, HEIGHT],
]


class Pooling(nn.Module):
    def __init__(self, size, sampling_ratio):
        super().__init__()
        self.size, self.sampling_ratio = size, sampling_ratio

    def forward(self, fine, middle, coarse, boxes, images, levels):
        maps = [fine, middle, coarse]
        return multilevel_roi_align(maps, boxes, images, levels, SCALES, self.size, self.sampling_ratio)


def regions(count=60):
    torch.manual_seed(0)
    corner = torch.rand(count, 2) * torch.tensor([WIDTH, HEIGHT])
    boxes = torch.cat((torch.tensor(EDGES), torch.cat((corner, corner + torch.rand(count, 2) * 60), 1)))
    return boxes, torch.randint(2, (len(boxes),)), torch.randint(3, (len(boxes),))


def maps():
    torch.manual_seed(1)
    return [torch.randn(2, 4, round(HEIGHT * scale), round(WIDTH * scale)) for scale in SCALES]


def pooled_one_by_one(maps, boxes, images, levels, size, sampling_ratio):
    rows = torch.cat((images[:, None].float(), boxes), 1)
    pooled = [
        mmcv.ops.roi_align(maps[level], row[None], size, SCALES[level], sampling_ratio, 'avg', True)
        for level, row in zip(levels, rows, strict=True)
    ]
    return torch.cat(pooled).numpy()


@pytest.mark.parametrize(('size', 'sampling_ratio'), [(7, 0), (7, 2)])
def test_files(tmp_path, size, sampling_ratio):
    import openvino

    file, inputs = tmp_path / 'pool.onnx', (*maps(), *regions())
    names = ['fine', 'middle', 'coarse', 'boxes', 'images', 'levels']
    with translated(roi_align.onnx_translations()):
        torch.onnx.export(
            Pooling(size, sampling_ratio),
            inputs,
            str(file),
            dynamo=False,
            opset_version=17,
            input_names=names,
            dynamic_axes={name: {0: 'regions'} for name in names[3:]},
        )
    session = onnxruntime.InferenceSession(file)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(file), 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    boxes, images, levels = inputs[3:]
    for chosen in (levels >= 0, levels == 1, levels != 1, levels < 0):  # all, one or two levels; no region at all
        some = [*inputs[:3], *(x[chosen] for x in (boxes, images, levels))]
        arrays = [x.numpy() for x in some]
        found = session.run(None, dict(zip(names, arrays, strict=True)))[0], compiled(arrays)[0]
        expected = multilevel_roi_align(some[:3], *some[3:], SCALES, size, sampling_ratio).numpy()
        if chosen.any():
            separate = pooled_one_by_one(some[:3], *some[3:], size, sampling_ratio)
            np.testing.assert_array_equal(expected, separate)
        for values in found:
            np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5)


def test_a_region_turned_inside_out_is_zero_in_onnxruntime(tmp_path):
    file = tmp_path / 'pool.onnx'
    inputs = (*maps(), torch.tensor([[20.0, 20, 15, 15]]), torch.tensor([0]), torch.tensor([0]))
    with translated(roi_align.onnx_translations()):
        torch.onnx.export(Pooling(7, 0), inputs, str(file), dynamo=False, opset_version=17)
    session = onnxruntime.InferenceSession(file)
    names = [item.name for item in session.get_inputs()]
    found = session.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=False)})[0]
    assert not found.any()


def test_levels_are_those_of_mmdetections_extractor():
    extractor = SingleRoIExtractor(
        roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),
        out_channels=4,
        featmap_strides=[4, 8, 16],
        finest_scale=20,
    )
    boxes, images, _ = regions()
    rows = torch.cat((images[:, None].float(), boxes), 1)
    levels = extractor.map_roi_levels(rows, 3)
    assert set(levels.tolist()) == {0, 1, 2}
    pooled = multilevel_roi_align(maps(), boxes, images, levels, SCALES, 7, 0)
    assert torch.equal(pooled, extractor(maps(), rows))
