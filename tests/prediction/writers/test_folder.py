"""The folder that ``predict`` writes."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets import load_segmentation
from mmbackbones.datasets.checks.label_maps import read_labels
from mmbackbones.errors import UserError
from mmbackbones.prediction.prediction import Prediction
from mmbackbones.prediction.sources import find_sources
from mmbackbones.prediction.writers import PredictionFolder, own_folders
from mmbackbones.prediction.writers.label_maps import write_label_map
from tests.helpers.videos import write_video

CLASSES, IDS = ('cat', 'dog'), (7, 3)
SIZE = (40, 30)


@pytest.fixture
def drawing(monkeypatch):
    """Drawings that are quick, as large as the image."""
    for function in ('draw_objects', 'draw_segmentation'):
        monkeypatch.setattr(f'mmbackbones.visualization.drawing.{function}', lambda image, *_: image)


def predictions(sources, segmentation=None, frames=5):
    """One object in each image and frame."""
    none = segmentation is not None
    for source in sources:
        for frame in range(frames) if source.is_video else [None]:
            yield Prediction(
                source=source.name,
                frame=frame,
                boxes=np.float32([[1, 2, 30.1, 20]])[none:],
                scores=np.float32([0.7])[none:],
                labels=np.array([1])[none:],
                masks=None,
                segmentation=segmentation,
                classes=CLASSES,
                category_ids=IDS,
                read_image=lambda: np.zeros((SIZE[1], SIZE[0], 3), np.uint8),
            )


def write(out, given, ids=IDS, draw=True, **options) -> dict:
    sources, _ = find_sources(given, leave_out=own_folders(out))
    with PredictionFolder(out, sources, CLASSES, ids, draw) as folder:
        for prediction in predictions(sources, **options):
            folder.write(prediction)
    return json.loads((out / 'predictions.json').read_text())


def touch(root, *names) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', SIZE).save(root / name)


def files(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()}


def test_subfolders_are_kept_and_no_two_files_are_the_same(drawing, tmp_path):
    touch(tmp_path / 'in', 'a/x.jpg', 'a/x.png', 'b/c/y.bmp')
    (tmp_path / 'in/b/x.mp4').write_bytes(write_video(tmp_path / 'film.mp4', frames=5).read_bytes())
    content = write(tmp_path / 'out', str(tmp_path / 'in'))
    drawn = {'drawn/a/x.jpg.jpg', 'drawn/a/x.png.jpg', 'drawn/b/c/y.jpg', 'drawn/b/x.mp4'}
    assert files(tmp_path / 'out') == {'predictions.json', *drawn}
    shown = [
        (Path(image['file_name']).relative_to(tmp_path).as_posix(), image.get('frame')) for image in content['images']
    ]
    pictures = [('in/a/x.jpg', None), ('in/a/x.png', None), ('in/b/c/y.bmp', None)]
    assert sorted(shown, key=str) == sorted([*pictures, *(('in/b/x.mp4', number) for number in range(5))], key=str)
    assert len(content['annotations']) == 8
    assert {(item['category_id'], item['bbox'][0]) for item in content['annotations']} == {(3, 1)}
    assert {(image['width'], image['height']) for image in content['images']} == {SIZE}
    reader = cv2.VideoCapture(str(tmp_path / 'out/drawn/b/x.mp4'))
    assert (reader.get(cv2.CAP_PROP_FPS), reader.get(cv2.CAP_PROP_FRAME_COUNT)) == (25, 5)


@pytest.mark.parametrize(
    ('given', 'drawn'),
    [
        (['in'], 'drawn/deep/x.jpg'),
        (['in/deep'], 'drawn/x.jpg'),
        (['in/deep/x.png'], 'drawn/x.jpg'),
        (['in/*/x.png'], 'drawn/deep/x.jpg'),
        (['in/deep/../deep'], 'drawn/x.jpg'),
        (['in/deep', 'other'], 'drawn/in/deep/x.jpg'),
        (['other/y.png', 'in'], 'drawn/in/deep/x.jpg'),
    ],
    ids=str,
)
def test_subfolders_are_below_what_was_given(given, drawn, drawing, tmp_path, monkeypatch):
    touch(tmp_path, 'in/deep/x.png', 'other/y.png')
    monkeypatch.chdir(tmp_path)
    content = write(Path('out'), given)
    assert drawn in files(tmp_path / 'out')
    assert any(image['file_name'].endswith('x.png') for image in content['images'])
    assert not Path(content['images'][0]['file_name']).is_absolute()


def test_label_maps_have_the_numbers_of_the_data_and_are_read_as_such(drawing, tmp_path):
    scene = np.random.default_rng(0).integers(0, 2, SIZE[::-1])
    root = tmp_path / 'data'
    for folder in ('training', 'validation'):
        for name in ('x', 'deep/y'):
            touch(root, f'images/{folder}/{name}.jpg')
            for index in (np.uint8(IDS)[scene],):
                path = root / f'annotations/{folder}/{name}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(index).save(path)
    (root / '_classes.csv').write_text('Pixel Value, Class\n7, cat\n3, dog\n')
    table = load_segmentation(root, tmp_path / 'work', classes=CLASSES).table
    assert table.numbers == IDS
    images = root / 'images/validation'
    content = write(tmp_path / 'out', str(images), segmentation=scene)
    assert files(tmp_path / 'out/labels') == {'x.png', 'deep/y.png'}
    for name in ('x.png', 'deep/y.png'):
        predicted, truth = (
            read_labels(folder / name) for folder in (tmp_path / 'out/labels', root / 'annotations/validation')
        )
        assert predicted.dtype == np.uint8
        assert np.array_equal(predicted, truth)
        with Image.open(tmp_path / 'out/labels' / name) as image:
            assert image.mode == 'L'
    assert {item['category_id'] for item in content['annotations']} == set(IDS)
    assert len(content['annotations']) == 4


def test_label_maps_of_frames_and_of_16_bits(drawing, tmp_path):
    scene = np.random.default_rng(0).integers(0, 2, SIZE[::-1])
    write_video(tmp_path / 'in.mp4', frames=5)
    write(tmp_path / 'out', str(tmp_path / 'in.mp4'), segmentation=scene, draw=False)
    assert files(tmp_path / 'out') == {'predictions.json', *(f'labels/in.mp4/{number:06d}.png' for number in range(5))}
    write_label_map(scene, (0, 60_000), tmp_path / 'a.png')
    assert np.array_equal(read_labels(tmp_path / 'a.png'), np.array([0, 60_000])[scene])
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match=r'cannot write a label map to .*file/a\.png'):
        write_label_map(scene, IDS, tmp_path / 'file/a.png')


def test_an_earlier_run_is_replaced_and_nothing_else(drawing, tmp_path):
    touch(tmp_path, 'in/x.png', 'out/drawn/old.jpg')
    (tmp_path / 'out/notes.txt').write_text('mine')
    (tmp_path / 'out/predictions.json').write_text('of an earlier run')
    for _ in range(2):
        assert len(write(tmp_path / 'out', str(tmp_path / 'in'))['images']) == 1
        assert files(tmp_path / 'out') == {'predictions.json', 'drawn/x.jpg', 'drawn/old.jpg', 'notes.txt'}


def test_nothing_is_written_among_the_images(tmp_path):
    touch(tmp_path, 'out/drawn/x.png')
    sources, _ = find_sources(str(tmp_path / 'out/drawn/x.png'))
    with pytest.raises(UserError, match=r'predictions would be written among the images in .*drawn: name .* --out'):
        PredictionFolder(tmp_path / 'out', sources, CLASSES, IDS)


def test_names_that_are_not_utf_8(drawing, tmp_path):
    touch(tmp_path, 'x.png')
    name = os.fsdecode(b'\xff\xfe.png')
    try:
        (tmp_path / 'in').mkdir()
        (tmp_path / 'x.png').rename(tmp_path / 'in' / name)
    except OSError:
        pytest.skip('this file system takes UTF-8 only')
    write_video(tmp_path / 'film.mp4', frames=5).rename(tmp_path / 'in' / os.fsdecode(b'\xe9.mp4'))
    scene = np.zeros(SIZE[::-1], int)
    content = write(tmp_path / 'out', str(tmp_path / 'in'), segmentation=scene)
    assert {os.path.basename(image['file_name']) for image in content['images']} == {name, '\udce9.mp4'}
    assert {'drawn/\udcff\udcfe.jpg', 'drawn/\udce9.mp4', 'labels/\udcff\udcfe.png'} <= files(tmp_path / 'out')


def test_an_interrupted_run_leaves_what_there_is(drawing, tmp_path):
    sources, _ = find_sources(str(write_video(tmp_path / 'in.mp4', frames=5)))

    def interrupted():
        with PredictionFolder(tmp_path / 'out', sources, CLASSES, IDS) as folder:
            for prediction in predictions(sources):
                folder.write(prediction)
                if prediction.frame == 2:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert files(tmp_path / 'out') == {'predictions.json', 'drawn/in.mp4'}
    assert len(json.loads((tmp_path / 'out/predictions.json').read_text())['images']) == 3
    assert cv2.VideoCapture(str(tmp_path / 'out/drawn/in.mp4')).get(cv2.CAP_PROP_FRAME_COUNT) == 3
