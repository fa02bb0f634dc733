"""Classifiers against logits computed with the authors' code, from files in their layouts."""

import pytest
import torch

from mmbackbones.apis.classify import classifier
from tests.helpers.official_states import dualvit_state, hierarchical_state, load_reference, van_state
from tests.helpers.reference import assert_features_equal, image

pytestmark = pytest.mark.slow

REFERENCE = load_reference('logits')
STATES = {
    'van_b0': lambda: van_state('b0'),
    'transcnn_tiny': lambda: hierarchical_state('transcnn', 'tiny'),
    'hatnet_tiny': lambda: hierarchical_state('hatnet', 'tiny'),
    'dualvit_s': lambda: dualvit_state('classification'),
}


@pytest.mark.parametrize('variant', STATES)
def test_equals_the_authors_classifier(variant, tmp_path):
    state, reference = STATES[variant](), REFERENCE[variant]
    torch.save(dict(model=state), tmp_path / 'released.pth')
    model = classifier(str(tmp_path / 'released.pth'))
    unused = sum(value.numel() for key, value in state.items() if '.proj_norm.' in key)  # HAT-Net's
    assert sum(param.numel() for param in model.parameters()) == reference['n_params'] - unused
    with torch.no_grad():
        logits = model.double()(image(reference['seed'], reference['input_shape']).double())
    assert_features_equal([logits], dict(logits=reference['logits']))
