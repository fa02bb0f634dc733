"""Which data a run uses, checked and written into its config."""
from copy import deepcopy
from pathlib import Path

from mmdet.visualization.palette import get_palette
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from ..data import DetectionData, Split, load_detection
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


def _own_root(cfg: Config) -> Path | None:
    """Folder of the config's own COCO; None if it uses other data, which is then left as it is."""
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


def choose_data(cfg: Config, data: str | None, splits: tuple[str, ...] | None = None,
                classes: tuple[str, ...] | None = None) -> None:
    """Point `cfg` at the data named by ``--data``, or at its own, after checking it.

    Args:
        cfg: Config of a detector; its data loaders, evaluators and numbers of classes are set.
        data: ``shapes``, a folder in one of the known layouts, or None for the config's own data.
        splits: Which splits to check, of ``train``, ``val`` and ``test``; all by default.
        classes: The label order to keep, from a checkpoint.

    Raises:
        UserError: The data is not there or has a fault that can't be repaired.
    """
    def find() -> DetectionData | None:
        root = generate_shapes() if data == 'shapes' else Path(data) if data else _own_root(cfg)
        return root and load_detection(root, Path(cfg.work_dir) / 'data', classes=classes, splits=splits)

    found = main_first(find)
    if found is None:
        if classes:
            set_num_classes(cfg, len(classes))
            for split in splits or ('train', 'val', 'test'):
                _dataset(cfg[f'{split}_dataloader']).metainfo = dict(classes=classes)
        return
    for note in found.notes:
        print_log(note, logger='current')
    set_num_classes(cfg, len(found.classes))
    for key in ('dataloader', 'evaluator'):  # in some configs the test's is the same object as the validation's
        cfg[f'test_{key}'] = deepcopy(cfg[f'test_{key}'])
    held_out = found.splits.get('test') or found.splits.get('val')
    for name, split in (('train', found.splits.get('train')), ('val', found.splits.get('val')), ('test', held_out)):
        if split:
            _use(cfg, name, split, found.classes, own=data is None)


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
