"""Downloads: where they are kept, and what is never kept."""

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.request import Request

import pytest
import torch
from safetensors.torch import save

from mmbackbones.errors import UserError
from mmbackbones.utils.atomic_write import atomic_write
from mmbackbones.weights import RELEASES, cache_dir, load_from_file, locate
from mmbackbones.weights.download import _Redirects, cached, download
from tests.helpers.checkpoints import file_of

WEIGHTS = file_of({'weight': torch.ones(2)})
OTHER = file_of({'weight': torch.zeros(2)})
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


def test_a_download_is_kept(cache, serve):
    url = serve('van.pth', WEIGHTS)
    path = locate(url)
    assert locate(url) == path
    assert len(serve.requests) == 1
    assert path.read_bytes() == WEIGHTS
    assert (path.parent, path.name[12:]) == (cache, '-van.pth')
    assert list(cache.iterdir()) == [path]
    assert cache_dir() == cache


def test_what_is_in_the_cache_is_not_downloaded_again(cache, serve):
    url = serve('van.pth', WEIGHTS)
    path = download(url)
    assert path == cached(url) == locate(url)
    path.write_bytes(OTHER)
    assert download(url) == path
    assert path.read_bytes() == OTHER
    assert len(serve.requests) == 1
    with pytest.raises(UserError, match='is not a valid URL'):
        download('http://[nowhere')


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('a/best.pth', 'b/best.pth'),
        ('epoch_12.pth?run=1', 'epoch_12.pth?run=2'),
        ('owner/van-tiny/resolve/main/model.safetensors', 'owner/van-base/resolve/main/model.safetensors'),
        ('epoch_12.pth', 'epoch%5F12.pth'),
        ('get?file=1', 'get?file=2'),
        ('', '?file=2'),
    ],
)
def test_two_urls_are_two_files(cache, serve, one, other):
    """However similar they are."""
    one, other = serve(one, WEIGHTS), serve(other, OTHER)
    assert load_from_file(one)['weight'].tolist() == [1, 1]
    assert load_from_file(other)['weight'].tolist() == [0, 0]
    assert load_from_file(one)['weight'].tolist() == [1, 1]
    assert len(serve.requests) == 2


def test_two_hosts_are_two_files(cache, serve):
    url = serve('best.pth', WEIGHTS)
    assert locate(url) != locate(url.replace('127.0.0.1', 'localhost'))


def test_a_file_under_the_plain_name_is_not_used(cache, serve):
    """An earlier version kept files of any URL there, so that its origin is unknown."""
    cache.mkdir(parents=True)
    (cache / 'best.pth').write_bytes(OTHER)
    assert load_from_file(serve('best.pth', WEIGHTS))['weight'].tolist() == [1, 1]


def test_releases_keep_their_names(cache, serve, monkeypatch):
    """A file that was put there manually is found, by short name and by the release's own URL."""
    url = serve('van_small.pth', WEIGHTS)
    monkeypatch.setitem(RELEASES, 'van-b0', replace(RELEASES['van-b0'], file='van_small.pth', url=url))
    cache.mkdir(parents=True)
    (cache / 'van_small.pth').write_bytes(OTHER)
    assert locate('van-b0') == locate(url) == cache / 'van_small.pth'
    assert serve.requests == []
    assert locate(serve('van_small.pth?other', WEIGHTS)).name.endswith('-van_small.pth')


def test_a_hash_in_the_name_is_checked(cache, serve):
    path = locate(serve(f'van-{DIGEST[:8]}.pth', WEIGHTS))
    assert path == cache / f'van-{DIGEST[:8]}.pth'
    with pytest.raises(UserError, match='does not match its published hash .*not 00000000'):
        locate(serve('van-00000000.pth', WEIGHTS))
    path.write_bytes(OTHER)
    with pytest.raises(UserError, match=f'does not match the hash in its name .*, not {DIGEST[:8]}.: delete it'):
        locate(serve(f'van-{DIGEST[:8]}.pth', WEIGHTS))


TENSORS = save({'weight': torch.ones(100)})


@pytest.mark.parametrize(
    ('content', 'sent', 'message'),
    [
        (
            WEIGHTS,
            dict(length=len(WEIGHTS) + 1),
            rf'cannot be downloaded \(the connection broke after {len(WEIGHTS)} of',
        ),
        (None, {}, 'cannot be downloaded .*Not Found'),
        (b'\n<!DOCTYPE html><title>Sign in</title>', {}, 'returned a web page instead of a checkpoint'),
        (b'please sign in', dict(kind='text/html; charset=utf-8'), 'returned a web page instead of a checkpoint'),
        (WEIGHTS, dict(name='van-00000000.pth'), 'does not match its published hash'),
        (WEIGHTS[:-300], dict(length=False), 'returned no complete checkpoint'),
        (WEIGHTS[:100], dict(length=False), 'returned no complete checkpoint'),
        (WEIGHTS + WEIGHTS, dict(length=len(WEIGHTS) - 300), 'returned no complete checkpoint'),
        (TENSORS[:-1], dict(length=False), 'returned no complete checkpoint'),
        (TENSORS[:20], dict(length=False), 'returned no complete checkpoint'),
        (b'', dict(length=False), r'returned no complete checkpoint \(application/octet-stream, 0 bytes\)'),
        (
            json.dumps(dict(error='rate limit')).encode(),
            dict(kind='application/json'),
            'returned no complete checkpoint',
        ),
        (b'Too many requests', dict(kind='text/plain'), 'returned no complete checkpoint'),
        (bytes(5000), {}, 'returned no complete checkpoint'),
    ],
)
def test_a_broken_download_is_never_kept(cache, serve, content, sent, message):
    name = sent.pop('name', 'van.pth')
    url = serve(name, content, **sent)
    with pytest.raises(UserError, match=message) as error:
        locate(url)
    assert '\n' not in str(error.value)
    assert f'put it at {cache}' in str(error.value)
    assert list(cache.iterdir()) == []
    if name == 'van.pth':  # the next attempt downloads again
        serve('van.pth', WEIGHTS)
        assert load_from_file(url)['weight'].tolist() == [1, 1]


def test_a_file_is_found_where_the_message_says_to_put_it(cache, serve):
    with pytest.raises(UserError) as error:
        locate(serve('none.pth?key=1', None))
    Path(str(error.value).rpartition(' put it at ')[2]).write_bytes(WEIGHTS)
    assert load_from_file(serve('none.pth?key=1', None))['weight'].tolist() == [1, 1]


@pytest.mark.parametrize('trickle', ['body', 'header'])
def test_a_server_that_trickles_is_abandoned(cache, serve, monkeypatch, trickle):
    monkeypatch.setattr('mmbackbones.weights.download._WINDOW', 0.3)
    start = time.monotonic()
    with pytest.raises(UserError, match=r'cannot be downloaded \(the server sent \d+ bytes in 0.3 seconds\)'):
        locate(serve('van.pth', WEIGHTS, trickle=trickle))
    assert time.monotonic() - start < 5
    assert list(cache.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from mmbackbones.utils.atomic_write import atomic_write
with atomic_write(Path(sys.argv[1])) as partial:
    partial.write_bytes(b'half')
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_partial_files_of_killed_downloads_are_removed(cache, serve):
    cache.mkdir(parents=True)
    subprocess.run(
        [sys.executable, '-c', KILLED, cache / 'killed.pth'],
        check=False,
        env={**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])},
    )
    assert len(list(cache.glob('killed.pth.*.partial'))) == 1
    (cache / 'old.pth.0123.partial').write_bytes(b'half')  # another program's, or an earlier version's
    os.utime(cache / 'old.pth.0123.partial', (0, 0))
    (cache / 'young.pth.4567.partial').write_bytes(b'half')  # it may still be written to
    path = locate(serve('van.pth', WEIGHTS))
    assert sorted(file.name for file in cache.iterdir()) == sorted([path.name, 'young.pth.4567.partial'])


def test_a_running_download_is_left_alone(cache, serve):
    with atomic_write(cache / 'slow.pth') as partial:
        os.utime(partial, (0, 0))
        locate(serve('van.pth', WEIGHTS))
        partial.write_bytes(OTHER)
    assert (cache / 'slow.pth').read_bytes() == OTHER


@pytest.mark.parametrize(
    ('name', 'asked', 'kept'),
    [
        ('a%20b.pth', 'a b.pth', 'a_b.pth'),
        ('%C3%BC.pth', 'ü.pth', '_.pth'),
        ('a.pth?x=%C3%BC&y=1%2F2', 'a.pth?x=ü&y=1%2F2', 'a.pth'),
        ('a%0a%1b%5b2J.pth', None, 'a___2J.pth'),
        (f'{"%E4%BD%A0" * 99}.pth', None, f'{"_" * 96}.pth'),
        (f'{"n" * 300}-{DIGEST[:8]}.pth', None, f'{"n" * 87}-{DIGEST[:8]}.pth'),
        ('best-20240131.pth', None, 'best-20240131.pth'),  # a date is no hash
    ],
)
def test_urls_of_any_characters(cache, serve, name, asked, kept):
    """As copied from a browser; the file gets a name that is safe for every file system and terminal."""
    url = serve(name, WEIGHTS)
    path = locate(url.replace(name, asked or name))
    assert path.name[13:] == kept
    assert path.read_bytes() == WEIGHTS


def test_the_protocol_in_upper_case(cache, serve):
    assert locate(serve('best.pth', WEIGHTS).replace('http', 'HTTP')).read_bytes() == WEIGHTS


def test_a_checkpoint_that_is_served_as_html(cache, serve):
    assert locate(serve('best.pth', WEIGHTS, kind='text/html')).read_bytes() == WEIGHTS


@pytest.mark.parametrize('url', ['http://[::1/best.pth', 'http://\udcff/best.pth'])
def test_an_invalid_url(cache, url):
    with pytest.raises(UserError, match='is not a valid URL'):
        locate(url)


def test_text_from_the_server_is_made_printable(cache, serve):
    with pytest.raises(UserError, match='returned no complete checkpoint') as error:
        locate(serve('best.pth', b'sorry', kind='te\x1b[2Jxt/plain'))
    assert str(error.value).isprintable()


def test_an_error_of_several_lines_is_shown_on_one(cache, monkeypatch):
    def fail(*_, **__):
        raise OSError('moved\nin\x1b[2J circles')

    monkeypatch.setattr('mmbackbones.weights.download._OPENER.open', fail)
    with pytest.raises(UserError, match=r'cannot be downloaded \(moved in\\x1b\[2J circles\)'):
        locate('http://127.0.0.1/best.pth')


@pytest.mark.parametrize(
    ('target', 'message'),
    [
        ('file:///etc/passwd', 'is not allowed'),
        ('FILE:///etc/passwd', 'is not allowed'),
        ('ftp://127.0.0.1:9/best.pth', 'it leads from http to ftp, which is not followed'),
        ('data:text/plain,PWNED', 'is not allowed'),
        ('gopher://127.0.0.1/', 'is not allowed'),
        ('unix:/run/docker.sock', 'is not allowed'),
        ('http://', 'cannot be downloaded'),
        ('http://[', 'cannot be downloaded'),
        ('http://127.0.0.1:0/', 'cannot be downloaded'),
        ('http://127.0.0.1:99999/', 'cannot be downloaded'),
        ('http://127.0.0.1:9/\x1b[2J', 'cannot be downloaded'),
    ],
)
def test_redirects_to_what_is_not_the_web(cache, serve, target, message):
    with pytest.raises(UserError, match=message) as error:
        locate(serve.redirect('best.pth', target))
    assert str(error.value).isprintable()
    assert list(cache.iterdir()) == []


def test_redirects_are_followed_a_few_times(cache, serve):
    serve('best.pth', WEIGHTS)
    for number in range(5):
        serve.redirect(f'{number + 1}.pth', f'/{number}.pth' if number else '/best.pth')
    assert locate(serve.redirect('6.pth', '/5.pth')).read_bytes() == WEIGHTS


@pytest.mark.parametrize('count', [1, 2, 50])
def test_redirects_in_circles(cache, serve, count):
    for number in range(count):
        url = serve.redirect(f'{number}.pth', f'/{(number + 1) % count}.pth')
    with pytest.raises(UserError, match='cannot be downloaded .*infinite loop'):
        locate(url)
    assert len(serve.requests) < 15


def test_redirects_do_not_leave_encryption():
    request = Request('https://127.0.0.1/best.pth')
    with pytest.raises(OSError, match='it leads from https to http, which is not followed'):
        _Redirects().redirect_request(request, None, 302, '', {}, 'http://127.0.0.1/best.pth')


def test_a_server_that_sends_nothing_is_abandoned(cache, serve, monkeypatch):
    monkeypatch.setattr('mmbackbones.weights.download._WINDOW', 0.3)
    start = time.monotonic()
    with pytest.raises(UserError, match=r'the server sent 0 bytes in 0.3 seconds'):
        locate(serve('best.pth', WEIGHTS, trickle='nothing'))
    assert time.monotonic() - start < 5


@pytest.mark.parametrize('length', [10**15, 10**40, -5, '1e9', '0x10', '5, 5', '\x1b[2J'])
def test_lengths_that_no_checkpoint_has(cache, serve, length):
    with pytest.raises(UserError, match='cannot be downloaded') as error:
        locate(serve('best.pth', WEIGHTS, length=length))
    assert str(error.value).isprintable()
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize('length', [False, None])
def test_a_download_without_end(cache, serve, monkeypatch, length):
    monkeypatch.setattr('mmbackbones.weights.download._MAX_BYTES', len(WEIGHTS) - 1)
    with pytest.raises(UserError, match='the server wants to send .* bytes, and at most'):
        locate(serve('best.pth', WEIGHTS, length=length))
    assert list(cache.iterdir()) == []


def test_a_download_that_does_not_fit(cache, serve, monkeypatch):
    monkeypatch.setattr('mmbackbones.weights.download.shutil.disk_usage', lambda _: SimpleNamespace(free=100))
    with pytest.raises(UserError, match='and at most 100 are taken or fit'):
        locate(serve('best.pth', WEIGHTS))
