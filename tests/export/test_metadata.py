"""What exported files say of themselves, and what strangers may have written there."""

import json
from dataclasses import replace

import onnx
import pytest
from mmengine.config import Config

from mmbackbones import apis
from mmbackbones.errors import UserError
from mmbackbones.export.metadata import KEY, Metadata, from_properties, plain
from mmbackbones.export.onnx_metadata import read_onnx_entries
from tests.helpers.carried_configs import detector

ABOUT = Metadata(
    task='detection',
    network='RetinaNet with VAN',
    config='a = 1\n',
    dataset_meta=dict(classes=['cat', '\x1b[31m"<dog>\n'], category_ids=[7, 9]),
    img_scale=(96, 64),
    mean=(1.0, 2.0, 3.5),
    std=(1.0, 1.0, 1.0),
    static_size=(96, 64),
    opset=17,
    versions=dict(torch='2'),
)


def test_what_is_written_is_read():
    properties = ABOUT.as_properties()
    assert from_properties(properties, 'a.onnx') == ABOUT
    assert properties['mean'] == '[1.0, 2.0, 3.5]'
    assert properties['img_scale'] == '[96, 64]'
    assert properties['task'] == 'detection'
    assert json.loads(properties['classes']) == ['cat', '\x1b[31m"<dog>\n']
    assert properties[KEY].isascii()
    assert ABOUT.content['meta']['dataset_meta']['classes'] == ABOUT.classes
    exact = replace(ABOUT, keep_ratio=False)
    assert from_properties(exact.as_properties(), 'a.onnx') == exact
    assert (properties['keep_ratio'], exact.as_properties()['keep_ratio']) == ('true', 'false')
    assert 'mean' not in replace(ABOUT, mean=()).as_properties()


def test_what_json_holds():
    class Word(str):
        pass

    given = dict(a=(1, [2.5, None]), b=float('inf'), c=object(), d=Word('x'), e=True)
    assert plain(given) == dict(a=[1, [2.5]], d='x', e=True)


def changed(**entries) -> dict[str, str]:
    return {KEY: json.dumps({**json.loads(ABOUT.as_properties()[KEY]), **entries})}


@pytest.mark.parametrize(
    ('properties', 'message'),
    [
        ({}, "a.onnx has no entry 'mmbackbones' in its metadata, .* only files that `mmbackbones export` wrote"),
        ({KEY: '{'}, 'it is no JSON'),
        ({KEY: '[' * 100_000}, 'it is no JSON'),
        ({KEY: '[]'}, 'it is no JSON object'),
        ({KEY: '{"version": NaN}'}, 'not finite'),
        ({KEY: '1' * 10_000}, 'it is no JSON'),
        ({KEY: ' ' * 9_000_000}, 'it is 9000000 characters long'),
        (changed(version=2), "it is of version '2'"),
        (changed(version='\x1b[31m' * 1000), r"it is of version '\\x1b\[31m"),
        (changed(task='os.system'), "task is 'os.system', and detection, "),
        (changed(task=None), 'task is no text'),
        (changed(network=1), 'network is no text'),
        (changed(config=dict(a=1)), 'config is no text'),
        (changed(dataset_meta=[]), 'dataset_meta is no JSON object'),
        (changed(dataset_meta=dict(classes='cat')), 'dataset_meta.classes is no list of names'),
        (changed(dataset_meta=dict(classes=[1])), 'dataset_meta.classes is no list of names'),
        (changed(img_scale=[1]), 'img_scale is no width and height'),
        (changed(img_scale=[10**9, 1]), 'img_scale is no width and height'),
        (changed(img_scale=[True, 1]), 'img_scale is no width and height'),
        (changed(static_size='ab'), 'static_size is no width and height'),
        (changed(mean='a'), 'mean is no list of numbers'),
        (changed(std=['a']), 'std is no list of numbers'),
        (changed(std=[1] * 1000), 'std is no list of numbers'),
        (changed(channel_order='GBR'), "channel_order is 'GBR'"),
        (changed(versions=1), 'versions is no JSON object'),
    ],
)
def test_a_stranger_s_metadata(properties, message):
    with pytest.raises(UserError, match=message) as caught:
        from_properties(properties, 'a.onnx')
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


@pytest.fixture
def carrying(detector_onnx, tmp_path):
    """Writes the file of a detector with another config."""

    def write(text: str) -> str:
        model = onnx.load(str(detector_onnx))
        about = from_properties(read_onnx_entries(str(detector_onnx)), 'a')
        onnx.helper.set_model_props(model, replace(about, config=text).as_properties())
        path = tmp_path / 'stranger.onnx'
        onnx.save(model, str(path))
        return str(path)

    return write


@pytest.mark.slow
@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ("default_scope = __import__('os').system('touch PWNED')", 'is more than data'),
        ('a = 1', 'default_scope is None'),
        ('', 'default_scope is None'),
        (None, "model.data_preprocessor.type is 'stranger.run'"),
    ],
)
def test_a_stranger_s_config_goes_through_the_rules_of_checkpoints(carrying, text, message):
    if text is None:
        cfg = Config(detector(**{'model.data_preprocessor.type': 'stranger.run'}))
        text = ''.join(f'{key} = {value!r}\n' for key, value in cfg.to_dict().items())
    file = carrying(text)
    for use in (apis.load, lambda file: apis.test(file, data='shapes')):
        with pytest.raises(UserError, match=message):
            use(file)


@pytest.mark.slow
def test_other_files_and_operators(detector_onnx, tmp_path):
    path = str(tmp_path / 'a.onnx')

    def refused(change, message):
        model = onnx.load(str(detector_onnx))
        change(model)
        onnx.save(model, path)
        with pytest.raises(UserError, match=message):
            apis.load(path)

    def outside(model):
        tensor = model.graph.initializer[0]
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key='location', value='/etc/passwd')
        tensor.ClearField('raw_data')

    refused(lambda model: model.opset_import.add(domain='com.microsoft', version=1), 'more than the .*com.microsoft')
    refused(lambda model: setattr(model.graph.node[0], 'domain', 'evil\x1b'), r'more than the standard .*evil\\x1b')
    refused(lambda model: model.functions.add(name='a', domain='b'), 'more than the standard')
    refused(lambda model: model.ClearField('metadata_props'), "has no entry 'mmbackbones'")
    model = onnx.load(str(detector_onnx))
    outside(model)
    (tmp_path / 'a.onnx').write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match='keeps weights in other files'):
        apis.load(path)


@pytest.mark.parametrize('suffix', ['.onnx', '.xml', '.pt2'])
def test_no_such_files(tmp_path, suffix):
    path = tmp_path / f'a{suffix}'
    with pytest.raises(UserError, match=f'a{suffix} does not exist'):
        apis.load(path)
    path.write_bytes(b'\x00\x01' * 100)
    path.with_suffix('.bin').write_bytes(b'')
    with pytest.raises(UserError, match='or damaged|or it is damaged|has no entry'):
        apis.load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match='is no file'):
        apis.load(path)
