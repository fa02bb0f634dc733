"""Swapped labels, and where they stand among the likely label errors of a model that is trained on them for minutes."""

import io
import json
import time
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import mmbackbones

from ..datasets.shapes import generate_shapes
from ..evaluation.diagnosis import DetectionDiagnosis, diagnose, read_results

CONFIG = 'retinanet_van_t_demo'
SWAPPED = 0.02  # share of the objects
FIRST = 0.05  # share of the list in which they should be
LEARNING_RATE = 7e-4


def swap_labels(file: Path, share: float, seed: int) -> set[int]:
    """Give some objects of a COCO file another class, in place.

    Args:
        file: The file.
        share: How many of its objects; at least one is.
        seed: Of which ones, and which class.

    Returns:
        Their ids.
    """
    generator = np.random.default_rng(seed)
    content = json.loads(file.read_text())
    classes = [category['id'] for category in content['categories']]
    objects = content['annotations']
    chosen = generator.choice(len(objects), max(1, round(share * len(objects))), replace=False)
    for place in chosen.tolist():
        others = [number for number in classes if number != objects[place]['category_id']]
        objects[place]['category_id'] = int(generator.choice(others))
    file.write_text(json.dumps(content))
    return {objects[place]['id'] for place in chosen.tolist()}


def places_in_list(diagnosis: DetectionDiagnosis, ids: set[int]) -> list[int]:
    """Where objects stand in the list of likely label errors, counted from 1, rising."""
    return [place for place, error in enumerate(diagnosis.label_errors, 1) if error.truth_id in ids]


def run(train: int = 4000, val: int = 400, size: int = 128, epochs: int = 4) -> None:
    """Print the table of docs/label_errors.md.

    Args:
        train: Number of training images.
        val: Number of images that are looked at.
        size: Their width and height in pixels.
        epochs: Length of the training.
    """
    with TemporaryDirectory() as folder:
        data = generate_shapes(Path(folder, 'shapes'), num_train=train, num_val=val, size=size)
        swap_labels(data / 'annotations/train.json', SWAPPED, seed=0)
        ids = swap_labels(data / 'annotations/val.json', SWAPPED, seed=1)
        start = time.perf_counter()
        with redirect_stdout(io.StringIO()):
            trained = mmbackbones.train(
                CONFIG,
                data=data,
                img_scale=(size, size),
                epochs=epochs,
                lr=LEARNING_RATE,
                work_dir=Path(folder, 'run'),
                cfg_options={'train_cfg.val_interval': epochs},
            )
            assert trained.checkpoint
            mmbackbones.test(trained.checkpoint, data=data, work_dir=Path(folder, 'test'))
        seconds = time.perf_counter() - start
        results = read_results(Path(folder, 'test'))
        diagnosis = diagnose(results)
    assert isinstance(diagnosis, DetectionDiagnosis)
    places, listed = places_in_list(diagnosis, ids), len(diagnosis.label_errors)
    first = sum(place <= FIRST * listed for place in places)
    print(f'trained in {seconds:.0f} s: bbox_mAP_50 {results.metrics["bbox_mAP_50"]:.3f}\n')
    print('| objects | swapped | listed | swapped among the first 5 % | place of the last |')
    print('|---|---|---|---|---|')
    print(
        f'| {len(results.truths)} | {len(places)} | {listed} | {first} | {places[-1]} ({places[-1] / listed:.1%}) |',
        flush=True,
    )
