"""Short training runs by the command line that are interrupted, resumed, and compared with an uninterrupted one."""

import shutil
import signal
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

from mmbackbones.cli import main
from tests.helpers.moments import Ending, Moment, draw_moment, run_until

# A validation and a checkpoint every four iterations.
EVERY_FOUR = ('train_cfg.val_interval=4', 'default_hooks.checkpoint.interval=4')
IN_EPOCHS = ('--epochs', '4', '--cfg-options', 'train_cfg.val_interval=1')
IN_ITERATIONS = ('--iters', '16', '--cfg-options', *EVERY_FOUR)
BY_THE_CLOCK = ('--checkpoint-minutes', '0.005')  # often
# Name: fixture of the config, options. The learning rate makes figures change. All end with --cfg-options.
CASES = {
    'RetinaNet': ('tiny_config', ('--lr', '1e-3', *IN_EPOCHS)),
    'Mask R-CNN, accumulating': ('tiny_mask_config', ('--lr', '1e-3', '--accumulate', '3', *IN_EPOCHS)),
    'UperNet by iterations': ('tiny_seg_config', ('--lr', '1e-3', *IN_ITERATIONS)),
    'RetinaNet in bfloat16': ('tiny_config', ('--lr', '1e-3', '--amp', *IN_EPOCHS)),
    'RetinaNet with comforts': ('tiny_config', ('--ema', '--early-stop', '2', *BY_THE_CLOCK, *IN_EPOCHS)),
    'UperNet with comforts': (
        'tiny_seg_config',
        ('--lr', '1e-3', '--ema', '--early-stop', '3', '--accumulate', '2', *BY_THE_CLOCK, *IN_ITERATIONS),
    ),
}
FINISHED = 'is of a finished run'
# Beginnings of file names.
KINDS = {
    'epoch_': 'a checkpoint',
    'iter_': 'a checkpoint',
    'best_': 'a best checkpoint',
    'results.csv': 'results.csv',
    'last_checkpoint': 'last_checkpoint',
    'run.json': 'run.json',
    'config.py': 'config.py',
}


@dataclass(frozen=True)
class Hit:
    """A signal that came before the end of a run.

    Attributes:
        signum: The signal.
        moment: When it came.
        ending: How the process ended.
        unfinished: Kind of the file that it left half written; '' if it left none.
    """

    signum: int
    moment: Moment
    ending: Ending
    unfinished: str


@dataclass
class Trainings:
    """Runs of one config with the same options.

    Attributes:
        name: Name of the case.
        config: Path of the config.
        options: Options of ``train``.
        data: The data folder.
        folder: Where work directories are made.
    """

    name: str
    config: str
    options: tuple[str, ...]
    data: Path
    folder: Path

    @property
    def whole(self) -> Path:
        """Work directory of the uninterrupted run."""
        return self.folder / 'whole'

    @cached_property
    def uninterrupted(self) -> Ending:
        ending = self.start('whole')
        assert ending.code == 0, ending.output
        return ending

    def start(self, name: str, *more: str, workers: int = 0, **how) -> Ending:
        """Run ``mmbackbones train`` in a work directory until its end, or a moment: see :func:`run_until`."""
        work_dir = self.folder / name
        command = ['mmbackbones', 'train', self.config, '--data', str(self.data), '--img-scale', '64', '64']

        def train() -> None:
            workers_option = f'train_dataloader.num_workers={workers}'
            sys.argv = [*command, '--work-dir', str(work_dir), *more, *self.options, workers_option]
            main()

        return run_until(train, work_dir, self.folder / f'{name}.log', **how)

    def interrupt(self, name: str, random: Random, times: int, signals=(signal.SIGKILL,), share=1.0) -> list[Hit]:
        """Run, get a signal at a random moment, and resume, so many times; then resume to the end.

        Args:
            name: Name of the work directory.
            random: Where moments and signals are drawn from.
            times: How many signals there are.
            signals: Which ones are drawn from.
            share: Of an uninterrupted run; moments are drawn from its beginning.

        Returns:
            The signals that came before the end of the run.
        """
        whole, hits = self.uninterrupted, []
        writes, seconds = round(len(whole.writes) * share), whole.seconds * share
        while len(hits) < times:
            signum, moment = random.choice(signals), draw_moment(random, writes, seconds)
            how = dict(moment=moment, signum=signum, group=random.random() < 0.5, workers=random.choice((0, 2)))
            ending = self.start(name, *(['--resume'] if hits else []), **how)
            if ending.hit:
                hits.append(Hit(signum, moment, ending, self._unfinished(name)))
            elif hits:
                break
            else:  # a fast run, so once more
                shutil.rmtree(self.folder / name)
        if ending.hit:
            ending = self.start(name, '--resume')
        assert ending.code == 0 or FINISHED in ending.output, ending.output
        return hits

    def _unfinished(self, name: str) -> str:
        names = [path.name for path in (self.folder / name).glob('*.partial')]
        return next((kind for begin, kind in KINDS.items() for name in names if name.startswith(begin)), '')
