"""The verb ``report`` after a real training run: it tests what was not tested, and says what it cannot test."""

import json
import re
import shutil

import pytest

from mmbackbones.apis import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def trained(tiny_config, shapes, tmp_path_factory):
    """A work directory, and the folder of its data."""
    root = tmp_path_factory.mktemp('report')
    data = shutil.copytree(shapes, root / 'shapes')
    run = train(tiny_config, data=data, work_dir=root / 'run', epochs=1, batch_size=8, from_scratch=True, seed=0)
    return run, data


def test_a_run_that_was_not_tested_is_tested(tool, trained):
    run, data = trained
    code, out, err = tool('report', run.work_dir)
    assert code == 0, err
    page = run.work_dir / 'report.html'
    assert f'{run.work_dir} has no test results yet: testing {run.best_checkpoint.name}' in out
    assert out.endswith(f'report written to {page}\n')
    text = page.read_text(encoding='utf-8')
    found = json.loads(re.search(r'id="figures">(.*?)</script>', text, re.DOTALL)[1])['runs'][0]
    assert found['metrics'] == json.loads((run.work_dir / 'test' / 'metrics.json').read_text())
    assert [row['epoch'] for row in found['training']] == [1]
    assert found['classes'] == list(run.classes)
    assert len(found['diagnosis']['images']) == 4
    assert str(data / 'images') in text  # where the images of the test are
    assert 'class="chart"' in text
    assert 'type=&#39;RetinaNet&#39;' in text  # the config
    code, out, err = tool('report', run.work_dir / 'test')  # is not tested again, and has the curves of its run
    assert (code, out) == (0, f'report written to {run.work_dir / "test" / "report.html"}\n')
    assert 'class="chart"' in (run.work_dir / 'test' / 'report.html').read_text(encoding='utf-8')


def test_without_its_data_there_are_curves_and_a_command(tool, trained, tmp_path):
    run, data = trained
    work_dir = shutil.copytree(run.work_dir, tmp_path / "it's")
    shutil.rmtree(work_dir / 'test', ignore_errors=True)
    moved = data.rename(tmp_path / 'moved')
    try:
        code, out, err = tool('report', work_dir)
    finally:
        moved.rename(data)
    assert code == 0, err
    assert 'It could not be tested: ' in out
    checkpoint = str(work_dir / run.best_checkpoint.name).replace("'", "'\"'\"'")
    assert f"mmbackbones test '{checkpoint}' --data DIR" in out
    text = (work_dir / 'report.html').read_text(encoding='utf-8')
    assert 'It could not be tested: ' in text
    assert '<section id="curves"' in text
    assert 'class="chart"' in text
    assert '<section id="classes"' not in text
