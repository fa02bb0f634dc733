"""Whether data workers may go on from one epoch to the next."""

from mmengine.runner import Runner

from ..config_tree import dicts_in

_HARMLESS = ('mmbackbones', 'mmengine')  # packages whose hooks leave the data alone
_CACHE = 'Cached'  # how MMDetection calls transforms that mix in what they have seen: CachedMosaic, CachedMixUp


def may_keep_workers(runner: Runner) -> bool:
    """Whether workers that go on load what workers would that are started for each epoch.

    They would not notice what a hook changes in the data set, as ``PipelineSwitchHook`` does; and transforms that
    remember samples would remember those of the epoch before, which a run that is resumed there has not loaded.

    Args:
        runner: A runner that trains.
    """
    loader = (runner.cfg or {}).get('train_dataloader')
    if any(str(item.get('type')).rpartition('.')[2].startswith(_CACHE) for item in dicts_in(loader)):
        return False
    others = [hook for hook in runner.hooks if type(hook).__module__.partition('.')[0] not in _HARMLESS]
    return not any('train_' in stage for hook in others for stage in hook.get_triggered_stages())
