"""The contract of every backbone and its inference form on a GPU: the tests of the CPU, with images and weights there.

Left out is what no device changes, such as refused arguments, and what has tests of its own beside this file.
"""

import pytest
import torch

from tests.backbones import test_contract as contract
from tests.backbones import test_fused as fused
from tests.helpers.small_backbones import as_trained

pytestmark = pytest.mark.gpu

test_any_size = contract.test_any_size
test_every_parameter_gets_a_gradient = contract.test_every_parameter_gets_a_gradient
test_out_indices_choose_maps_of_the_whole_pyramid = contract.test_out_indices_choose_maps_of_the_whole_pyramid
test_the_state_after_each_stage = contract.test_the_state_after_each_stage
test_prepared_images = contract.test_prepared_images_are_in_the_memory_format_of_the_network
test_frozen_stages_before_group_norms = contract.test_frozen_stages_before_group_norms
test_eval_is_deterministic_and_drop_path_is_not = contract.test_eval_is_deterministic_and_drop_path_is_not
test_loads_its_own_state_dict = contract.test_loads_its_own_state_dict

test_equal_maps = fused.test_equal_maps
test_once_and_for_good = fused.test_once_and_for_good
test_gradients_of_the_input = fused.test_gradients_of_the_input


@pytest.fixture(autouse=True)
def images_on_the_device(device, monkeypatch):
    """The tests call `image` of their modules."""
    for module in (contract, fused):
        image = module.image
        monkeypatch.setattr(module, 'image', lambda *args, image=image, **kwargs: image(*args, **kwargs).to(device))


@pytest.fixture
def build(build, device):
    return lambda **kwargs: build(**kwargs).to(device)


@pytest.fixture
def network(build):
    torch.manual_seed(0)
    return as_trained(build(drop_path_rate=0.5, with_cp=True)).eval()


def test_the_tests_compute_on_the_device(build, device):
    assert contract.image().device.type == device
    assert fused.image().device.type == device
    assert {value.device.type for value in build().state_dict().values()} == {device}
