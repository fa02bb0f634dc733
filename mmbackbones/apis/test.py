"""The verb ``test``: evaluation of a checkpoint."""

# ruff: noqa: PT028 - the function `test` is no test

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import is_main_process

from ..engine.amp import test_in_half_precision
from ..engine.augmentation import augment
from ..engine.dataset_config import apply_dataset, is_segmentor, resolve_data_root
from ..engine.float32_heads import float32_heads
from ..engine.hooks import showing_progress
from ..engine.img_scale import checked_img_scale, set_img_scale
from ..engine.initial_weights import drop_pretrained
from ..engine.kept_memory import keeping_freed_memory
from ..engine.label_options import LabelOptions, check_label_options
from ..engine.lean_runner import LeanRunner
from ..engine.log import begin_log, log_operators, logging_prints, logging_warnings
from ..engine.metric_config import check_output_names, use_exact_metrics
from ..engine.option_errors import blaming, building
from ..engine.options import flatten
from ..engine.processes.distributed import init_distributed, main_process_first, noticing_lost_processes
from ..engine.processes.sharding import drop_sharding
from ..engine.rehearsal import rehearse_test
from ..engine.run_header import print_test
from ..engine.saved_predictions import check_predictions_file, set_result_files
from ..engine.tile_config import checked_tile, tile_config
from ..engine.work_dir import work_dir_for_test
from ..errors import UserError, printable
from ..evaluation.summary import tidy_metrics, write_metrics
from ..utils.arguments import check_counts, check_switches
from ..utils.config_files import ConfigLike
from ..utils.folders import require_writable
from ..utils.paths import path_text, shown_path
from ..utils.text import counted
from .tested_model import check_exported, tested_model


@logging_warnings()
@noticing_lost_processes()
def test(
    checkpoint: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    config: ConfigLike | None = None,
    img_scale: tuple[int, int] | None = None,
    batch_size: int | None = None,
    amp: bool = False,
    tta: bool = False,
    tile: tuple[int, int] | None = None,
    overlap: float = 0.2,
    show_dir: str | os.PathLike[str] | None = None,
    save_predictions: str | os.PathLike[str] | None = None,
    work_dir: str | os.PathLike[str] | None = None,
    launcher: str = 'none',
    cfg_options: dict | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
) -> dict[str, float]:
    """Evaluate a checkpoint on the ``test`` split of the data if there is one, else on ``val``.

    Example:
        >>> import mmbackbones as mmb
        >>> metrics = mmb.test('work_dirs/retinanet_van_t/epoch_12.pth', data='photos')
        >>> metrics['bbox_mAP_50']
        0.8125

    Args:
        checkpoint: File or URL of a trained model, or a file that :func:`~mmbackbones.apis.export` wrote.
        data: ``shapes``, or a folder in any of the known formats; None for the data set that the config names. Classes
            keep the label order of the checkpoint.
        config: Path of a config file, the name of a config of this package, or a config; None for the config that the
            checkpoint was trained with, which is in it and is read as data.
        img_scale: Width and height in pixels that images are resized to fit into.
        batch_size: Images that are computed at once; None for as the config says, and for 1 without `config`. Those of
            a batch are padded to one size, which may change predictions a little.
        amp: Whether to compute in half precision: float16 on GPUs, bfloat16 on CPUs that have
            instructions for it.
        tta: Test-time augmentation: average over scales and flips.
        tile: Width and height in pixels of tiles in which images are predicted as well as whole, for small objects in
            large images; None for whole only. A tile is resized as an image would be.
        overlap: Share of a tile that its neighbors cover, too, from 0 to below 0.9.
        show_dir: Folder for images of the predictions beside the ground truth, in the same subfolders as the images.
        save_predictions: JSON file for all that is predicted, in the COCO form that ``predict`` writes as well: all
            objects that a detector finds, whatever their score, and of a segmentor the pixels of each class. None:
            ``predictions.json`` beside ``metrics.json``.
        work_dir: Folder for ``metrics.json``, ``predictions.json`` and ``ground_truth.json``; None for
            ``work_dirs/<config>`` or, without `config`, for the folder of the training run that the checkpoint lies in,
            else ``work_dirs/<checkpoint>``. In the folder of a training run only the subfolder ``test`` is written to.
        launcher: What started the processes: ``none``, ``pytorch``, ``slurm`` or ``mpi``. Each process tests a part of
            the images.
        cfg_options: Config entries to override, by dotted names.
        background: How label maps are numbered, as in :func:`~mmbackbones.apis.train`; None for as in training.
        ignore_label: Label whose pixels are ignored in label maps; None for as in training.

    Returns:
        The metrics, as written to ``metrics.json``.

    Raises:
        UserError: A mistake in the arguments, the data or the files, or a checkpoint whose config cannot be used.
    """
    checkpoint, options = os.fspath(checkpoint), flatten(cfg_options)
    data, show_dir = path_text('data', data), path_text('show_dir', show_dir)
    work_dir = path_text('work_dir', work_dir)
    save_predictions = path_text('save_predictions', save_predictions)
    img_scale = checked_img_scale(img_scale)
    check_switches(amp=amp, tta=tta)
    check_counts(batch_size=batch_size)
    tile = checked_tile(tile, overlap, tta)
    check_exported(checkpoint, amp, launcher)
    begin_log()
    with building('', options):
        model = tested_model(checkpoint, config, data is None, work_dir, cfg_options, options)
        cfg = model.cfg
    labels = LabelOptions(background=background, ignore_label=ignore_label)
    check_label_options(cfg, **labels)
    drop_sharding(cfg)
    init_distributed(cfg, launcher)
    with building('', options):
        use_exact_metrics(cfg)
        if img_scale:
            set_img_scale(cfg, *img_scale)
        if batch_size and 'test_dataloader.batch_size' not in options:
            cfg.test_dataloader.batch_size = batch_size
        if amp:
            test_in_half_precision(cfg)
        if tta:
            augment(cfg)
        if tile:
            tile_config(cfg, tile, overlap)
    _prepare_folders(cfg, show_dir, save_predictions)
    with model.limited(), model.frugal():  # later, the data set takes memory, too
        rehearse_test(cfg, options)
    classes = model.classes()
    trained = [option for option, value in labels.items() if value is None]
    if is_segmentor(cfg):
        labels = model.labels(labels)
    root = resolve_data_root(cfg, data, 'train' if config else 'test')
    splits = ('val', 'test')
    apply_dataset(cfg, root, builtin_dataset=data is None, splits=splits, classes=classes, trained=trained, **labels)
    drop_pretrained(cfg)
    if config is None:
        cfg.train_dataloader = None  # it has only told which data the model is made for
    model.load_weights(cfg)
    if show_dir:
        cfg.custom_hooks.append(dict(type='DrawHook', folder=show_dir))
    with building('', options), model.limited(), noticing_lost_processes(), logging_prints():
        runner = LeanRunner.from_cfg(cfg)
        _ = runner.test_loop  # built on first access
    log_operators(cfg)
    saved = set_result_files(runner, save_predictions, checkpoint)
    dataset = runner.test_loop.dataloader.dataset
    check_output_names(cfg, dataset)
    print_test(runner, checkpoint)
    with (
        blaming(options, 'testing with this config fails'),
        _sizes_that_fit(),
        float32_heads(runner.model),
        showing_progress(runner),
        keeping_freed_memory(runner),
        noticing_lost_processes(),
    ):
        metrics = tidy_metrics(runner.test())
    path = Path(cfg.work_dir) / 'metrics.json'
    main_process_first(lambda: write_metrics(metrics, path))
    if is_main_process():
        print(f'metrics of {counted(len(dataset), "image")} written to', printable(shown_path(path)))
        files = (('predictions', saved.predictions), ('ground truth', saved.ground_truth)) if saved else ()
        for name, file in files:
            if file:
                print(f'{name} written to {printable(shown_path(file))}')
    return metrics


def _prepare_folders(cfg: Config, show_dir: str | None, save_predictions: str | None) -> None:
    """Choose the work directory, and refuse what cannot be written to."""
    if save_predictions:
        check_predictions_file(cfg, save_predictions)
    cfg.work_dir = main_process_first(lambda: work_dir_for_test(cfg.work_dir))
    main_process_first(lambda: require_writable(cfg.work_dir, '--work-dir'))
    if show_dir:
        main_process_first(lambda: require_writable(show_dir, '--show-dir'))
    if save_predictions:
        main_process_first(lambda: require_writable(Path(save_predictions).parent, '--save-predictions'))


@contextmanager
def _sizes_that_fit() -> Iterator[None]:
    """Turn MMSegmentation's refusal of images of several sizes in a batch into a sentence."""
    try:
        yield
    except AssertionError as error:
        if 'image size in a batch' not in str(error):
            raise
        raise UserError(
            'the images have several sizes, and this segmentor takes batches of one size only: give --batch-size 1'
        ) from error
