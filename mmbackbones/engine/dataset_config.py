"""Which data a run uses: found, checked and written into its config."""

from pathlib import Path

from mmdet.visualization.palette import get_palette
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log
from mmseg.registry import DATASETS

from ..datasets import DetectionData, SegmentationData, load_detection, load_segmentation
from ..datasets.shapes import generate_shapes
from ..errors import UserError, printable
from .config import as_sizes, dicts_in, set_num_classes
from .distributed import main_process_first

# The data sets that configs come with: file or folder of the training annotations -> how to get them.
_HOW_TO_GET = {
    'annotations/instances_train2017.json': 'download train2017.zip, val2017.zip and annotations_trainval2017.zip from '
    'https://cocodataset.org/#download and unpack them there, so that it holds annotations/, train2017/ and val2017/',
    'annotations/training': 'download the scene parsing benchmark from http://sceneparsing.csail.mit.edu '
    'and unpack it there, so that it holds images/, annotations/ and objectInfo150.txt',
}


def is_segmentor(cfg: Config) -> bool:
    """Whether a config is one of MMSegmentation's, not MMDetection's."""
    return cfg.default_scope == 'mmseg'


def learns_masks(cfg: Config) -> bool:
    """Whether a detector's training asks for masks."""
    pipeline = _dataset(cfg.train_dataloader).pipeline
    return any(step.get('with_mask') for step in dicts_in(pipeline))


def _dataset(dataloader: ConfigDict) -> ConfigDict:
    """The data set's own config, inside whatever wrappers."""
    dataset = dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    return dataset


def resolve_data_root(cfg: Config, data: str | None) -> Path | None:
    """The folder that ``--data`` stands for: ``shapes`` (generated if need be), a folder, or the config's own data.

    Returns:
        The folder; None if the config's own data is neither COCO 2017's folder nor ADE20K's: it is then taken as it is.

    Raises:
        UserError: The config's own data is not there.
    """
    if data == 'shapes':
        return main_process_first(generate_shapes)
    return Path(data) if data else _own_root(cfg)


def _own_root(cfg: Config) -> Path | None:
    dataset = _dataset(cfg.train_dataloader)
    root = Path(dataset.get('data_root') or '')
    annotations = dataset.get('ann_file') or dataset.get('data_prefix', {}).get('seg_map_path') or ''
    if annotations not in _HOW_TO_GET:
        if not (root / annotations).exists():
            raise UserError(
                f"the config's own data is not there: {root / annotations} does not exist; name a folder "
                'with --data DIR, or try the generated data set with --data shapes'
            )
        return None
    if not root.is_dir():
        raise UserError(
            f'{root}/ is not there: {_HOW_TO_GET[annotations]}; or name your own folder with --data DIR, '
            'or try the generated data set with --data shapes'
        )
    return root


def apply_dataset(
    cfg: Config,
    root: Path | None,
    own: bool,
    splits: tuple[str, ...] | None = None,
    classes: tuple[str, ...] | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
) -> None:
    """Check the data in `root` and write it into `cfg`: loaders, evaluators and numbers of classes.

    Args:
        cfg: Config of a detector or a segmentor.
        root: A folder in one of the known formats; None to take the config's data as it is.
        own: Whether `root` is the config's own data set, to be used by its recipe to the letter.
        splits: Which splits to check, of ``train``, ``val`` and ``test``; all by default.
        classes: The label order to keep, from a checkpoint.
        background, ignore_label: How label maps are read, see :func:`~mmbackbones.datasets.load_segmentation`.

    Raises:
        UserError: The data has a fault that can't be repaired.
    """
    if is_segmentor(cfg):
        _pad_small_images(cfg)
    if root is None:
        if classes:
            set_num_classes(cfg, len(classes))
            for split in splits or ('train', 'val', 'test'):
                _dataset(cfg[f'{split}_dataloader']).metainfo = dict(classes=classes)
        return
    out_dir = Path(cfg.work_dir) / 'data'
    if is_segmentor(cfg):
        asked = None if own else classes  # see _use_segmentation
        found = main_process_first(
            lambda: load_segmentation(
                root, out_dir, classes=asked, splits=splits, background=background, ignore_label=ignore_label
            )
        )
        for step in dicts_in(cfg._cfg_dict):
            if step.get('type') in ('LoadAnnotations', 'mmseg.LoadAnnotations'):
                step.pop('reduce_zero_label', None)
        use = _use_segmentation
    else:
        recipe = _dataset(cfg.train_dataloader).get('filter_cfg') if own else None
        found = main_process_first(
            lambda: load_detection(
                root, out_dir, classes=classes, splits=splits, masks=learns_masks(cfg), filter_cfg=recipe
            )
        )
        use = _use_detection
    for note in found.notes:
        print_log(printable(note), logger='current')  # a line each, whatever the names in it
    set_num_classes(cfg, len(found.classes))
    held_out = 'test' if 'test' in found.splits else 'val'
    for name, split in (('train', 'train'), ('val', 'val'), ('test', held_out)):
        if split in found.splits:
            use(cfg, name, found, split, own)


def _coloured(classes: tuple[str, ...]) -> dict:
    # OpenCV, which label maps are drawn with, takes Python's numbers only.
    return dict(classes=classes, palette=[tuple(map(int, colour)) for colour in get_palette('random', len(classes))])


def _use_detection(cfg: Config, name: str, found: DetectionData, split: str, own: bool) -> None:
    ann_file, image_dir = str(found.splits[split].ann_file), found.splits[split].image_dir
    dataset = _dataset(cfg[f'{name}_dataloader'])
    metainfo = dict(classes=found.classes) if own else _coloured(found.classes)
    dataset.update(
        type='CocoDataset', data_root='', ann_file=ann_file, data_prefix=dict(img=f'{image_dir}/'), metainfo=metainfo
    )
    if name == 'train' and not own:
        # COCO's recipe leaves out images without boxes and below 32 pixels; users want their small and empty ones.
        dataset.filter_cfg = dict(filter_empty_gt=False)
    _refuse_too_thin(dataset.pipeline, *found.splits[split].thinnest)
    if name != 'train':
        for evaluator in dicts_in(cfg[f'{name}_evaluator']):  # one, or a list that has others, too
            if str(evaluator.get('type')).endswith('CocoMetric'):
                evaluator.ann_file = ann_file


def _pad_small_images(cfg: Config) -> None:
    """Let a segmentor's tests pad images to the least that backbones take, as MMDetection and training do."""
    for node in dicts_in(cfg.model):
        if node.get('type') == 'SegDataPreProcessor':
            node.setdefault('test_cfg', dict(size=(32, 32)))


def _refuse_too_thin(pipeline: list[ConfigDict], name: str, width: int, height: int) -> None:
    """Raise UserError if nothing is left of an image's shorter side when it is resized to fit as `pipeline` says."""
    for step in dicts_in(pipeline):
        scales = step.get('scale') or step.get('scales') if str(step.get('type')).endswith('Resize') else None
        for scale in as_sizes(scales) if scales else []:
            factor = min(max(scale) / max(width, height), min(scale) / min(width, height))
            factor *= min(step.get('ratio_range') or [1])
            if step.get('keep_ratio') and min(width, height) * factor < 0.5:
                raise UserError(
                    f'{name} is {width}x{height} pixels: when it is resized to fit into '
                    f'{scale[0]}x{scale[1]}, nothing is left of its shorter side; leave it out, or cut it '
                    'into several'
                )


def _use_segmentation(cfg: Config, name: str, found: SegmentationData, split: str, own: bool) -> None:
    dataset = _dataset(cfg[f'{name}_dataloader'])
    # ADE20K's own names differ a little from MMSegmentation's, which its checkpoints carry.
    metainfo = DATASETS.get(dataset.type).METAINFO if own else _coloured(found.classes)
    if len(metainfo['classes']) != len(found.classes):
        raise UserError(
            f'{dataset.data_root} names {len(found.classes)} classes, but {dataset.type} has '
            f'{len(metainfo["classes"])}: for a data set of your own use --data DIR'
        )
    dataset.update(
        type='PairedSegDataset',
        data_root='',
        data_prefix={},
        ann_file=str(found.splits[split].list_file),
        labels=found.label_map,
        ignore_label=found.ignore_label,
        reduce_zero_label=found.background == 'ignore',
        metainfo=metainfo,
    )
    _refuse_too_thin(dataset.pipeline, *found.splits[split].thinnest)
