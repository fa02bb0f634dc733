"""The page of ``browse``, its sheets, and the list of all that was found."""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ...datasets.survey.objects import Objects
from ...datasets.survey.survey import Survey
from ...datasets.survey.suspicious import Suspect
from ...engine.anchors import AnchorFit
from ...engine.model_inputs import ModelInputs
from ...errors import UserError
from ...utils.files import read_bytes, write_text
from ...utils.progress import watch
from ...utils.text import counted
from ..rendering import Section, write_page
from .anchors import anchors_section, fit_table
from .classes import classes_section, classes_table, draw_examples
from .drawn import named
from .inputs import DRAWS, draw_inputs, inputs_section
from .overview import overview_section
from .samples import draw_samples, samples_section
from .sheets import Picture, write_sheet
from .similar import draw_similar, similar_section
from .sizes import sizes_section
from .suspicious import by_kind, draw_suspects, suspicious_section

PAGE = 'index.html'
FINDINGS = 'findings.json'
_GROUPS = 'near_duplicate_groups'  # in the findings of any call, and hardly in a file of that name by anyone else
_SPLITS = ('train', 'val', 'test')
_SHEETS = (*_SPLITS, 'classes', 'model_inputs', 'near_duplicates', 'suspicious')
_COLUMNS = 6

K = TypeVar('K')


@dataclass(frozen=True)
class Trained:
    """What a config makes of a data set.

    Attributes:
        config: Name of the config.
        inputs: What its model is given.
        fit: How well its anchors fit; None for models without anchors.
    """

    config: str
    inputs: ModelInputs
    fit: AnchorFit | None


def check_own(out: Path, option: str) -> None:
    """Refuse a folder whose files of the names that are written are someone else's.

    Args:
        out: Folder for the page.
        option: The option that names it, for messages.

    Raises:
        UserError: It holds such a file, and no list of findings of an earlier call.
    """
    taken = [name for name in (PAGE, FINDINGS, *(f'{name}.png' for name in _SHEETS)) if os.path.lexists(out / name)]
    if taken and not _is_own(out / FINDINGS):
        raise UserError(
            f'{option}: {out} holds {named(taken)}, but not of an earlier call of browse: name another folder'
        )


def _is_own(findings: Path) -> bool:
    try:
        content = json.loads(read_bytes(findings))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and _GROUPS in content


def write_browse_page(out: Path, survey: Survey, trained: Trained | None, beside: Mapping[str, str]) -> None:
    """Write the page, its sheets and the list of what was found.

    Args:
        out: Folder for them.
        survey: The data set.
        trained: What a config makes of it, if there is one.
        beside: Other pages of the same folder: what they are of -> their place, relative to this one.

    Raises:
        UserError: The pipeline of the config fails, or the page cannot be written.
        OSError: A sheet cannot be written.
    """
    samples = _grouped(watch(draw_samples(survey), None, 'Drawing'))
    examples = dict(watch(draw_examples(survey), None, 'Drawing examples of classes'))
    inputs = list(draw_inputs(survey, trained.inputs)) if trained else []
    similar = list(draw_similar(survey))
    suspects = _grouped(draw_suspects(survey))
    sections = [overview_section(survey, beside), classes_section(survey, examples), sizes_section(survey)]
    sections.append(samples_section(survey, samples))
    if trained:
        sections.append(inputs_section(trained.config, trained.inputs.steps, inputs))
    if trained and trained.fit:
        sections.append(anchors_section(trained.config, trained.fit, trained_areas(survey)))
    sections += [similar_section(survey, similar), suspicious_section(survey, suspects)]

    figures = _figures(survey, trained)
    # First: a call that is stopped after it leaves a folder that `check_own` knows.
    write_text(out / FINDINGS, json.dumps(figures | _lists(survey), indent=1))
    sheets = {split: (samples.get(split, []), _COLUMNS) for split in _SPLITS}
    sheets['classes'] = list(examples.values()), 2
    sheets['model_inputs'] = inputs, 1 + DRAWS
    sheets['near_duplicates'] = similar, _COLUMNS
    sheets['suspicious'] = [picture for found in suspects.values() for picture in found], _COLUMNS
    for name in _SHEETS:
        pictures, columns = sheets[name]
        if pictures:
            write_sheet(pictures, out / f'{name}.png', columns)
        else:  # of an earlier call
            (out / f'{name}.png').unlink(missing_ok=True)
    _write(out / PAGE, survey, trained, sections, figures)


def trained_areas(survey: Survey) -> np.ndarray:
    """Area of each box that is trained on."""
    objects = survey.splits['train']
    assert isinstance(objects, Objects)
    return objects.areas[objects.used]


def _write(
    path: Path, survey: Survey, trained: Trained | None, sections: list[Section], figures: dict[str, Any]
) -> None:
    data = survey.data
    subtitle = f'{data.root} · {data.format} · {counted(len(data.classes), "class", "classes")}'
    if trained:
        subtitle += f' · as {trained.config} is trained on it'
    write_page('base.html', path, title=data.root.name, subtitle=subtitle, sections=sections, figures=figures)


def _figures(survey: Survey, trained: Trained | None) -> dict[str, Any]:
    figures: dict[str, Any] = dict(
        images={split: len(content.paths) for split, content in survey.splits.items()},
        classes=classes_table(survey).records(),
        classes_in_one_split=survey.one_split_classes,
        classes_nowhere=survey.unused_classes,
        suspicious={kind: len(found) for kind, found in by_kind(survey).items()},
        near_duplicates=dict(groups=len(survey.similar), between_splits=len(survey.leaks)),
    )
    if survey.has_boxes:
        figures['objects'] = {split: int(content.per_image.sum()) for split, content in survey.splits.items()}
    if trained and trained.fit:
        figures['anchors'] = fit_table(trained.fit, trained_areas(survey)).records()
    return figures


def _lists(survey: Survey) -> dict[str, Any]:
    """Everything that was found, image by image, for those who mend it."""
    return {
        'unreadable_files': survey.unreadable,
        _GROUPS: [[dict(split=split, image=path) for split, path in group] for group in survey.similar],
        'suspicious_labels': [
            _record(split, suspect) for split, suspects in survey.suspects.items() for suspect in suspects
        ],
    }


def _record(split: str, suspect: Suspect) -> dict[str, Any]:
    boxes = [[round(value, 2) for value in box] for box in suspect.boxes]
    return dict(kind=suspect.kind, split=split, image=suspect.image, classes=suspect.names, boxes=boxes)


def _grouped(items: Iterable[tuple[K, Picture]]) -> dict[K, list[Picture]]:
    groups = defaultdict[K, list[Picture]](list)
    for key, picture in items:
        groups[key].append(picture)
    return dict(groups)
