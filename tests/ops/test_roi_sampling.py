"""Samples of RoIAlign along one axis."""

import pytest
import torch

from mmbackbones.ops.mmcv_ext.precision import at_least_float32
from mmbackbones.ops.mmcv_ext.roi_sampling import axis_weights, bins, interpolation


@pytest.mark.parametrize(
    ('aligned', 'start', 'size', 'samples'), [(True, 1.5, 1.25, 2.0), (False, 2.0, 1.25, 2.0)], ids=['aligned', 'not']
)
def test_bins_of_a_region(aligned, start, size, samples):
    """From 8 to 28 pixels at scale 1 / 4, in 4 bins: cells 2 to 7."""
    found = bins(torch.tensor([8.0]), torch.tensor([28.0]), 4, 0.25, 0, aligned)
    assert [x.item() for x in found] == [start, size, samples]
    assert found.of(torch.tensor([0])).at(torch.tensor([1]), 0).item() == start + size + size / 4


@pytest.mark.parametrize('high', [8.0, 4.0, float('nan'), float('inf')], ids=['empty', 'inside out', 'nan', 'infinite'])
def test_regions_without_samples(high):
    assert bins(torch.tensor([8.0]), torch.tensor([high]), 4, 0.25, 0, True).samples.item() == 0


@pytest.mark.parametrize(
    ('position', 'cells'),
    [(1.25, {1: 0.75, 2: 0.25}), (0.0, {0: 1.0}), (-0.5, {0: 1.0}), (3.8, {3: 1.0}), (-1.1, {}), (4.1, {})],
)
def test_interpolation(position, cells):
    """Linear between the cells, constant up to one cell outside, nothing further out."""
    low, high, low_weight, high_weight = interpolation(torch.tensor([position]), 4)
    weights = torch.zeros(4).index_add_(0, low, low_weight).index_add_(0, high, high_weight)
    expected = torch.zeros(4)
    for cell, weight in cells.items():
        expected[cell] = weight
    torch.testing.assert_close(weights, expected)


@pytest.mark.parametrize('sampling_ratio', [0, 1, 3])
def test_axis_weights_are_the_means_of_the_samples(sampling_ratio):
    low, high = torch.tensor([3.0, -10.0, 0.0]).double(), torch.tensor([17.0, 60.0, 2.0]).double()
    axis, length = bins(low, high, 3, 0.5, sampling_ratio, True), 9
    expected = torch.zeros(3, 3, length).double()
    for region in range(3):
        for bin in range(3):
            count = int(axis.samples[region])
            for sample in range(count):
                position = axis.start[region] + axis.size[region] * (bin + (sample + 0.5) / count)
                first, second, first_weight, second_weight = interpolation(position[None], length)
                expected[region, bin, first] += first_weight / count
                expected[region, bin, second] += second_weight / count
    torch.testing.assert_close(axis_weights(axis, 3, length), expected)


@pytest.mark.parametrize(
    ('given', 'computed'),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_at_least_float32(given, computed):
    assert at_least_float32(torch.ones(1, dtype=given)).dtype == computed
