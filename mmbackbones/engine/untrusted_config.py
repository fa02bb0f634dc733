"""What is taken of a config that a stranger may have written: names of registered classes, words and numbers.

MMEngine imports whatever module a ``type`` names and calls what it finds there, mmcv evaluates the name of an NMS as
Python, MMSegmentation unpickles a file that ``class_weight`` names. So every part of such a config is copied by the
rules here before anything is built from it.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from inspect import isclass
from pathlib import PurePath
from typing import Any, NoReturn

from mmdet.registry import DATASETS as _DET_DATASETS
from mmengine.fileio.handlers import file_handlers
from mmengine.registry import DATASETS, METRICS, MODELS, TASK_UTILS, TRANSFORMS, Registry
from mmseg.registry import DATASETS as _SEG_DATASETS

from ..errors import UserError, printable

SCOPES = ('mmdet', 'mmseg')  # of a whole config
_SCOPES = (*SCOPES, 'mmengine')
_LIBRARIES = ('mmengine', 'mmcv', 'mmdet', 'mmseg')
# A number may follow a dot, as in regnetx_3.2gf, but no suffix of a file.
_WORDS = re.compile(r'[\w -]{0,100}(\.\d[\w -]{0,100})?')
_MAX_ITEMS = 20_000  # of a list of values, such as one weight per class
_MAX_WHOLE = 1_000_000  # whole numbers in a model: a million scales of an anchor take minutes to compute
_MAX_SIDE = 10_000  # pixels of an image
_MAX_ZOOM = 16  # times the size of an image
_MAX_SHOWN = 300  # characters of a message
_MAX_PARTS = 64  # of a list of dicts, each of which is built
# What says how weights are initialized and where files are read from.
_LEFT_OUT = ('init_cfg', 'pretrained', 'backend_args', 'file_client_args')
# Entries whose `type` is no registered class: functions and layers of mmcv.ops, and a word that is compared.
_OTHER_TYPES = {
    'nms': ('nms', 'soft_nms', 'nms_match', 'nms_rotated', 'nms_quadri'),
    'roi_layer': ('RoIAlign', 'RoIPool', 'DeformRoIPoolPack', 'ModulatedDeformRoIPoolPack', 'SimpleRoIAlign'),
    'adapt_cfg': ('dilation', 'offset'),
}
# Classes, and all that inherit from them, that read or run by themselves what their arguments name: the weights or the
# program of a language model, of another library's network, of a teacher.
_READ_BY_NAME = (
    'ATSSVLFusionHead',
    'AppearanceFreeLink',
    'BertModel',
    'CLIPTextEncoder',
    'CameraMotionCompensation',
    'Detectron2Wrapper',
    'GLIP',
    'KnowledgeDistillationSingleStageDetector',
    'LAD',
    'TIMMBackbone',
    'VPD',
)
_TRANSFORMS = (
    'CenterCrop',
    'FilterAnnotations',
    'FixScaleResize',
    'FixShapeResize',
    'LoadAnnotations',
    'LoadImageFromFile',
    'Normalize',
    'PackDetInputs',
    'PackSegInputs',
    'Pad',
    'RandomCenterCropPad',
    'RandomFlip',
    'Resize',
    'ResizeShortestEdge',
    'ResizeToMultiple',
    'TestTimeAug',
)
# Data sets whose own way of reading annotations knows JSON, XML and lists of images only.
_READERS = (
    (_DET_DATASETS, ('CocoDataset', 'LVISV05Dataset', 'LVISV1Dataset', 'Objects365V1Dataset', 'Objects365V2Dataset')),
    (_DET_DATASETS, ('XMLDataset',)),  # of Pascal VOC
    (_SEG_DATASETS, ('BaseSegDataset',)),
    (DATASETS, ('PairedSegDataset',)),
)
_ANNOTATION_SUFFIXES = ('', '.json', '.txt')
_DATASET_WORDS = ('img_suffix', 'seg_map_suffix', 'img_subdir', 'ann_subdir')
_DATASET_VALUES = (
    'background',
    'filter_cfg',
    'ignore_index',
    'ignore_label',
    'labels',
    'reduce_zero_label',
    'test_mode',
    'values',
)
_COCO = ('classwise', 'iou_thrs', 'metric', 'metric_items', 'prefix', 'proposal_nums')
_IOU = ('beta', 'classwise', 'ignore_index', 'iou_metrics', 'nan_to_num', 'prefix')
_METRICS = {
    'CocoMetric': _COCO,
    'ExactCocoMetric': _COCO,
    'IoUMetric': _IOU,
    'ExactIoUMetric': _IOU,
    'LVISMetric': _COCO,
    'VOCMetric': ('eval_mode', 'iou_thrs', 'metric', 'prefix', 'proposal_nums', 'scale_ranges'),
}


@dataclass(frozen=True)
class UntrustedConfig:
    """Copies parts of a config, or refuses them.

    Args:
        source: What the config is in, for messages.
        scope: Its ``default_scope``.

    Raises:
        UserError: By each method, if the part holds something that is not taken.
    """

    source: str
    scope: str

    def refuse(self, where: str, why: str) -> NoReturn:
        """Raise UserError: the entry at the dotted name `where` is not taken."""
        text = printable(f'{where} {why}')
        text = text if len(text) <= _MAX_SHOWN else f'{text[:_MAX_SHOWN]}...'
        raise UserError(f'the config in {self.source} is not used: {text}; give a config that you trust as CONFIG')

    def model(self, node: object, where: str) -> dict[str, Any]:
        """A model, without its initialization."""
        if not isinstance(node, Mapping) or 'type' not in node:
            self.refuse(where, 'is not a dict with a type')
        return self._copy(node, where, self.scope, (MODELS, TASK_UTILS))

    def pipeline(self, steps: object, where: str) -> list[dict[str, Any]]:
        """The transforms of a test pipeline."""
        if not isinstance(steps, list | tuple) or not all(isinstance(step, Mapping) for step in steps):
            self.refuse(where, 'is not a list of dicts')
        return self._copy(list(steps), where, self.scope, (TRANSFORMS,))

    def dataset(self, node: Mapping, where: str) -> dict[str, Any]:
        """A data set of images on this machine, without its pipeline and its classes."""
        scope = self._scope(node.get('_scope_', self.scope), where)
        name = node.get('type')
        cls = _registered(name, scope, (DATASETS,))
        if cls is None or not _reads_plain_files(cls):
            self.refuse(f'{where}.type', f'is {name!r}, a data set that is only read from a config; or give --data DIR')
        copy: dict[str, Any] = dict(type=_plain_name(str(name)), _scope_=scope)
        for key, value in node.items():
            place = f'{where}.{key}'
            if key in ('data_root', 'ann_file') and value is not None:
                copy[key] = self._path(value, place)
            elif key == 'data_prefix':
                if not isinstance(value, Mapping):
                    self.refuse(place, 'is not a dict')
                copy[key] = {name: value and self._path(value, place) for name, value in value.items()}
            elif key in _DATASET_WORDS and isinstance(value, str) and re.fullmatch(r'[\w.-]{0,100}', value):
                copy[key] = value
            elif key in _DATASET_VALUES:
                copy[key] = self._copy(value, place, scope, ())
            elif key not in ('type', '_scope_', 'pipeline', 'metainfo', *_LEFT_OUT) and value is not None:
                self.refuse(place, 'is no option that is taken from a checkpoint')
        if annotations := copy.get('ann_file'):
            known = PurePath(annotations).suffix in _ANNOTATION_SUFFIXES
            if not known or _suffix(annotations) in file_handlers.keys() - {'json'}:
                self.refuse(f'{where}.ann_file', f'is {annotations!r}, which is read as neither JSON nor text')
            self._path(os.path.join(copy.get('data_root') or '', annotations), f'{where}.ann_file')
        return copy

    def evaluator(self, node: object, where: str) -> list[dict[str, Any]]:
        """Metrics, without the files that they read and write."""
        copies = []
        for metric in node if isinstance(node, list | tuple) else [node]:
            if not isinstance(metric, Mapping):
                self.refuse(where, 'is not a dict, nor a list of dicts')
            kind = metric.get('type')
            cls = _registered(kind, self._scope(metric.get('_scope_', self.scope), where), (METRICS,))
            options = _METRICS.get(getattr(cls, '__name__', ''))
            if options is None:
                self.refuse(f'{where}.type', f'is {kind!r}, but only {", ".join(_METRICS)} are taken from a checkpoint')
            taken = {key: metric[key] for key in options if key in metric}
            copies.append(dict(type=_plain_name(str(kind)), **self._copy(taken, where, self.scope, ())))
        return copies

    def annotation_file(self, path: object, where: str) -> str:
        """The annotation file of a metric."""
        return self._path(path, where)

    def _path(self, value: object, where: str) -> str:
        why = f'is {value!r}, not a file or folder on this machine'
        # Windows asks the machine of another name for what begins with two slashes.
        if not isinstance(value, str) or '://' in value or value.startswith(('//', r'\\')):
            self.refuse(where, why)
        if not value.isprintable() or _is_device(value):
            self.refuse(where, why)
        return value

    def _scope(self, value: object, where: str) -> str:
        if value not in _SCOPES:
            self.refuse(f'{where}._scope_', f'is {value!r}; {", ".join(_SCOPES)} are known')
        return str(value)

    def _copy(self, node: Any, where: str, scope: str, registries: tuple[Registry, ...]) -> Any:
        if isinstance(node, Mapping):
            scope = self._scope(node.get('_scope_', scope), where)
            return {
                key: self._type(value, where, scope, registries)
                if key == 'type'
                else value
                if key == '_scope_'
                else self._copy(value, f'{where}.{key}', scope, registries)
                for key, value in node.items()
                if key not in _LEFT_OUT
            }
        if isinstance(node, list | tuple):
            parts = sum(isinstance(item, Mapping | list | tuple) for item in node)
            if len(node) > _MAX_ITEMS or parts > _MAX_PARTS:
                self.refuse(where, f'has {len(node)} entries, more than any model needs')
            return type(node)(self._copy(item, f'{where}.{i}', scope, registries) for i, item in enumerate(node))
        if isinstance(node, int | float) and abs(node) > (limit := _limit(where, node)):
            self.refuse(where, f'is {node}, more than {limit}, which is all that any model needs')
        if isinstance(node, str) and (not _WORDS.fullmatch(node) or _suffix(node) in file_handlers):
            self.refuse(where, f'is {node[:60]!r}, which is not a plain word and may be the name of a file')
        return node

    def _type(self, kind: Any, where: str, scope: str, registries: tuple[Registry, ...]) -> str | None:
        """A `type` as it may be built; None, which stands for no class, as it is."""
        last = where.rpartition('.')[2]
        if kind is None or kind in _OTHER_TYPES.get('nms' if 'nms' in last or last == 'dqs_cfg' else last, ()):
            return kind
        cls = _registered(kind, scope, registries)
        if cls is None:
            self.refuse(f'{where}.type', f'is {str(kind)[:60]!r}, which is the name of no registered class')
        if isclass(cls) and any(base.__name__ in _READ_BY_NAME for base in cls.__mro__):
            self.refuse(f'{where}.type', f'is {kind!r}, which reads or runs by itself what its arguments name')
        if registries == (TRANSFORMS,) and _is_of_library(cls) and cls.__name__ not in _TRANSFORMS:
            self.refuse(f'{where}.type', f'is {kind!r}, a transform that is not needed for a test')
        return _plain_name(kind)


def _registered(kind: object, scope: str, registries: Iterable[Registry]) -> Any:
    """The class that MMEngine would find under a name without importing what the name says; None if there is none."""
    if not isinstance(kind, str):
        return None
    path, _, name = kind.rpartition('.')
    scopes = (path, 'mmengine') if path in _SCOPES else (scope, 'mmengine')
    for registry in registries:
        for found in _registries(registry, scopes):
            found.import_from_location()
            cls = found.module_dict.get(name)
            # MMEngine writes the classes of its newer style of configs as the modules that they are imported from.
            if cls is not None and (path in ('', *_SCOPES) or f'{cls.__module__}.'.startswith(f'{path}.')):
                return cls
    return None


def _registries(root: Registry, scopes: tuple[str, str]) -> list[Registry]:
    own = [child for name, child in root.children.items() if name == scopes[0]]
    return [*own, root]


def _plain_name(kind: str) -> str:
    """A name by which MMEngine finds a registered class without an import."""
    path, _, name = kind.rpartition('.')
    return kind if path in _SCOPES else name


def _limit(where: str, number: float) -> float:
    """How large a number may be: none may ask for images without end, or for a million parts of a network."""
    if 'scale_factor' in where:
        return _MAX_ZOOM
    if 'pipeline' in where or ('data_preprocessor' in where and not re.search(r'\.(mean|std)\b', where)):
        return _MAX_SIDE
    return _MAX_WHOLE if type(number) is int else float('inf')


def _suffix(name: str) -> str:
    """What MMEngine takes for the suffix of a file; it unpickles one whose name is ``pkl`` or ``.pkl``."""
    return name.rpartition('.')[2]


def _is_device(path: str) -> bool:
    """Whether something is there that can be read without end, or that waits for a writer."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _is_of_library(cls: Any) -> bool:
    return str(getattr(cls, '__module__', '')).partition('.')[0] in _LIBRARIES


def _reads_plain_files(cls: Any) -> bool:
    known = [registry.module_dict.get(name) for registry, names in _READERS for name in names]
    readers = [other.load_data_list for other in known if other is not None]
    return not _is_of_library(cls) or getattr(cls, 'load_data_list', None) in readers
