"""The runner of trainings and tests."""

from pathlib import Path

from mmbackbones.engine.lean_runner import LeanRunner


def begun(folder: Path) -> LeanRunner:
    """A runner that has got as far as its name, in the second in which all runs of this test begin."""
    runner = LeanRunner.__new__(LeanRunner)
    runner._experiment_name, runner._timestamp, runner._log_dir = 'tiny_20261127_060552', '20261127_060552', str(folder)
    return runner


def test_runs_that_begin_in_one_second_share_neither_log_nor_numbers(tmp_path):
    first, second = (begun(tmp_path / name) for name in ('first', 'second'))
    for runner in (first, second):
        Path(runner._log_dir).mkdir()
        runner.build_logger().info('of ' + Path(runner._log_dir).name)
    for name in ('first', 'second'):
        assert f'of {name}\n' in (tmp_path / name / '20261127_060552.log').read_text()
    hubs = [runner.build_message_hub() for runner in (first, second)]
    hubs[0].update_scalar('train/loss', 1.0)
    assert not hubs[1].log_scalars
