"""Data sets: found, checked and written into a config."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmseg.registry import DATASETS

from ..datasets import DetectionData, SegmentationData, load_detection, load_segmentation
from ..datasets.formats.no_path import explain_foreign, similar
from ..datasets.shapes import generate_shapes
from ..errors import UserError, printable
from ..utils.messages import tell
from ..utils.text import clipped, counted
from ..visualization.class_colors import class_color
from .config_tree import dicts_in, set_num_classes
from .img_scale import MIN_SIZE, check_resized_size
from .processes.distributed import main_process_first
from .work_dir import CONVERTED_DATA

# Training annotations of the data sets that configs are made for -> how to get the data set.
_DOWNLOADS = {
    'annotations/instances_train2017.json': 'download train2017.zip, val2017.zip and annotations_trainval2017.zip from '
    'https://cocodataset.org/#download and unpack them there, so that it holds annotations/, train2017/ and val2017/',
    'annotations/training': 'download the scene parsing benchmark from http://sceneparsing.csail.mit.edu '
    'and unpack it there, so that it holds images/, annotations/ and objectInfo150.txt',
}


def is_segmentor(cfg: Config) -> bool:
    """Whether a config is of a segmentor (MMSegmentation), not of a detector (MMDetection)."""
    return cfg.default_scope == 'mmseg'


def learns_masks(cfg: Config) -> bool:
    """Whether a detector is trained on masks."""
    pipeline = _replaceable(cfg.train_dataloader).pipeline
    return any(step.get('with_mask') for step in dicts_in(pipeline))


def _dataset(dataloader: ConfigDict) -> ConfigDict:
    """The config of a data set, without its wrappers."""
    dataset = dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    return dataset


def _replaceable(dataloader: ConfigDict) -> ConfigDict:
    """The config of a data set whose files another one's can take the place of."""
    dataset = _dataset(dataloader)
    if 'pipeline' not in dataset:
        raise UserError(
            f'the config has a data set of type {dataset.get("type")}, which --data cannot replace: give a config '
            'whose data sets have a pipeline of their own, with or without wrappers, but not several joined into one'
        )
    return dataset


def resolve_data_root(cfg: Config, data: str | None, split: str = 'train') -> Path | None:
    """The folder, or the YAML file, that ``--data`` names.

    Args:
        cfg: Config of a detector or a segmentor.
        data: A folder, a YAML file that names the files of each split, ``shapes`` (generated if it does not exist), or
            None for the data set that the config names.
        split: Whose annotations must be there, if the config names them: ``train`` or ``test``.

    Returns:
        The folder or file; None for a config whose data set is neither COCO 2017 nor ADE20K, and is used as it is.

    Raises:
        UserError: The folder does not exist.
    """
    if data == 'shapes':
        return main_process_first(generate_shapes)
    root = Path(data) if data else _builtin_root(cfg, split)
    if root is not None and not root.exists():
        said = explain_foreign(root) or f'{root} does not exist'
        raise UserError(f'{said}: --data takes a folder, a YAML file, or shapes{similar(root, "shapes")}')
    return root


def _builtin_root(cfg: Config, split: str) -> Path | None:
    dataset = _dataset(cfg.train_dataloader)
    root = Path(dataset.get('data_root') or '')
    annotations = dataset.get('ann_file') or dataset.get('data_prefix', {}).get('seg_map_path') or ''
    if annotations not in _DOWNLOADS:
        dataset = _dataset(cfg[f'{split}_dataloader'])
        root = Path(dataset.get('data_root') or '')
        annotations = dataset.get('ann_file') or dataset.get('data_prefix', {}).get('seg_map_path') or ''
        if not (root / annotations).exists():
            raise UserError(
                f"the config's own data is not there: {root / annotations} does not exist; name a folder "
                'with --data DIR, or try the generated data set with --data shapes'
            )
        return None
    if not root.is_dir():
        raise UserError(
            f'{root}/ is not there: {_DOWNLOADS[annotations]}; or name your own folder with --data DIR, '
            'or try the generated data set with --data shapes'
        )
    return root


def apply_dataset(
    cfg: Config,
    root: Path | None,
    builtin_dataset: bool,
    splits: tuple[str, ...] | None = None,
    classes: tuple[str, ...] | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
    trained: Collection[str] = (),
) -> None:
    """Check a data set and write it into a config: loaders, evaluators and numbers of classes.

    Args:
        cfg: Config of a detector or a segmentor; changed in place.
        root: A folder in one of the known formats, or a YAML file; None to use the data of the config as it is.
        builtin_dataset: Whether `root` holds the data set that the config is made for, whose settings then stay
            unchanged.
        splits: Which splits to check, of ``train``, ``val`` and ``test``; all by default.
        classes: Class names in label order, from a checkpoint, which the data keeps to.
        background: How label maps are numbered, see :func:`~mmbackbones.datasets.load_segmentation`.
        ignore_label: Label whose pixels are ignored in label maps.
        trained: Which of the last two are those of a checkpoint, see :func:`~mmbackbones.datasets.load_segmentation`.

    Raises:
        UserError: The data has an error that cannot be repaired.
    """
    if is_segmentor(cfg):
        _pad_small_images(cfg)
    if root is None:
        if classes:
            set_num_classes(cfg, len(classes))
            for split in splits or ('train', 'val', 'test'):
                if f'{split}_dataloader' in cfg:
                    _dataset(cfg[f'{split}_dataloader']).metainfo = dict(classes=classes)
        return
    found = load_dataset(cfg, root, builtin_dataset, splits, classes, background, ignore_label, trained)
    for line in (found.summary, *found.notes):
        tell(printable(clipped(line)))  # one line each, whatever names it quotes
    use_dataset(cfg, found, builtin_dataset)


def load_dataset(
    cfg: Config,
    root: Path,
    builtin_dataset: bool,
    splits: tuple[str, ...] | None = None,
    classes: tuple[str, ...] | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
    trained: Collection[str] = (),
) -> DetectionData | SegmentationData:
    """Check a data set as a config needs it; arguments and errors are those of :func:`apply_dataset`."""
    out_dir = Path(cfg.work_dir) / CONVERTED_DATA
    if is_segmentor(cfg):
        expected = None if builtin_dataset else classes  # see _use_segmentation
        return main_process_first(
            lambda: load_segmentation(
                root,
                out_dir,
                classes=expected,
                splits=splits,
                background=background,
                ignore_label=ignore_label,
                trained=trained,
            )
        )
    filter_cfg = _dataset(cfg.train_dataloader).get('filter_cfg') if builtin_dataset else None
    return main_process_first(
        lambda: load_detection(
            root, out_dir, classes=classes, splits=splits, masks=learns_masks(cfg), filter_cfg=filter_cfg
        )
    )


def use_dataset(cfg: Config, found: DetectionData | SegmentationData, builtin_dataset: bool) -> None:
    """Write a data set that has been checked into a config.

    Args:
        cfg: Config of a detector or a segmentor; changed in place.
        found: What :func:`load_dataset` returned for it.
        builtin_dataset: See :func:`apply_dataset`.
    """
    use: Callable[[Config, str, Any, str, bool], None] = _use_detection
    if is_segmentor(cfg):
        for step in dicts_in(cfg._cfg_dict):
            if step.get('type') in ('LoadAnnotations', 'mmseg.LoadAnnotations'):
                step.pop('reduce_zero_label', None)
        use = _use_segmentation
    set_num_classes(cfg, len(found.classes))
    held_out = 'test' if 'test' in found.splits else 'val'
    for name, split in (('train', 'train'), ('val', 'val'), ('test', held_out)):
        if split in found.splits and f'{name}_dataloader' in cfg:
            use(cfg, name, found, split, builtin_dataset)


def _colored(classes: tuple[str, ...]) -> dict:
    """Classes with the colors that they are drawn in, for OpenMMLab's own tools."""
    return dict(classes=classes, palette=[class_color(index) for index in range(len(classes))])


def _use_detection(cfg: Config, name: str, found: DetectionData, split: str, builtin_dataset: bool) -> None:
    ann_file, image_dir = str(found.splits[split].ann_file), found.splits[split].image_dir
    dataset = _replaceable(cfg[f'{name}_dataloader'])
    metainfo = dict(classes=found.classes) if builtin_dataset else _colored(found.classes)
    dataset.update(
        type='CocoDataset', data_root='', ann_file=ann_file, data_prefix=dict(img=f'{image_dir}/'), metainfo=metainfo
    )
    if name == 'train' and not builtin_dataset:
        # COCO's own settings drop images without boxes or below 32 pixels; users want their small and empty images.
        dataset.filter_cfg = dict(filter_empty_gt=False)
    check_resized_size(dataset.pipeline, *found.splits[split].thinnest)
    if name != 'train':
        for evaluator in dicts_in(cfg[f'{name}_evaluator']):  # one, or a list with others
            if str(evaluator.get('type')).endswith('CocoMetric'):
                evaluator.ann_file = ann_file


def _pad_small_images(cfg: Config) -> None:
    """Pad small test images of a segmentor to the minimum size of backbones, as MMDetection and training do."""
    for node in dicts_in(cfg.model):
        if node.get('type') == 'SegDataPreProcessor':
            node.setdefault('test_cfg', dict(size=(MIN_SIZE, MIN_SIZE)))


def _use_segmentation(cfg: Config, name: str, found: SegmentationData, split: str, builtin_dataset: bool) -> None:
    dataset = _replaceable(cfg[f'{name}_dataloader'])
    # ADE20K's own class names differ slightly from MMSegmentation's, which are in its checkpoints.
    metainfo = DATASETS.get(dataset.type).METAINFO if builtin_dataset else _colored(found.classes)
    if len(metainfo['classes']) != len(found.classes):
        raise UserError(
            f'{dataset.data_root} names {counted(len(found.classes), "class", "classes")}, but {dataset.type} has '
            f'{len(metainfo["classes"])}: for a data set of your own use --data DIR'
        )
    dataset.update(
        type='PairedSegDataset',
        data_root='',
        data_prefix={},
        ann_file=str(found.splits[split].list_file),
        **found.table.settings,
        # Checkpoints keep the numbers, so that predictions are written in them.
        metainfo={**metainfo, 'category_ids': found.table.numbers},
    )
    check_resized_size(dataset.pipeline, *found.splits[split].thinnest)
