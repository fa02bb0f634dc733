"""Hooks that write into checkpoints what an exact resume needs, and take it over."""

from itertools import chain

from mmengine.dist import get_world_size
from mmengine.hooks import EMAHook, Hook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import HOOKS
from torch import nn

from ...utils.messages import tell
from ..averaged_weights import AVERAGE
from ..runner_facts import counted_in_epochs, hook_of, network_of
from ..schedule import advance
from .rebuild import rebuild_checkpoint
from .run_state import PENDING


@HOOKS.register_module()
class RebuildCheckpointHook(Hook):
    """Rebuilds the checkpoint of the resumed run (:func:`rebuild_checkpoint`) before MMEngine uses anything of it."""

    priority = 'HIGHEST'

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        rebuilt = rebuild_checkpoint(checkpoint, runner.cfg.load_from)
        metainfo = getattr(runner.train_dataloader.dataset, 'metainfo', {})
        theirs = rebuilt['meta'].get('dataset_meta', {}).get('classes')
        if theirs and theirs == tuple(metainfo.get('classes') or ()):
            rebuilt['meta']['dataset_meta'] = metainfo  # MMEngine warns if they are not the same to the last byte
        checkpoint.clear()
        checkpoint.update(rebuilt)


@HOOKS.register_module()
class RunStateHook(Hook):
    """Adds to checkpoints what an exact resume needs and MMEngine's lack, and takes it over.

    MMEngine would let a checkpoint decide on learning rates, weight decay, seed and the position of schedulers,
    whatever this run was started with, and would lose the gradients of an unfinished accumulation. Here the weights,
    the optimizer's moments and the position come from the file, everything else from this run's own config.

    Args:
        run: Id of this run, as in ``run.json``.
        settings: Settings of this run, compared with those of the command that resumes it.
    """

    priority = 'HIGHEST'

    def __init__(self, run: str = '', settings: dict | None = None) -> None:
        self.run = run
        self.settings = settings or {}
        self.pending: dict | None = None  # accumulated gradients from the checkpoint

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        wrapper, by_epoch = runner.optim_wrapper, counted_in_epochs(runner)
        checkpoint['meta'].update(run_id=self.run, by_epoch=by_epoch, settings=dict(self.settings))
        if by_epoch:
            checkpoint['meta']['epoch_length'] = len(runner.train_dataloader)
        schedulers = checkpoint.get('param_schedulers', [])
        for state in schedulers if isinstance(schedulers, list) else chain(*schedulers.values()):
            for name in [name for name, value in state.items() if callable(value)]:
                del state[name]  # such as OneCycleLR's own method: a file with it could not be read safely
        pending = wrapper.inner_count % wrapper._accumulative_counts
        if 'optimizer' not in checkpoint or not pending or wrapper.inner_count == wrapper._max_counts:
            return
        gradients = {
            name: param.grad.cpu() for name, param in network_of(runner).named_parameters() if param.grad is not None
        }
        checkpoint[PENDING] = dict(
            batches=pending,
            accumulate=wrapper._accumulative_counts,
            divisor=_loss_divisor(wrapper, -1),
            loss_scale=_loss_scale(wrapper),
            gradients=gradients if get_world_size() == 1 else None,
        )

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if not runner._resume:
            return
        meta, wrapper = checkpoint['meta'], runner.optim_wrapper
        if counted_in_epochs(runner):  # an epoch may have another length now
            meta['iter'] = _iteration(meta, len(runner.train_dataloader))
        meta.pop('seed', None)
        if AVERAGE in checkpoint and hook_of(runner, EMAHook) is None:
            # The state dict of the file holds the averages; the trained weights are beside it.
            average, state = checkpoint.pop(AVERAGE), checkpoint['state_dict']
            state.update({key: average[f'module.{key}'] for key in state})
        self.pending = checkpoint.pop(PENDING, None)
        done = self.pending['batches'] if self.pending else 0
        initialize, iteration = wrapper.initialize_count_status, meta['iter']

        def count_from_last_step(model: nn.Module, init_counts: int, max_counts: int) -> None:
            """Count batches from the last optimizer step: it does not follow from the number of iterations."""
            initialize(model, 0, done + max_counts - iteration)
            wrapper._inner_count = done

        wrapper.initialize_count_status = count_from_last_step
        checkpoint.pop('param_schedulers', None)
        if runner.param_schedulers:
            advance(runner.param_schedulers, meta['iter'])
        theirs, ours = checkpoint['optimizer'], wrapper.state_dict()
        checkpoint['optimizer'] = {**ours, 'state': theirs['state']}
        if isinstance(wrapper, AmpOptimWrapper) and wrapper._scale_update_param is None and 'loss_scaler' in theirs:
            live = {
                key: theirs['loss_scaler'][key] for key in ('scale', '_growth_tracker') if key in theirs['loss_scaler']
            }
            checkpoint['optimizer']['loss_scaler'] = {**ours['loss_scaler'], **live}

    def before_train(self, runner) -> None:
        """Put back the gradients of batches that wait for their optimizer step."""
        if not self.pending:
            return
        wrapper, params = runner.optim_wrapper, dict(network_of(runner).named_parameters())
        # In a run of another length or accumulation a batch may count for another share of a step.
        factor = self.pending['divisor'] / _loss_divisor(wrapper, 0) * _loss_scale(wrapper) / self.pending['loss_scale']
        for name, gradient in self.pending['gradients'].items():
            if name in params:  # a malicious file may name running statistics
                gradient = gradient.to(params[name])
                params[name].grad = gradient if factor == 1 else gradient * factor
        self.pending = None


def _iteration(meta: dict, epoch_length: int) -> int:
    """The iteration to go on from, in a run counted in epochs; in the middle of one, at the same share of it."""
    epoch, theirs = meta['epoch'], meta.get('epoch_length') or epoch_length
    begun = meta['iter'] - epoch * theirs if meta.get('epoch_length') else 0
    if begun and theirs != epoch_length:
        there, begun = begun, begun * epoch_length // theirs
        tell(
            f'an epoch has {epoch_length} iterations now, and had {theirs}: epoch {epoch + 1} goes on after iteration '
            f'{begun} of it instead of {there}, which is the same share of the data'
        )
    return epoch * epoch_length + begun


def _loss_divisor(wrapper: OptimWrapper, offset: int) -> int:
    """What the loss of the next batch (`offset` 0) or of the last (-1) is divided by, to average over a step."""
    if wrapper.inner_count + offset < wrapper._max_counts - wrapper._remainder_counts or wrapper._max_counts == -1:
        return wrapper._accumulative_counts
    return wrapper._remainder_counts


def _loss_scale(wrapper: OptimWrapper) -> float:
    return float(wrapper.loss_scaler.get_scale()) if isinstance(wrapper, AmpOptimWrapper) else 1.0
