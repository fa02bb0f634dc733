"""Whether data workers may go on from one epoch to the next."""

from mmengine.runner import Runner

_HARMLESS = ('mmbackbones', 'mmengine')  # packages whose hooks leave the data alone


def may_keep_workers(runner: Runner) -> bool:
    """Whether no hook can change the data set during training, as MMDetection's ``PipelineSwitchHook`` does.

    Workers that go on would not notice it. Hooks of other packages than MMEngine and this one may do it in any stage of
    training; most of them, such as those that draw predictions, act in validations only.

    Args:
        runner: A runner that trains.
    """
    others = [hook for hook in runner.hooks if type(hook).__module__.partition('.')[0] not in _HARMLESS]
    return not any('train_' in stage for hook in others for stage in hook.get_triggered_stages())
