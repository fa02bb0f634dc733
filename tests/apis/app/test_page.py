"""The page in a browser, and its server asked by hostile programs."""

import http.client
import json
import re
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

import mmbackbones as mmb
from mmbackbones.apis.load import Model
from mmbackbones.prediction.prediction import Prediction
from tests.apis.app.conftest import HOSTILE, encoded, noise, png_bomb

pytest.importorskip('gradio', reason='Gradio is not installed')

from mmbackbones.apis.app.page import Page
from mmbackbones.apis.app.server import Server, open_port, private_folder, url_of
from mmbackbones.apis.app.serving import application
from mmbackbones.apis.app.tables import found_table

pytestmark = pytest.mark.slow

WAIT = 30  # seconds


@dataclass
class Site:
    """A page that is served: its address, the folder of its files, the model, and what it was asked to predict."""

    url: str
    folder: Path
    model: Model
    predicted: list[Any]

    def ask(self, method: str, path: str, body: bytes = b'', **headers: str) -> tuple[int, bytes]:
        """Status and body of an answer."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=WAIT)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def send(self, name: str, data: bytes) -> tuple[int, Any]:
        """Status of an upload, and the path of the file."""
        head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
        kind = {'Content-Type': 'multipart/form-data; boundary=x'}
        status, body = self.ask('POST', '/gradio_api/upload', head + data + b'\r\n--x--\r\n', **kind)
        return status, json.loads(body)[0] if status == 200 else body

    def files(self) -> list[str]:
        """Names of the files of the page."""
        return sorted(path.name for path in self.folder.rglob('*') if path.is_file())


@pytest.fixture(scope='module')
def site(detector_file):
    model, predicted = mmb.load(detector_file, device='cpu'), []
    predict = Model.predict
    with pytest.MonkeyPatch.context() as patch, private_folder() as folder, open_port('127.0.0.1', 0) as listening:
        patch.setattr(Model, 'predict', lambda *given, **options: predicted.append(1) or predict(*given, **options))
        served, stop = application(Page(model, folder), folder, '127.0.0.1', True)
        server = Server(served, stop)
        thread = threading.Thread(target=server.serve_on, args=[listening])
        thread.start()
        yield Site(url_of(listening), folder, model, predicted)
        server.should_exit = True
        thread.join(WAIT)
        assert not thread.is_alive()
    assert not folder.exists()


def wait_for(condition: Any) -> Any:
    """What a function gives as soon as that is true."""
    end = time.monotonic() + WAIT
    while not (value := condition()):
        assert time.monotonic() < end, 'it did not come'
        time.sleep(0.05)
    return value


def test_an_image_is_dropped_and_looked_at(browser, site, tmp_path):
    file = tmp_path / '<b>street & co.png'
    file.write_bytes(encoded(noise()))
    (found,) = site.model.predict(str(file), score_thr=0.05)
    site.predicted.clear()

    def text(part):
        return browser.run(f'return document.querySelector("#{part}").innerText')

    def picture(part):
        script = f'const i = document.querySelector("#{part} img"); return i && i.naturalWidth ? i.src : ""'
        return browser.run(script)

    def settled(part='picture'):
        source = picture(part)
        time.sleep(0.3)
        return source if source == picture(part) else ''

    browser.open(site.url)
    chooser = 'return document.querySelector("#image input[type=file]")'
    wait_for(lambda: browser.run(chooser)).send_keys(str(file))
    first = wait_for(settled)
    counts = {score: int((found.scores >= score).sum()) for score in (0.3, 0.5)}
    assert 0 < counts[0.5] < counts[0.3] <= len(found.scores)
    wait_for(lambda: f'{counts[0.3]} of {len(found.scores)} objects' in text('table'))
    rows = browser.run('return [...document.querySelectorAll("#table tbody tr")].map(row => row.innerText)')
    assert len(rows) == counts[0.3]
    left, top, right, bottom = found.boxes[0].round().astype(int)
    assert rows[0].split('\t') == [
        HOSTILE[found.labels[0]], f'{found.scores[0]:.2f}', *map(str, (left, top, right - left, bottom - top))
    ]  # fmt: skip
    assert browser.run('return document.querySelectorAll("#table img, h1 img, #table .katex").length') == 0

    browser.run('document.querySelector("#score_thr input[type=range]").focus()')
    browser.driver.switch_to.active_element.send_keys('\ue014' * 20)  # the right arrow: 0.01 each
    wait_for(lambda: 'at least 0.50' in text('table'))
    assert f'{counts[0.5]} of ' in text('table')
    wait_for(lambda: settled() != first and settled())
    assert site.predicted == [1]  # once, whatever the threshold

    # Drawings of small images are larger: 7 times here.
    place = browser.run(
        'const box = document.querySelector("#picture img").getBoundingClientRect();'
        'return [box.left, box.top, box.width, box.height]'
    )
    assert browser.run('return document.querySelector("#picture img").naturalWidth') == 630
    shown = min(place[2] / 630, place[3] / 420, 1)
    x, y = (place[i] + place[2 + i] / 2 + (at - (45, 30)[i]) * 7 * shown for i, at in enumerate((20.5, 40.5)))
    click = dict(x=x, y=y, button='left', clickCount=1)
    for kind in ('mousePressed', 'mouseReleased'):
        browser.driver.execute_cdp_cmd('Input.dispatchMouseEvent', dict(type=kind, **click))
    wait_for(lambda: settled('attention'))
    assert re.search(r'column (20|21), row (40|41) ', text('about'))
    assert text('table').startswith(f'{counts[0.5]} of ')
    assert 'run' not in browser.run('return document.title')
    pictures = [f'b_street_co_{name}' for name in ('attention.png', 'drawn.jpg', 'drawn.jpg')]
    assert [name for name in site.files() if name.startswith('b_')] == pictures
    assert len(site.files()) == 4

    broken = tmp_path / 'broken.png'
    broken.write_bytes(b'no image')
    browser.run('document.querySelector("#image button[aria-label]").click()')
    wait_for(lambda: not picture('picture') and browser.run(chooser)).send_keys(str(broken))
    wait_for(lambda: 'broken.png: it is not an image' in text('table'))
    assert site.predicted == [1]
    assert [text for text in browser.complaints() if 'Method not implemented' not in text] == []
    assert {urlsplit(url).netloc for url in browser.requests()} == {urlsplit(site.url).netloc}
    assert browser.overflow() <= 0

    browser.open('about:blank')
    wait_for(lambda: not site.files())


def test_no_other_file_is_served_or_read(site, tmp_path):
    secret = tmp_path / 'secret.png'
    secret.write_bytes(encoded(noise()))
    status, sent = site.send('../../a.png', encoded(noise()))
    assert status == 200
    assert Path(sent).is_relative_to(site.folder)
    prefix = '/gradio_api/file='
    assert site.ask('GET', f'{prefix}{sent}')[0] == 200
    assert site.ask('GET', f'{prefix}{sent}', Range='bytes=9-2')[1] == encoded(noise())
    asked = [
        secret,
        '/etc/passwd',
        f'{site.folder}/../{secret}',
        f'{site.folder}/%2e%2e/%2e%2e/etc/passwd',
        site.folder,
    ]
    assert {site.ask('GET', f'{prefix}{path}')[0] for path in asked} == {404}
    assert {site.ask('GET', path)[0] for path in ('/file=/etc/passwd', '/static/../../routes.py', '/docs')} == {404}

    def join(**changes):
        file = {'path': sent, 'orig_name': 'a.png', 'meta': {'_type': 'gradio.FileData'}}
        event = {'fn_index': 0, 'data': [file | changes, 0.3, []], 'session_hash': 'tests'}
        return site.ask('POST', '/gradio_api/queue/join', json.dumps(event).encode(), **{'Content-Type': 'a/json'})

    assert join(path=str(secret))[0] == join(path='http://127.0.0.1/a.png')[0] == 400
    site.predicted.clear()
    assert site.ask('POST', '/gradio_api/queue/join', b'{}', Origin='http://evil.example')[0] == 403
    assert site.ask('GET', '/', Host='evil.example')[0] == 421
    assert site.predicted == []


def test_what_is_sent_has_a_largest_size(site):
    status, body = site.send('a.png', bytes(33 << 20))
    assert (status, body) == (413, b'at most 32 MiB can be sent')


def test_the_page_tells_nothing_of_this_machine(site, detector_file):
    _, page = site.ask('GET', '/')
    assert str(Path(detector_file).parent).encode() not in page
    assert str(site.folder).encode() not in page


def test_many_ask_at_once(site):
    """The queue has an end, and whoever comes after it is told so."""
    _, sent = site.send('a.png', encoded(noise()))
    file = {'path': sent, 'meta': {'_type': 'gradio.FileData'}}

    def join(number):
        event = {'fn_index': 0, 'data': [file, 0.3, []], 'session_hash': f'many{number}'}
        body = json.dumps(event).encode()
        statuses.append(site.ask('POST', '/gradio_api/queue/join', body, **{'Content-Type': 'application/json'})[0])

    statuses: list[int] = []
    threads = [threading.Thread(target=join, args=[number]) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert set(statuses) == {200, 503}
    assert site.ask('GET', '/')[0] == 200


class Request:
    def __init__(self, session_hash='a'):
        self.session_hash = session_hash


@pytest.mark.parametrize('kind', ['masks', 'maps'])
def test_other_tasks(kind, load_new, folder):
    page = Page(load_new(kind), folder)
    (folder / 'sent').mkdir()
    (folder / 'sent/a.png').write_bytes(encoded(noise()))
    sent = {'path': str(folder / 'sent/a.png'), 'orig_name': 'a.png'}
    drawn, table, _, attention = page.show(sent, 0.05, [], Request())
    assert Path(drawn).is_file()
    assert '<img' not in table
    assert '&lt;img' in table or '${document' in table
    assert attention['visible'] is False
    found = page.last.get('a').chosen(0.05, [])
    if kind == 'masks':
        assert found.masks.shape == (len(found.boxes), 60, 90)
        assert not page.last.get('a').chosen(1.0, []).masks.any()
        assert set(page.last.get('a').chosen(0.0, [1]).labels) <= {1}
    else:
        share = (found.segmentation == 0).mean()
        assert f'{100 * share:.1f} %' in table
        only = page.last.get('a').chosen(0.3, [1]).segmentation
        assert set(np.unique(only)) <= {-1, 1}
    drawn, _ = page.choose(0.05, [1], Request())
    assert Path(drawn).is_file()
    page.leave(Request())
    assert [path for path in folder.rglob('*') if path.is_file()] == []


def test_what_is_sent_may_be_anything(detector_file, folder):
    page = Page(mmb.load(detector_file, device='cpu'), folder)
    for sent in ({}, [], 'a', 1, {'path': '/etc/passwd'}, {'path': None, 'orig_name': 7}):
        drawn, table, *_ = page.show(sent, 0.3, [], Request())
        assert drawn is None
        assert 'send it again' in table
    (folder / 'a.png').write_bytes(png_bomb(60_000, 60_000))
    _, table, *_ = page.show({'path': str(folder / 'a.png'), 'orig_name': '<b>'}, 0.3, [], Request())
    assert '&lt;b&gt;: it has' in table
    assert not (folder / 'a.png').exists()
    (folder / 'a.png').write_bytes(encoded(noise()))
    page.show({'path': str(folder / 'a.png')}, 10**400, [10**400, -1, True, 'a', {}], Request())
    for score in (float('nan'), float('inf'), None, [], 'a', True):
        drawn, _ = page.choose(score, score, Request())
        assert Path(drawn).is_file()


def test_events_that_gradio_cannot_read_are_none_of_the_page(detector_file, folder):
    is_event = Page(mmb.load(detector_file, device='cpu'), folder).is_event
    file = {'path': str(folder / 'a.png'), 'orig_name': 'a.png', 'meta': {'_type': 'gradio.FileData'}}
    for sent in (None, file):
        assert is_event({'fn_index': 0, 'data': [sent, 0.3, []]})
    for sent in ('a.png', [file], {**file, 'orig_name': {}}, 1):
        assert not is_event({'fn_index': 0, 'data': [sent, 0.3, []]})


def test_pages_that_show_the_same_file_share_it(detector_file, folder):
    page = Page(mmb.load(detector_file, device='cpu'), folder)
    file = folder / 'a.png'
    file.write_bytes(encoded(noise(32, 32)))
    for name in ('a', 'b', 'b'):
        page.show({'path': str(file)}, 0.3, [], Request(name))
    page.leave(Request('b'))
    assert file.exists()
    page.leave(Request('a'))
    assert not file.exists()


def test_a_picture_that_comes_too_late_is_not_written(detector_file, folder):
    page = Page(mmb.load(detector_file, device='cpu'), folder)
    (folder / 'a.png').write_bytes(encoded(noise(32, 32)))
    page.close()
    with pytest.raises(RuntimeError, match='closed'):
        page.show({'path': str(folder / 'a.png')}, 0.3, [], Request())
    assert [path.name for path in folder.iterdir()] == ['a.png']


@pytest.mark.parametrize(
    ('total', 'said'), [(0, '0 of 0 objects have a'), (1, '0 of 1 object has a'), (2, '0 of 2 objects have a')]
)
def test_what_is_found_is_counted_in_english(total, said):
    numbers = np.zeros(0, int)
    nothing = Prediction(None, None, np.zeros((0, 4)), numbers, numbers, None, None, ('a',), (1,), lambda: noise(8, 8))
    assert said in found_table(nothing, total, 0.3, False)


def test_exported_files_have_no_attention(detector_file, folder):
    model = mmb.load(detector_file, device='cpu')
    pages = [Page(replace(model, checkpoint=name), folder) for name in ('a.pth', 'a.onnx')]
    assert [sum(function.name == 'attend' for function in page.blocks.fns.values()) for page in pages] == [1, 0]
    assert 'not for exported files' in json.dumps(pages[1].blocks.get_config_file())


def test_a_large_image_is_made_smaller_and_that_is_said(detector_file, folder):
    page = Page(mmb.load(detector_file, device='cpu'), folder)
    (folder / 'a.png').write_bytes(encoded(np.zeros((30, 5000, 3), np.uint8)))
    _, table, *_ = page.show({'path': str(folder / 'a.png')}, 0.3, [], Request())
    assert '5000 x 30 pixels was made smaller, to 2560 x 15' in table


def test_images_of_as_many_pages_are_kept_as_memory_is_meant_for(detector_file, folder):
    page = Page(mmb.load(detector_file, device='cpu'), folder)
    page.last._most = 2
    for name in 'abc':
        (folder / f'{name}.png').write_bytes(encoded(noise(32, 32)))
        page.show({'path': str(folder / f'{name}.png')}, 0.3, [], Request(name))
    assert [page.last.get(name) is None for name in 'abc'] == [True, False, False]
    assert not (folder / 'a.png').exists()
    assert (folder / 'b.png').exists()
