"""What `train` and `test` show on the screen, and what they leave to the log."""

import shlex

import pytest

LOGGED = ('Config:', 'creating index', 'Saving checkpoint at 2 epochs')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("it's mine")


@pytest.mark.slow
def test_a_detector(tool, tiny_config, shapes, folder, monkeypatch):
    """Trained with standard error on a terminal, and tested, in a pipe, with the command that comes next."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv('TTY_COMPATIBLE', '1')
    monkeypatch.setattr('mmbackbones.engine.progress_display._PAUSE', 0)  # however fast a batch is, it is drawn
    settings = ('train_cfg.val_interval=1', 'train_dataloader.num_workers=0')
    small = ('--img-scale', 64, 64, '--batch-size', 4, '--epochs', 2, '--cfg-options', *settings)
    code, out, err = tool('train', tiny_config, '--data', shapes, '--work-dir', 'a run', *small)
    assert code == 0, err
    assert err.endswith('\x1b[?25h\r\x1b[1A\x1b[2K')  # the cursor is back, and the bar is gone
    assert 'epoch 1/2' in err
    lines = [line for line in out.splitlines() if line]
    assert lines[0].startswith(f'{shapes}: plain COCO, 4 classes; train 8 images')
    header = lines.index('training tiny')
    rows = dict(line.split(maxsplit=1) for line in lines[header + 1 : header + 8])
    assert list(rows) == ['model', 'data', 'classes', 'length', 'device', 'results', 'log']
    assert rows['length'] == '2 epochs of 2 iterations with 4 images; validation every epoch'
    assert [line[:9] for line in lines[header + 8 : header + 11]] == ['epoch 1/2', 'epoch 2/2', 'best chec']
    log = (folder / rows['log']).read_text()
    assert lines[0] in log
    for text in LOGGED:
        assert text in log
        assert text not in out + err

    commands = [shlex.split(line) for line in lines if line.startswith('    ')]
    verbs = ('test', 'report', 'predict', 'export')
    test, report, predict, export = (
        command[command.index(verb) + 1 :] for command, verb in zip(commands, verbs, strict=True)
    )
    assert (test[1:], report, export[1:]) == (['--data', str(shapes)], ['a run'], ['a run/model.onnx'])
    assert (folder / predict[1]).is_dir()
    assert {test[0], predict[0], export[0]} == {lines[header + 10].removeprefix('best checkpoint: ')}
    monkeypatch.setenv('TTY_COMPATIBLE', '0')
    code, out, err = tool('test', *test)
    assert (code, err) == (0, '')
    assert f'testing {test[0]}\n' in out
    assert 'average precision (AP) at IoU 0.50-0.95' in out
    for text in (*LOGGED, 'mmengine', 'Loads checkpoint', 'keys from'):
        assert text not in out
