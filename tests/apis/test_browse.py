"""The page on a data set: what the command writes, from folders with everything that may be in them."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmbackbones.apis import browse
from mmbackbones.errors import UserError
from tests.helpers.segmentation_folders import ade

pytestmark = pytest.mark.slow

HOSTILE = ('<script>alert(1)</script>', '{{ 7 * 7 }}', '$x$_', '\x1b[31mred', '数据', 'n' * 200)
SIZE = 64


def photo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)


def write_data(root: Path) -> None:
    """A folder with an image in both splits, one that is broken, and a suspicious label of each kind."""
    names = {
        'train': [
            '<b>one.png',
            '{{ 2 }}.png',
            "quote'$.png",
            '数据.png',
            *(f'{n}.png' for n in range(6)),
            'broken.png',
        ],
        'val': ['copy.jpg', 'b.png', 'c.png'],
    }
    seed = 0
    for split, files in names.items():
        images, annotations = [], []
        (root / 'images' / split).mkdir(parents=True)
        for number, name in enumerate(files, 1):
            path = root / 'images' / split / name
            photo(0 if name == 'copy.jpg' else seed).save(path)
            seed += 1
            images.append(dict(id=number, file_name=name, width=SIZE, height=SIZE))
            classes = range(5) if split == 'train' else range(2)  # the last one is nowhere
            for label in classes:
                box = [4 + 8 * label, 4 + 4 * (number % 5), 20, 24]
                annotations.append(dict(image_id=number, category_id=label + 1, bbox=box))
        if split == 'train':
            boxes = [[0, 0, 64, 64], [10, 10, 2, 30], [50, 50, 30, 10], [30, 30, 0, 10], *[[8, 40, 16, 16]] * 2]
            annotations += [dict(image_id=1, category_id=1, bbox=box) for box in boxes]
            annotations.append(dict(image_id=1, category_id=2, bbox=[8, 40, 16, 16]))
        for number, annotation in enumerate(annotations, 1):
            area = annotation['bbox'][2] * annotation['bbox'][3]
            annotation |= dict(id=number, iscrowd=0, area=area)
        categories = [dict(id=number, name=name) for number, name in enumerate(HOSTILE, 1)]
        (root / 'annotations').mkdir(exist_ok=True)
        content = dict(images=images, annotations=annotations, categories=categories)
        (root / f'annotations/{split}.json').write_text(json.dumps(content))
    (root / 'images/train/broken.png').write_bytes(b'')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / '<i>photos'
    write_data(root)
    return root


@pytest.fixture(scope='module')
def done(data, tiny_config, tmp_path_factory):
    """The page of a config."""
    folder = tmp_path_factory.mktemp('browse')
    config = folder / 'tiny <b>.py'
    config.write_text(Path(tiny_config).read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(folder / 'cache'))
        return browse(str(config), data=data, out=folder / 'out')


def figures_in(page: Path) -> dict:
    content = page.read_text(encoding='utf-8')
    return json.loads(re.search(r'id="figures">(.*?)</script>', content, re.DOTALL)[1])


def text_of(page: Path) -> str:
    """What is in the page but its pictures and its figures for programs."""
    content = re.sub(r'(?s)<script type="application/json".*?</script>', '', page.read_text(encoding='utf-8'))
    return re.sub(r'data:image/[^"]*', '', content)


def test_figures(done, data):
    figures = figures_in(done.pages[0])
    assert figures['images'] == done.images == dict(train=10, val=3)
    assert figures['objects'] == dict(train=10 * 5 + 6, val=6)  # one box has no area
    counts = {row['class']: (row['images'], row['train'], row['val']) for row in figures['classes']}
    assert counts == dict(
        zip(HOSTILE, [(13, 15, 3), (13, 11, 3), (10, 10, 0), (10, 10, 0), (10, 10, 0), (0, 0, 0)], strict=True)
    )
    assert figures['classes_in_one_split'] == dict.fromkeys(HOSTILE[2:5], 'train')
    assert figures['classes_nowhere'] == [HOSTILE[5]]
    kinds = {'two classes': 2, 'repeated': 1, 'covering': 1, 'tiny': 1, 'clipped': 1, 'dropped': 1}
    assert figures['suspicious'] == kinds
    assert done.suspicious == sum(kinds.values())
    assert figures['near_duplicates'] == dict(groups=1, between_splits=1)
    assert (done.near_duplicates, done.leaks) == (1, 1)
    assert next(row['boxes'] for row in figures['anchors']) == figures['objects']['train']


def test_findings_list_everything(done, data):
    found = json.loads((done.out / 'findings.json').read_text())
    broken = str(data / 'images/train/broken.png')
    assert found['unreadable_files'] == done.unreadable == {broken: 'the file is empty'}
    (group,) = found['near_duplicate_groups']
    assert [item['split'] for item in group] == ['train', 'val']
    assert [Path(item['image']).name for item in group] == ['<b>one.png', 'copy.jpg']
    clipped = next(item for item in found['suspicious_labels'] if item['kind'] == 'clipped')
    assert (clipped['boxes'], clipped['classes']) == ([[50, 50, 80, 60]], [HOSTILE[0]])


def test_names_are_escaped(done):
    text = text_of(done.pages[0])
    assert '<script>alert' not in text
    assert '<b>one' not in text
    assert '<i>photos' not in text
    assert '&lt;script&gt;alert(1)&lt;/script&gt;' in text
    assert '{{ 7 * 7 }}' in text
    assert '\x1b' not in text


def test_pictures(done):
    sheets = sorted(path.name for path in done.out.glob('*.png'))
    names = ['classes', 'model_inputs', 'near_duplicates', 'suspicious', 'train', 'val']
    assert sheets == [f'{name}.png' for name in names]
    assert all(cv2.imread(str(done.out / name)).std() > 10 for name in sheets)
    assert done.pages[0].stat().st_size < 4 << 20


def test_in_a_browser(done, browser):
    for width in (1400, 420):
        browser.open(done.pages[0], width)
        assert browser.complaints() == []
        assert browser.requests() == []
        assert browser.broken_images() == []
        assert browser.overflow() == 0
    browser.run("document.querySelectorAll('#class-table thead button')[1].click()")
    cells = "return [...document.querySelectorAll('#class-table tbody tr')].map(row => row.cells[1].innerText)"
    assert browser.run(cells) == ['13', '13', '10', '10', '10', '0']


def test_command(data, tool, tmp_path, monkeypatch, cache_home):
    monkeypatch.chdir(tmp_path)
    code, out, err = tool('browse', data)
    assert code == 2  # as check-data, because of the broken image
    assert f'{data}/images/train/broken.png: the file is empty\n1 file cannot be read' in err
    assert '7 suspicious labels; 1 group of nearly the same image, in several splits' in out
    assert (tmp_path / 'browse/<i>photos/index.html').is_file()
    assert not (tmp_path / 'browse/<i>photos/model_inputs.png').exists()
    assert sorted(path.name for path in data.iterdir()) == ['annotations', 'images']


def test_boxes_and_label_maps(shapes, tmp_path, cache_home):
    done = browse(shapes, out=tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in done.pages] == ['index.html', 'label_maps/index.html']
    assert 'href="label_maps/index.html"' in text_of(done.pages[0])
    assert 'href="../index.html"' in text_of(done.pages[1])
    boxes, maps = map(figures_in, done.pages)
    assert boxes['images'] == maps['images'] == dict(train=8, val=4)
    assert len(maps['classes']) == 5
    assert sum(row['of train'] for row in maps['classes']) == pytest.approx(1)


def test_a_segmentor(tmp_path, cache_home):
    ade(tmp_path / 'user')
    done = browse('upernet_van_t', data=tmp_path / 'user', img_scale=(64, 64), out=tmp_path / 'out')
    assert 'RandomCrop(crop_size=(64, 64)' in text_of(done.pages[0])
    assert (tmp_path / 'out/model_inputs.png').is_file()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(source='nowhere'), 'nowhere is neither a data folder nor a config'),
        (dict(source=''), 'the name of the data folder or config is empty'),
        (dict(source='{data}', data='x'), '--data goes with a config, but .* is data'),
        (dict(source='{data}', img_scale=(64, 64)), '--img-scale goes with a config'),
        (dict(source='{data}', background='class'), 'holds boxes: leave them out'),
        (dict(source='{data}', out='{data}/out'), 'lies in the data folder'),
        (dict(source='{data}', out='{others}'), 'holds train.png, but not of an earlier call of browse'),
        (dict(source='{yaml}', out='{images}/out'), 'lies among the images in .*: name a folder elsewhere'),
        (dict(source='{config}', data='{data}', ignore_label=3), 'this config is of a detector'),
        (dict(source='{empty}'), 'is empty'),
    ],
)
def test_refusals(arguments, message, data, tiny_config, tmp_path, cache_home, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty').mkdir()
    for folder in ('others', 'images', 'labels'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'others/train.png').touch()
    (tmp_path / 'data.yaml').write_text('train: images\nnames: [a]')
    for number in range(2):
        photo(number).save(tmp_path / f'images/{number}.png')
        (tmp_path / f'labels/{number}.txt').write_text('0 .5 .5 .5 .5')
    places = dict(data=data, empty=tmp_path / 'empty', config=tiny_config, others=tmp_path / 'others')
    places |= dict(yaml=tmp_path / 'data.yaml', images=tmp_path / 'images')
    given = {key: value.format(**places) if isinstance(value, str) else value for key, value in arguments.items()}
    with pytest.raises(UserError, match=message):
        browse(**given)


def test_a_pipeline_that_fails(data, tiny_config, tmp_path, cache_home):
    config, text = tmp_path / 'broken.py', Path(tiny_config).read_text()
    flip = "{'type': 'RandomFlip', 'prob': 0.5}"
    assert flip in text
    config.write_text(text.replace(flip, "{'type': 'RandomAffine', 'max_rotate_degree': 'x'}"))
    with pytest.raises(UserError, match=r'the train pipeline of the config fails on the image .*\.png: '):
        browse(str(config), data=data, out=tmp_path / 'out')
