"""The verb export: what it writes and says, and what it refuses."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from mmengine.config import Config

from mmbackbones import apis
from mmbackbones.apis import export_source
from mmbackbones.errors import RunFailed, Terminated, UserError
from mmbackbones.export import sessions, writing
from mmbackbones.export.example_images import example_images
from mmbackbones.export.exported_model import ExportedDetector
from mmbackbones.export.metadata import KEY, Metadata
from tests.helpers.carried_configs import content, detector, segmentor
from tests.helpers.small_backbones import build_small

pytestmark = pytest.mark.slow


def test_what_it_prints(tool, detector_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = tool('export', detector_file, 'found.onnx')
    assert (code, err) == (0, '')
    lines = out.splitlines()
    assert lines[0] == f'exporting {detector_file}: RetinaNet with VAN, detection'
    assert lines[1].startswith('found.onnx: ONNX, opset 17, 0.')
    assert lines[2:6] == [
        '  input image: N x 3 x H x W',
        '  output boxes: N x 60 x 4',
        '  output scores: N x 60',
        '  output labels: N x 60',
    ]
    assert lines[6] == (
        'compared with PyTorch on generated images, resized to 96x64, 77x45, 39x87 pixels, 1, 2, 5 at once:'
    )
    assert lines[7].endswith(' objects')
    assert lines[8].startswith('  largest difference: ')
    assert lines[9:] == ['done: found.onnx']
    assert [path.name for path in tmp_path.iterdir()] == ['found.onnx']


def test_what_other_programs_read(detector_onnx):
    model = onnx.load(str(detector_onnx))
    entries = {entry.key: entry.value for entry in model.metadata_props}
    assert set(entries) == {KEY, 'task', 'classes', 'img_scale', 'keep_ratio', 'mean', 'std', 'channel_order'}
    assert (entries['img_scale'], entries['keep_ratio']) == ('[96, 64]', 'true')
    assert entries['classes'] == '["circle", "square", "triangle", "star"]'
    assert 'site-packages' not in str(model)
    session = onnxruntime.InferenceSession(str(detector_onnx))
    boxes, scores, labels = session.run(None, {'image': np.zeros((2, 3, 70, 45), np.float32)})
    assert boxes.shape == (2, 60, 4)
    assert (labels[scores > 0] >= 0).all()


@pytest.mark.parametrize('suffix', ['.xml', '.pt2'])
def test_other_formats(segmentor_file, segmentor_onnx, tmp_path, capsys, suffix):
    done = apis.export(segmentor_file, tmp_path / f'parts{suffix}')
    files = {suffix, '.bin'} if suffix == '.xml' else {suffix}
    assert {path.suffix for path in tmp_path.iterdir()} == files
    assert done.agreement.difference.score < 1e-5
    assert ' of a probability\n' in capsys.readouterr().out
    one, other = apis.load(segmentor_onnx), apis.load(done.file, device='cpu')
    assert other.classes == one.classes
    images = [np.random.default_rng(0).integers(0, 256, (45, 70, 3), np.uint8)]
    for left, right in zip(one.predict(images), other.predict(images), strict=True):
        assert (left.segmentation == right.segmentation).mean() > 0.99
    kind = {'.xml': 'OpenVINO', '.pt2': 'torch.export program'}[suffix]
    assert str(apis.identify(done.file)) == f'{kind}, EncoderDecoder with VAN, semantic segmentation, 5 classes'
    with pytest.raises(UserError, match='cannot run on cuda'):
        sessions.open_session(done.file, torch.device('cuda'))


def test_identify(tool, detector_onnx):
    code, out, _ = tool('identify', detector_onnx)
    assert code == 0
    assert out.splitlines()[0] == f'{detector_onnx}: ONNX opset 17, RetinaNet with VAN, detection, 4 classes'
    assert 'classes (4): circle, square, triangle, star' in out
    assert 'images: resized to fit into 96x64 pixels; RGB, mean (123.675' in out
    assert f'to use it: mmbackbones predict {detector_onnx} SOURCE, or mmbackbones test ' in out


@pytest.mark.parametrize(
    ('file', 'format', 'message'),
    [
        ('a.txt', None, r'a.txt: the name of an exported file ends with .onnx'),
        ('a', None, 'the name of an exported file ends with'),
        ('a.onnx', 'openvino', 'a.onnx ends with .onnx, but --format openvino writes .xml'),
        ('a.onnx', 'tensorrt', '--format is one of onnx, openvino, torch-export'),
        ('folder.onnx', None, 'folder.onnx is a folder'),
    ],
)
def test_names_of_files(detector_file, tmp_path, file, format, message):
    (tmp_path / 'folder.onnx').mkdir()
    with pytest.raises(UserError, match=message):
        apis.export(detector_file, tmp_path / file, format=format)


def test_a_format_without_a_suffix_and_a_name_like_a_pattern(segmentor_file, tmp_path):
    done = apis.export(segmentor_file, tmp_path / 'new' / 'a[1]*', format='onnx')
    assert done.file == tmp_path / 'new' / 'a[1]*.onnx'
    assert [path.name for path in done.file.parent.iterdir()] == ['a[1]*.onnx']


def test_a_file_that_computes_something_else_is_not_kept(tool, detector_file, tmp_path, monkeypatch):
    result = ExportedDetector._result

    def shifted(self, found, meta):
        objects = result(self, found, meta)
        objects.bboxes = objects.bboxes + 1
        return objects

    monkeypatch.setattr(ExportedDetector, '_result', shifted)
    (tmp_path / 'a.onnx').write_text('before')
    code, _, err = tool('export', detector_file, tmp_path / 'a.onnx')
    assert code == 1
    assert err.startswith('error: the exported file differs from PyTorch: an object of the file, label ')
    assert len(err.splitlines()) == 1
    assert (tmp_path / 'a.onnx').read_text() == 'before'
    assert [path.name for path in tmp_path.iterdir()] == ['a.onnx']


@pytest.mark.parametrize('error', [KeyboardInterrupt, Terminated])
def test_an_interrupted_export_leaves_nothing(detector_file, tmp_path, monkeypatch, error):
    def interrupt(*_):
        raise error

    monkeypatch.setattr(writing, 'add_onnx_entries', interrupt)
    with pytest.raises(error):
        apis.export(detector_file, tmp_path / 'a.onnx')
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_finds_nothing_yet_in_the_images_that_its_checkpoint_names(shapes, tmp_path, capsys):
    """Objects are then compared in a copy of the file with a lower threshold."""
    data = dict(
        data_root='', ann_file=str(shapes / 'annotations/train.json'), data_prefix=dict(img=f'{shapes}/images/')
    )
    parts = {f'test_dataloader.dataset.{key}': value for key, value in data.items()}
    torch.save(content(detector(**parts, **{'model.test_cfg.score_thr': 0.9})), tmp_path / 'a.pth')
    done = apis.export(tmp_path / 'a.pth', tmp_path / 'a.onnx')
    assert done.agreement.objects > 10
    assert 0 < done.agreement.lowered < 0.9
    said = capsys.readouterr().out
    assert 'no object reaches the threshold, so objects from a score of 0.' in said
    assert f'on images of {shapes}/images/training, resized' in said
    assert len(next(iter(apis.load(done.file).predict(np.zeros((64, 64, 3), np.uint8), 0.0))).scores) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.onnx', 'a.pth']


def test_images_of_a_segmentor_whose_config_names_no_classes(shapes):
    """MMSegmentation's data sets want their names."""
    folders = dict(img_path='images/validation', seg_map_path='annotations/validation')
    data = dict(type='BaseSegDataset', data_root=str(shapes), ann_file='', data_prefix=folders)
    config = segmentor(**{f'test_dataloader.dataset.{key}': value for key, value in data.items()})
    about = Metadata('semantic segmentation', 'a', Config(config).pretty_text, dict(classes=['background', 'circle']))
    images, said = example_images(about, 2)
    assert (len(images), said) == (2, f'images of {shapes}/images/validation')


def test_a_model_whose_scores_are_all_the_same(tmp_path):
    """Ties everywhere: which of the objects are kept is left to the runtime."""
    given = content(detector(**{'model.test_cfg.max_per_img': 30}))
    given['state_dict']['bbox_head.retina_cls.weight'].zero_()
    torch.save(given, tmp_path / 'a.pth')
    assert apis.export(tmp_path / 'a.pth', tmp_path / 'a.onnx').agreement.objects > 10


def test_a_missing_library(detector_file, detector_onnx, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'onnxruntime', None)
    with pytest.raises(UserError, match=r'needs onnxruntime: pip install "mmbackbones\[export\]"'):
        apis.export(detector_file, tmp_path / 'a.onnx')
    with pytest.raises(UserError, match='running an ONNX file needs onnxruntime'):
        apis.load(detector_onnx)


def test_threads_and_devices(detector_onnx, monkeypatch):
    seen = []
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 3)
    monkeypatch.setattr(
        onnxruntime,
        'InferenceSession',
        lambda file, options, providers: (
            seen.append((options.intra_op_num_threads, providers)) or session(file, options)
        ),
    )
    assert sessions.open_session(detector_onnx).device == torch.device('cpu')
    assert seen == [(3, ['CPUExecutionProvider'])]
    with pytest.raises(UserError, match='cannot run on cuda: the installed onnxruntime runs on the CPU'):
        sessions.open_session(detector_onnx, torch.device('cuda'))
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: ['CUDAExecutionProvider'])
    assert sessions.open_session(detector_onnx, torch.device('cuda:1')).device == torch.device('cuda:1')
    assert seen[-1][1][0] == ('CUDAExecutionProvider', dict(device_id=1))


def test_a_backbone_by_the_name_of_a_config(tool, tmp_path, monkeypatch):
    small = build_small('VAN', out_indices=(1, 2, 3)).eval()
    monkeypatch.setattr(export_source.MODELS, 'build', lambda _: small)
    code, out, _ = tool('export', 'retinanet_van_t', tmp_path / 'a.onnx')
    assert code == 0
    assert 'THE WEIGHTS ARE RANDOM: name trained ones with --weights\n' in out
    assert '  output p3: N x 16 x H/8 x W/8\n' in out
    assert '  output p5: N x 32 x H/32 x W/32\n' in out
    with pytest.raises(UserError, match='a.onnx holds VAN alone, a backbone, but no detector or segmentor'):
        apis.load(tmp_path / 'a.onnx')
    assert str(apis.identify(tmp_path / 'a.onnx')) == 'ONNX opset 17, VAN, features'


def test_a_backbone_by_name_and_from_a_file(tmp_path, monkeypatch, detector_file):
    small = build_small('VAN').eval()
    monkeypatch.setattr(export_source, 'create_backbone', lambda name, pretrained: small)
    size = dict(static=True, img_scale=(64, 96))
    done = apis.export('van-b2', tmp_path / 'a.onnx', weights=detector_file, **size)
    assert sessions.open_session(done.file).static_size == (96, 64)
    assert done.agreement.sizes == ((64, 96),)
    with pytest.raises(UserError, match='goes with --static'):
        apis.export('van-b2', tmp_path / 'a.onnx', weights=detector_file, img_scale=(64, 64))
    with pytest.raises(UserError, match='--config says how a checkpoint was trained'):
        apis.export('van-b2', tmp_path / 'a.onnx', config='retinanet_van_t')
    with pytest.raises(UserError, match='holds weights itself'):
        apis.export(detector_file, tmp_path / 'a.onnx', weights='van-b2')
    with pytest.raises(UserError, match='nosuch'):
        apis.export('nosuch', tmp_path / 'a.onnx')


def test_a_backbone_s_values_are_compared(tmp_path, monkeypatch):
    small = build_small('VAN').eval()
    monkeypatch.setattr(export_source, 'create_backbone', lambda name, pretrained: small)
    run = sessions.Session.run
    monkeypatch.setattr(
        sessions.Session, 'run', lambda self, images: {name: a * 1.01 for name, a in run(self, images).items()}
    )
    with pytest.raises(RunFailed, match='a score differs by 0.01'):
        apis.export('sasa-r26', tmp_path / 'a.onnx', static=True, img_scale=(64, 64))
    assert list(tmp_path.iterdir()) == []


def test_a_static_size(segmentor_file, tmp_path):
    done = apis.export(segmentor_file, tmp_path / 'a.onnx', static=True)
    assert sessions.open_session(done.file).static_size == (64, 96)
    assert done.agreement.sizes == ((96, 64),)


def test_arguments_of_the_wrong_kind(detector_file, tmp_path):
    for wrong, message in (
        (dict(img_scale=(1, 2, 3)), 'img_scale must be'),
        (dict(static='yes'), 'static must be True or False'),
        (dict(img_scale=(8, 8)), '--img-scale 8 8 is too small'),
        (dict(weights=''), 'weights is empty'),
    ):
        with pytest.raises(UserError, match=message):
            apis.export(detector_file, tmp_path / 'a.onnx', **wrong)
