"""The verb ``browse``: what a data set holds, and what a model sees of it, as a page to look at."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from mmengine.config import Config

from ..datasets import DetectionData, SegmentationData, load_detection, load_segmentation
from ..datasets.checks.findings import Findings, collecting_findings
from ..datasets.formats import find_format, find_tasks
from ..datasets.shapes import generate_shapes
from ..datasets.survey.objects import Objects
from ..datasets.survey.survey import Survey, survey_boxes, survey_label_maps
from ..engine.anchors import fit_anchors
from ..engine.config import load_config
from ..engine.dataset_config import is_segmentor, learns_masks, load_dataset, resolve_data_root, use_dataset
from ..engine.img_scale import checked_img_scale, set_img_scale
from ..engine.label_options import check_label_options
from ..engine.loader_checks import require_loaders
from ..engine.model_inputs import ModelInputs
from ..errors import UserError
from ..pages.browse.inputs import chosen_images
from ..pages.browse.page import PAGE, Trained, check_own, write_browse_page
from ..pages.browse.samples import NUMBER, choose_images
from ..utils.config_files import ConfigLike, config_name, config_names
from ..utils.folders import require_writable
from ..utils.paths import absolute, path_text, shown_path
from ..utils.text import counted

_LABEL_MAPS = 'label_maps'  # folder of their page beside that of boxes


@dataclass(frozen=True)
class BrowseResult:
    """What :func:`browse` found and wrote.

    Attributes:
        out: Folder of all that was written, an absolute path.
        pages: The pages; two for a folder that holds boxes and label maps.
        images: Number of images of each split.
        suspicious: Number of labels that may be wrong.
        near_duplicates: Number of groups of images that are nearly alike.
        leaks: How many of these groups have images in several splits.
        unreadable: Path of each file that cannot be read -> the reason.
        lines: All of this in words, as the command prints it.
    """

    out: Path
    pages: tuple[Path, ...]
    images: dict[str, int]
    suspicious: int
    near_duplicates: int
    leaks: int
    unreadable: dict[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def browse(
    source: ConfigLike,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    img_scale: tuple[int, int] | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
) -> BrowseResult:
    """Write a page that shows a data set, and with a config, what its model sees of it in training.

    The page has counts of classes, numbers and sizes of objects, pictures with their labels, labels that may be wrong,
    and images that are nearly alike. A config adds images as its train pipeline gives them to the model, and how well
    its anchors fit the boxes. Nothing in the data folder is changed.

    Example:
        >>> import mmbackbones as mmb
        >>> result = mmb.browse('retinanet_van_t', data='photos')
        >>> result.pages, result.suspicious, result.leaks
        ((PosixPath('/home/ann/browse/retinanet_van_t/index.html'),), 12, 3)

    Args:
        source: A data folder in any of the known formats, a YAML file that names the files of each split, or
            ``'shapes'``; or the path or name of a config, or a config.
        data: With a config, the data folder, as :func:`~mmbackbones.apis.train` takes it. None: the config's own.
        out: Folder to write to. None: ``browse/<name of the folder or config>`` in the current folder.
        img_scale: With a config, (width, height) in pixels that images are resized to fit into.
        background: Label 0 of label maps, see :func:`~mmbackbones.apis.check_data`.
        ignore_label: Pixels of this value in label maps are ignored.

    Returns:
        What was found and written. Images that cannot be read are in its ``unreadable``, and stop nothing.

    Raises:
        UserError: A mistake in the arguments, or data that a training run would refuse for another reason.
    """
    img_scale = checked_img_scale(img_scale)
    text, given_out = path_text('data', data), path_text('out', out)
    with TemporaryDirectory() as scratch, collecting_findings() as findings:
        if _is_config(source):
            cfg, root = _read_config(source, scratch, text, img_scale, background, ignore_label)
            folder = _check_out(given_out, config_name(source), root)
            found = load_dataset(
                cfg, root, builtin_dataset=data is None, background=background, ignore_label=ignore_label
            )
            use_dataset(cfg, found, builtin_dataset=data is None)
            survey = _survey(found, findings, masks=is_segmentor(cfg) or learns_masks(cfg))
            _check_apart(folder, survey)
            write_browse_page(folder, survey, _train(cfg, config_name(source), survey), {})
            return _result(folder, {folder / PAGE: survey})
        assert not isinstance(source, Config)
        if text is not None or img_scale is not None:
            option = '--data' if text is not None else '--img-scale'
            raise UserError(f'{option} goes with a config, but {source} is data: give a CONFIG in its place')
        root = generate_shapes() if os.fspath(source) == 'shapes' and not Path(source).exists() else absolute(source)
        folder = _check_out(given_out, root.stem if root.is_file() else root.name, root)
        surveys = _survey_folder(root, folder, scratch, findings, background, ignore_label)
        for path, survey in surveys.items():
            _check_apart(folder, survey)
            write_browse_page(path.parent, survey, None, _beside(path, surveys))
        return _result(folder, surveys)


def _is_config(source: ConfigLike) -> bool:
    """Whether `source` is a config, not data.

    Raises:
        UserError: It is neither.
    """
    if isinstance(source, Config):
        return True
    name = os.fspath(source)
    if not name:  # an unset shell variable
        raise UserError('the name of the data folder or config is empty: name one; the current folder is .')
    path = Path(source)
    if path.suffix == '.py' or (name in config_names() and not path.exists()):
        return True
    if not path.exists() and name != 'shapes':
        raise UserError(
            f'{name} is neither a data folder nor a config: give a folder, a YAML file that names the files of each '
            'split, the path of a config file, or the name of a config, such as retinanet_van_b'
        )
    return False


def _read_config(
    source: ConfigLike,
    scratch: str,
    data: str | None,
    img_scale: tuple[int, int] | None,
    background: str | None,
    ignore_label: int | None,
) -> tuple[Config, Path]:
    cfg = load_config(source, scratch, None)
    check_label_options(cfg, background, ignore_label)
    if img_scale:
        set_img_scale(cfg, *img_scale)
    root = resolve_data_root(cfg, data)
    if root is None:
        raise UserError(
            f'{config_name(source)} names annotation files of its own, which are trained on as they are: name the '
            'folder that holds them with --data DIR'
        )
    require_loaders(cfg)
    return cfg, absolute(root)


def _survey_folder(
    root: Path, folder: Path, scratch: str, findings: Findings, background: str | None, ignore_label: int | None
) -> dict[Path, Survey]:
    """The page of each kind of annotations in a folder -> what they are."""
    tasks = find_tasks(root)
    if not tasks:
        find_format(root)  # raises a UserError that says what to do
    if tasks == ['boxes'] and (background is not None or ignore_label is not None):
        raise UserError(
            f'--background and --ignore-label say how label maps are read, but {root} holds boxes: leave them out'
        )
    surveys: dict[Path, Survey] = {}
    if 'boxes' in tasks:
        surveys[folder / PAGE] = _survey(load_detection(root, Path(scratch, 'boxes')), findings)
    if 'label maps' in tasks:
        maps = load_segmentation(root, Path(scratch, 'maps'), background=background, ignore_label=ignore_label)
        surveys[(folder / _LABEL_MAPS if surveys else folder) / PAGE] = _survey(maps, findings)
    return surveys


def _survey(data: DetectionData | SegmentationData, findings: Findings, masks: bool = True) -> Survey:
    if isinstance(data, SegmentationData):
        return survey_label_maps(data, findings)
    return survey_boxes(data, findings, _drawn_whole if masks else lambda _: ())


def _drawn_whole(objects: Objects) -> set[int]:
    """The images that are drawn as a whole."""
    return {*choose_images(objects, max(NUMBER.values())), *chosen_images(len(objects.paths))}


def _train(cfg: Config, name: str, survey: Survey) -> Trained:
    fit = None
    objects = survey.splits['train']
    if not is_segmentor(cfg):
        assert isinstance(objects, Objects)
        fit = fit_anchors(cfg, objects.boxes[objects.used], objects.sizes[objects.image[objects.used]])
    return Trained(name, ModelInputs(cfg), fit)


def _check_out(out: str | None, name: str, root: Path) -> Path:
    """The folder to write to.

    Raises:
        UserError: It cannot be written to, holds files of others that would be replaced, or lies in the data folder,
            where pictures would pass for images of it.
    """
    folder = absolute(out if out is not None else Path('browse', name or 'data'))
    if root.is_dir() and Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(root)):
        raise UserError(
            f'--out: {folder} lies in the data folder {root}, to which nothing is written: name a folder elsewhere'
        )
    for place in (folder, folder / _LABEL_MAPS):
        check_own(place, '--out')
    require_writable(folder, '--out')
    return folder


def _check_apart(folder: Path, survey: Survey) -> None:
    """Refuse to write among the images, which a YAML file or a config may name anywhere."""
    place = Path(os.path.realpath(folder))
    for images in {os.path.dirname(path) for content in survey.splits.values() for path in content.paths}:
        if place.is_relative_to(os.path.realpath(images)):
            raise UserError(f'--out: {folder} lies among the images in {images}: name a folder elsewhere')


def _beside(path: Path, surveys: Mapping[Path, Survey]) -> dict[str, str]:
    """What the other pages are of -> their places, relative to that of `path`."""
    return {
        'boxes' if survey.has_boxes else 'label maps': Path(os.path.relpath(other, path.parent)).as_posix()
        for other, survey in surveys.items()
        if other != path
    }


def _across_splits(leaks: int, groups: int) -> str:
    if groups < 2:
        return ', in several splits' if leaks else ''
    return f', {leaks} of them in several splits'


def _result(out: Path, surveys: Mapping[Path, Survey]) -> BrowseResult:
    lines = []
    for path, survey in surveys.items():
        suspects, leaks = sum(map(len, survey.suspects.values())), len(survey.leaks)
        lines.append(survey.data.summary)
        lines.append(
            f'{counted(suspects, "suspicious label")}; {counted(len(survey.similar), "group")} of nearly the same '
            f'image{_across_splits(leaks, len(survey.similar))}'
        )
        lines.append(f'written to {shown_path(path)}')
    first = next(iter(surveys.values()))
    return BrowseResult(
        out=out,
        pages=tuple(surveys),
        images={split: len(content.paths) for split, content in first.splits.items()},
        suspicious=sum(len(found) for survey in surveys.values() for found in survey.suspects.values()),
        near_duplicates=len(first.similar),
        leaks=len(first.leaks),
        unreadable=first.unreadable,
        lines=tuple(lines),
    )
