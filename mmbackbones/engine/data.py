"""Which data a run uses, checked and written into its config."""
from copy import deepcopy
from pathlib import Path

from mmdet.visualization.palette import get_palette
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from ..data import Split, load_detection
from ..data.shapes import generate_shapes
from ..errors import UserError
from .config import set_num_classes
from .distributed import main_first

_COCO_TRAIN = 'annotations/instances_train2017.json'
_HOW_TO_GET_COCO = ('download train2017.zip, val2017.zip and annotations_trainval2017.zip from '
                    'https://cocodataset.org/#download and unpack them there')


def _dataset(dataloader: ConfigDict) -> ConfigDict:
    """The data set's own config, inside whatever wrappers."""
    dataset = dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    return dataset


def find_data(cfg: Config, data: str | None) -> Path | None:
    """The folder that ``--data`` stands for: ``shapes`` (generated if need be), a folder, or the config's own data.

    Returns:
        The folder; None if the config's own data is not COCO 2017's folder: it is then taken as it is.

    Raises:
        UserError: The config's own data is not there.
    """
    if data == 'shapes':
        return main_first(generate_shapes)
    return Path(data) if data else _own_root(cfg)


def _own_root(cfg: Config) -> Path | None:
    dataset = _dataset(cfg.train_dataloader)
    root = Path(dataset.get('data_root') or '')
    if dataset.get('ann_file') != _COCO_TRAIN:
        path = root / dataset.get('ann_file', '')
        if not path.exists():
            raise UserError(f"the config's own data is not there: {path} does not exist; name a folder with --data "
                            'DIR, or try the generated data set with --data shapes')
        return None
    if not root.is_dir():
        raise UserError(f'{root}/ is not there: {_HOW_TO_GET_COCO}, so that it holds annotations/, train2017/ and '
                        'val2017/; or name your own folder with --data DIR, or try the generated data set with '
                        '--data shapes')
    return root


def use_data(cfg: Config, root: Path | None, own: bool, splits: tuple[str, ...] | None = None,
             classes: tuple[str, ...] | None = None) -> None:
    """Check the data in `root` and write it into `cfg`: loaders, evaluators and numbers of classes.

    Args:
        cfg: Config of a detector.
        root: A folder in one of the known layouts; None to take the config's data as it is.
        own: Whether `root` is the config's own data set, to be used by its recipe to the letter.
        splits: Which splits to check, of ``train``, ``val`` and ``test``; all by default.
        classes: The label order to keep, from a checkpoint.

    Raises:
        UserError: The data has a fault that can't be repaired.
    """
    if root is None:
        if classes:
            set_num_classes(cfg, len(classes))
            for split in splits or ('train', 'val', 'test'):
                _dataset(cfg[f'{split}_dataloader']).metainfo = dict(classes=classes)
        return
    found = main_first(lambda: load_detection(root, Path(cfg.work_dir) / 'data', classes=classes, splits=splits))
    for note in found.notes:
        print_log(note, logger='current')
    set_num_classes(cfg, len(found.classes))
    for key in ('dataloader', 'evaluator'):  # in some configs the test's is the same object as the validation's
        cfg[f'test_{key}'] = deepcopy(cfg[f'test_{key}'])
    held_out = found.splits.get('test') or found.splits.get('val')
    for name, split in (('train', found.splits.get('train')), ('val', found.splits.get('val')), ('test', held_out)):
        if split:
            _use(cfg, name, split, found.classes, own)


def _use(cfg: Config, name: str, split: Split, classes: tuple[str, ...], own: bool) -> None:
    dataset = _dataset(cfg[f'{name}_dataloader'])
    metainfo = dict(classes=classes)
    if not own:
        metainfo['palette'] = get_palette('random', len(classes))
    dataset.update(type='CocoDataset', data_root='', ann_file=str(split.ann_file),
                   data_prefix=dict(img=f'{split.image_dir}/'), metainfo=metainfo)
    if name == 'train' and not own:  # COCO's recipe leaves out images below 32 pixels; users want their small ones
        dataset.filter_cfg = dict(filter_empty_gt=True, min_size=1)
    if name != 'train':
        cfg[f'{name}_evaluator'].ann_file = str(split.ann_file)
