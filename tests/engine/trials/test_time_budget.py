"""``--time-budget``: as long as the time is, fixed once, and the same when the run is resumed."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config

import mmbackbones as mmb
from mmbackbones.engine.trials import time_budget, trial_run
from mmbackbones.engine.trials.plan import Plan, Speed
from mmbackbones.engine.trials.take_over import take_over
from mmbackbones.engine.trials.trial_run import _Watch
from mmbackbones.errors import UserError
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import assert_equal

QUICK = {'train_dataloader.num_workers': 0, 'train_dataloader.persistent_workers': False}


class TestWatch:
    """With iterations of a faked clock."""

    def watch(self, monkeypatch, seconds: list[float], workers: int = 0, patience: float = 60.0) -> _Watch:
        """The watch after as many iterations as it wants, of these seconds, the last of them again and again."""
        now = [0.0]
        monkeypatch.setattr(trial_run, 'monotonic', lambda: now[0])
        cfg = Config(dict(train_dataloader=dict(batch_size=2, num_workers=workers)))
        watch = _Watch(cfg, patience)
        loop = SimpleNamespace(_max_iters=10**6)
        for iteration in range(1000):
            now[0] += seconds[min(iteration, len(seconds) - 1)]
            runner = SimpleNamespace(train_loop=loop, iter=iteration, max_iters=loop._max_iters)
            watch.after_train_iter(runner, iteration)
            if iteration + 1 == loop._max_iters:
                return watch
        raise AssertionError('the trial does not end')

    def test_the_first_iterations_do_not_count(self, monkeypatch):
        watch = self.watch(monkeypatch, [30, 4, 3, 0.5])
        assert watch.seconds_per_iteration() == pytest.approx(0.5)
        assert len(watch.ends) == 34
        # Workers have prepared two batches each before the first iteration ends.
        watch = self.watch(monkeypatch, [30, 1, 1, 1, 1, 1, 1, 1.5], workers=2)
        assert watch.seconds_per_iteration() == pytest.approx(1.5)

    def test_bursts_of_batches_are_averaged(self, monkeypatch):
        burst = [1.7, 0.1, 0.1, 0.1]
        watch = self.watch(monkeypatch, [9, *burst * 100], workers=4)
        assert watch.seconds_per_iteration() == pytest.approx(0.5, rel=0.15)

    def test_slow_iterations(self, monkeypatch):
        watch = self.watch(monkeypatch, [90, 40], workers=4)
        assert len(watch.ends) == 4
        assert watch.seconds_per_iteration() == pytest.approx(40)

    def test_a_part_of_the_validation(self, monkeypatch):
        now = [100.0]
        watch = self.watch(monkeypatch, [1])
        monkeypatch.setattr(trial_run, 'monotonic', lambda: now[0])
        sampler = trial_run.SparseSampler(range(1200))
        loader = SimpleNamespace(sampler=sampler, dataset=range(1200))
        watch.before_val(SimpleNamespace(val_dataloader=loader))
        assert list(sampler)[:3] == [0, 10, 20]  # in 60 s there is time for 120 images
        watch.before_val_epoch(None)
        now[0] += 7
        watch.after_val_epoch(None)
        watch.ends = [1.0 + number for number in range(99)]  # then a second for a checkpoint, and two for another
        assert watch.speed(-5.0, 109.0) == Speed(6, 1, 70 + 3)


def asked(**given) -> dict:
    return dict(batch_size=None, time_budget=None) | given


class TestTakeOver:
    @pytest.fixture
    def cfg(self) -> Config:
        return Config(
            dict(
                train_dataloader=dict(batch_size=2),
                train_cfg=dict(max_iters=1000, val_interval=250),
                default_hooks=dict(checkpoint=dict(interval=250)),
            )
        )

    def state(self, **settings) -> SimpleNamespace:
        return SimpleNamespace(path='iter_7.pth', position='iteration 7', by_epoch=False, settings=settings)

    def test_what_is_taken(self, cfg):
        wanted = asked(batch_size='auto', time_budget=0.5)
        state = self.state(batch_size=5, time_budget=0.5, max_iters=70, val_interval=20)
        take_over(cfg, wanted, state)
        assert (cfg.train_dataloader.batch_size, wanted['batch_size']) == (5, 5)
        assert cfg.train_cfg == dict(max_iters=70, val_interval=20)
        assert cfg.default_hooks.checkpoint.interval == 20
        before = cfg.pretty_text
        take_over(cfg, asked(batch_size=3), state)
        assert cfg.pretty_text == before

    @pytest.mark.parametrize('wrong', [None, 0, -3, 2.5, True, 'nan', 2**60])
    def test_no_number(self, cfg, wrong):
        """A checkpoint may be anybody's; without a number one is searched for."""
        wanted = asked(batch_size='auto')
        take_over(cfg, wanted, self.state(batch_size=wrong))
        assert (cfg.train_dataloader.batch_size, wanted['batch_size']) == (2, 'auto')
        with pytest.raises(UserError, match='a run without a time budget'):
            take_over(cfg, asked(time_budget=1.0), self.state(time_budget=1.0, max_iters=wrong, val_interval=1))

    def test_another_time(self, cfg):
        state = self.state(time_budget=0.5, max_iters=70, val_interval=20)
        with pytest.raises(
            UserError, match='^iter_7.pth is of a run of 70 iterations, as many as fit into --time-budget'
        ):
            take_over(cfg, asked(time_budget=2.0), state)
        with pytest.raises(UserError, match='without a time budget .iteration 7.: .* with --iters N in place of'):
            take_over(cfg, asked(time_budget=2.0), self.state())


@pytest.mark.slow
class TestRun:
    @pytest.fixture(scope='class')
    def train(self, tiny_config, shapes, tmp_path_factory):
        """``train(name, ...)`` returns the work directory and the last checkpoint."""
        folder = tmp_path_factory.mktemp('runs')

        def train(name: str, **options):
            settings = QUICK | options.pop('cfg_options', {})
            run = mmb.train(
                tiny_config, data=shapes, img_scale=(64, 64), work_dir=folder / name, cfg_options=settings, **options
            )
            return run.work_dir, load_from_file(run.checkpoint, 'cpu')

        return train

    def test_a_run_of_the_length_that_fits(self, train, monkeypatch, logged):
        """It is the run that is given this number of iterations, and so is what is left of it when it is resumed."""
        told = logged(time_budget.__name__)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time_budget, 'monotonic', lambda: 0.0)
            patch.setattr('mmbackbones.engine.training.monotonic', lambda: -20.0)
            patch.setattr(time_budget, 'try_run', lambda cfg, recipe, hours: (Speed(5, 2.0, 1.0), 4))
            work_dir, budgeted = train('budget', time_budget=0.012)
        assert told[-1] == '--time-budget 0.012: 6 iterations of 2 s (1.5 epochs) and 3 validations of 1 s, 40 s in all'
        settings = budgeted['meta']['settings']
        assert {name: settings[name] for name in ('time_budget', 'max_iters', 'val_interval')} == dict(
            time_budget=0.012, max_iters=6, val_interval=2
        )
        options = {'train_cfg.val_interval': 2, 'default_hooks.checkpoint.interval': 2}
        assert_equal(budgeted['state_dict'], train('given', iters=6, cfg_options=options)[1]['state_dict'])
        monkeypatch.setattr('mmbackbones.engine.arguments.fit_time_budget', None)
        _, resumed = train('budget', time_budget=0.012, resume=work_dir / 'iter_2.pth')
        assert resumed['meta']['settings'] == settings
        assert_equal(resumed['state_dict'], budgeted['state_dict'])

    def test_a_real_trial(self, train, monkeypatch, capsys):
        """The parts of a run are measured in one, of which nothing is left."""
        monkeypatch.setattr(trial_run, '_ENOUGH', 2)
        monkeypatch.setattr(trial_run, '_SECONDS', 0.0)
        planned: list = []

        def plan_length(*given) -> Plan:
            planned.append(given)
            return Plan(1, 1, 9.0)

        monkeypatch.setattr(time_budget, 'plan_length', plan_length)
        work_dir, checkpoint = train('real', time_budget=1.0)
        hours, spent, speed, epoch, interval = planned[0]
        assert (hours, epoch, interval) == (1.0, 4, None)
        assert 0 < speed.start < spent
        assert 0 < speed.iteration < spent
        assert 0 < speed.validation < spent
        assert checkpoint['meta']['iter'] == 1
        assert not list(work_dir.glob('.trial*'))
        assert len(list(work_dir.glob('*/*.log'))) == 1
        said = capsys.readouterr().out
        assert said.count('training tiny') == 1
        assert said.count('loss') == 1

    def test_a_time_that_is_too_short(self, train, monkeypatch):
        monkeypatch.setattr(time_budget, 'try_run', lambda cfg, recipe, hours: (Speed(5, 2.0, 60.0), 4))
        with pytest.raises(
            UserError, match='^--time-budget 0.01 is too short: .* an iteration 2 s and a validation 1 min'
        ):
            train('short', time_budget=0.01)
