"""The command: where it serves, what it refuses, and its end."""

import os
import signal
import socket
import sys
import threading
import time
from importlib import metadata
from urllib.request import urlopen

import pytest

import mmbackbones as mmb
from mmbackbones.errors import UserError

pytest.importorskip('gradio', reason='Gradio is not installed')

from mmbackbones.apis.app.server import Server, is_local, open_port, private_folder, url_of


@pytest.mark.slow
def test_it_serves_until_ctrl_c(tool, detector_file, tmp_path, monkeypatch):
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    with open_port('127.0.0.1', 0) as free:
        port = free.getsockname()[1]
    seen = []

    def visit():
        end = time.monotonic() + 60
        while time.monotonic() < end and not seen:
            try:
                with urlopen(f'http://127.0.0.1:{port}/', timeout=60) as page:
                    seen.append(page.read())
            except OSError:
                time.sleep(0.1)
        seen.extend(tmp_path.iterdir())
        os.kill(os.getpid(), signal.SIGINT)

    visitor = threading.Thread(target=visit)
    visitor.start()
    code, out, error = tool('app', detector_file, '--port', port, '--device', 'cpu')
    visitor.join()
    assert (code, error) == (130, '\nstopped\n')
    assert out == f'The page is at http://127.0.0.1:{port} until Ctrl-C\n'
    assert b'boxes.pth' in seen[0]
    assert [path.name.startswith('mmbackbones-app-') for path in seen[1:]] == [True]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_host_that_others_reach_is_warned_of(tool, detector_file, monkeypatch):
    monkeypatch.setattr(Server, 'serve_on', lambda *_: None)
    code, out, error = tool('app', detector_file, '--host', '0.0.0.0', '--port', 0, '--device', 'cpu')
    assert (code, out.count('\n')) == (0, 1)
    assert error == 'warning: everyone who reaches 0.0.0.0 can use the page: it asks for no password\n'


def test_a_port_in_use_is_refused_at_once(tool):
    with open_port('127.0.0.1', 0) as taken:
        code, _, error = tool('app', 'no.pth', '--port', taken.getsockname()[1])
    assert code == 2
    assert 'is in use: name another one with --port' in error


@pytest.mark.parametrize('host', ['192.0.2.1', 'no.such.host.invalid', 'ü' * 80, '1 2'])
def test_a_host_that_is_not_this_machine_is_refused(host, tool):
    code, _, error = tool('app', 'no.pth', '--host', host)
    assert code == 2
    assert error.count('\n') == 1
    assert 'is no name or address of this machine' in error


@pytest.mark.parametrize('port', ['-1', '65536', 'a', '1.5', '²'])
def test_a_port_is_a_number(port, tool):
    code, _, error = tool('app', 'no.pth', f'--port={port}')
    assert code == 2
    assert 'must be a whole number from 0 to 65535' in error


@pytest.mark.parametrize(
    'given', [dict(port=True), dict(port='7860'), dict(port=70000), dict(host=''), dict(host=None)]
)
def test_arguments_are_checked(given):
    with pytest.raises(UserError, match='must be a'):
        mmb.app('no.pth', **given)


def test_a_missing_or_old_gradio_is_told_of(tool, monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr('importlib.metadata.version', missing)
    code, _, error = tool('app', 'no.pth')
    assert (code, error) == (2, 'error: the page needs gradio: pip install "mmbackbones[app]"\n')
    monkeypatch.setattr('importlib.metadata.version', lambda _: '5.49.1')
    code, _, error = tool('app', 'no.pth')
    assert code == 2
    assert 'needs gradio 6.24 or newer, and 5.49.1 is installed' in error


def test_no_file_is_left_behind_by_a_mistake(tool, tmp_path, monkeypatch):
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    code, _, error = tool('app', 'no.pth', '--port', 0)
    assert code == 2
    assert 'no.pth' in error
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_private_and_gradio_counts_nothing(monkeypatch):
    monkeypatch.setenv('GRADIO_TEMP_DIR', '/elsewhere')
    monkeypatch.delenv('GRADIO_ANALYTICS_ENABLED', raising=False)
    with private_folder() as folder:
        assert os.environ['GRADIO_TEMP_DIR'] == str(folder)
        assert os.environ['GRADIO_ANALYTICS_ENABLED'] == 'False'
        assert sys.platform == 'win32' or folder.stat().st_mode & 0o077 == 0
    assert os.environ['GRADIO_TEMP_DIR'] == '/elsewhere'
    assert 'GRADIO_ANALYTICS_ENABLED' not in os.environ
    assert not folder.exists()


def test_addresses():
    assert all(map(is_local, ('127.0.0.1', '127.1.2.3', '::1', 'localhost')))
    assert not any(map(is_local, ('0.0.0.0', '::', '192.0.2.1', 'desk', '')))
    with open_port('localhost', 0) as listening:
        assert url_of(listening).startswith('http://')
    with open_port('0.0.0.0', 0) as listening:
        assert url_of(listening) == f'http://{socket.gethostname()}:{listening.getsockname()[1]}'
