"""Classifiers against logits computed with the authors' code, from files in their layouts."""

import json
from pathlib import Path

import pytest
import torch

from mmbackbones.apis.classify import classifier
from tests.backbones import test_dualvit, test_transcnn, test_van
from tests.helpers.reference import assert_features_equal, image

REFERENCE = json.loads((Path(__file__).parent / 'logits_reference.json').read_text())
STATES = {
    'van_b0': lambda: test_van.official_state('b0'),
    'transcnn_tiny': lambda: test_transcnn.official_state('transcnn', 'tiny'),
    'hatnet_tiny': lambda: test_transcnn.official_state('hatnet', 'tiny'),
    'dualvit_s': lambda: test_dualvit.official_state('classification'),
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
