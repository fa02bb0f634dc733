"""Pascal VOC (Everingham et al., IJCV 2010): an XML file per image, corners as 1-based pixel indices, inclusive."""

import math
import os
from collections import defaultdict
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from ...errors import UserError
from ...utils.files import leaves, read_bytes, read_text, written_here
from ...utils.text import short
from ..checks.annotations import NoAnnotationsError
from ..checks.images import SUFFIXES, read_images
from ..checks.sizes import contradiction, parse_side
from .base import Annotations, Layout, Source, plan
from .split_names import describe_unused, find_splits, split_of

CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')
_YES, _NO = {'1', '1.0', 'true', 'yes'}, {'0', '0.0', 'false', 'no', '', 'unspecified'}  # as tools write them


def pascal_voc(root: Path) -> Layout | None:
    images, lists = root / 'JPEGImages', root / 'ImageSets' / 'Main'
    if not images.is_dir() or not (root / 'Annotations').is_dir():
        return None
    there = {path.stem for path in lists.glob('*.txt') if not path.name.startswith('.') and not path.is_dir()}
    names = find_splits(filter(split_of, there), str(lists))
    stems = {split: _read_list(lists / f'{name}.txt', root) for split, name in names.items()}
    if 'trainval' in there and not {'train', 'val'} <= stems.keys():
        whole = _read_list(lists / 'trainval.txt', root)
        other = 'val' if 'train' in stems else 'train'  # what trainval.txt has besides the one that is given
        given = set(stems.get('train', stems.get('val', ())))
        stems[other] = [stem for stem in whole if stem not in given]
        names = names | {other: 'trainval'}
        stems = {split: stems[split] for split in ('train', 'val', 'test') if stems.get(split)}
    if not stems:
        raise UserError(f'{lists} lists no images: it has none of train.txt, val.txt, trainval.txt and test.txt.')

    @cache  # the classes are those that occur in any split, so every file is read, once
    def parsed() -> dict[str, _Content]:
        files = {stem: root / 'Annotations' / f'{stem}.xml' for split in stems for stem in stems[split]}
        content = {stem: _parse(file) for stem, file in files.items() if not leaves(stem) and os.path.exists(file)}
        _refuse_shares(content, root)
        return content

    def read(split: str) -> Annotations:
        list_file = lists / f'{names[split]}.txt'
        if stems[split] and not any(stem in parsed() for stem in stems[split]):
            raise NoAnnotationsError(
                f'{list_file} names {stems[split][0]!r}, but there is no '
                f'Annotations/{stems[split][0]}.xml below {root}, nor that of any other.'
            )
        for stem in stems[split]:
            if stem not in parsed():
                raise UserError(f'{list_file} names {stem!r}, but there is no Annotations/{stem}.xml below {root}.')
        classes = sorted({item['name'] for content in parsed().values() for item in content.objects})
        ids = {name: number for number, name in enumerate(classes, 1)}
        endings = _endings(images, stems[split])
        files = [_file_name(stem, parsed()[stem].file_name, endings[stem]) for stem in stems[split]]
        found = read_images(root, images, files, str(list_file))
        entries, annotations = [], []
        for number, (stem, file, info) in enumerate(zip(stems[split], files, found, strict=True), 1):
            if fault := contradiction(parsed()[stem].size, info):
                raise UserError(f'{root / "Annotations" / stem}.xml: the image JPEGImages/{file} {fault}.')
            entries.append({'id': number, 'file_name': file, 'width': info.width, 'height': info.height})
            for item in parsed()[stem].objects:
                box = item['bbox']
                annotations.append({
                    'id': len(annotations) + 1, 'image_id': number, 'category_id': ids[item['name']], 'bbox': box,
                    'area': box[2] * box[3], 'iscrowd': item['difficult'],
                })  # fmt: skip
        categories = [{'id': number, 'name': name} for name, number in ids.items()]
        data = {'images': entries, 'annotations': annotations, 'categories': categories}
        return Annotations(data, images, images=found)

    sources = [
        Source(f'ImageSets/Main/{names[splits[0]]}.txt', splits, partial(read, splits[0])) for splits, _ in plan(stems)
    ]
    # VOC's own lists of a class, such as cat_val.txt, say no more than the annotations.
    unused = {
        stem
        for stem in there - {*names.values(), 'trainval'}
        if not stem.endswith(('_train', '_val', '_test', '_trainval'))
    }
    # A list of a split may lie where other tools look for it.
    elsewhere = [path for place in (root, lists.parent) for path in place.glob('*.txt') if split_of(path.stem)]
    notes = describe_unused(
        [
            *(f'ImageSets/Main/{stem}.txt' for stem in unused),
            *(path.relative_to(root).as_posix() for path in elsewhere),
        ],
        root,
    )
    return Layout('Pascal VOC', sources, common_classes=True, notes=notes)


class _Content(NamedTuple):
    file_name: str  # the image's; often wrong
    size: tuple[int | None, int | None]  # width, height; None: not said
    objects: list[dict]  # name, bbox (x, y, width, height), difficult (0 or 1)


def _read_list(file: Path, root: Path) -> list[str]:
    lines = (line.strip() for line in read_text(file).splitlines())
    stems = dict.fromkeys(line for line in lines if line)
    return [written_here(root / 'Annotations', f'{stem}.xml').removesuffix('.xml') for stem in stems]


class _DoctypeError(Exception):
    pass


class _NoDoctype(ElementTree.TreeBuilder):
    def doctype(self, *_) -> None:  # called in any encoding, before an entity is read
        raise _DoctypeError


def _parse(file: Path) -> _Content:
    try:
        tree = ElementTree.fromstring(read_bytes(file), ElementTree.XMLParser(target=_NoDoctype()))
    except _DoctypeError as error:
        raise UserError(
            f'{file} declares a document type, which VOC files do not need: entities are not expanded.'
        ) from error
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise UserError(f'{file} is not a readable XML file: {error}.') from error
    objects = []
    for number, item in enumerate(tree.findall('object'), 1):
        name = (item.findtext('name') or '').strip()
        if not name:
            raise UserError(f'{file}: object {number} has no name.')
        texts = [item.findtext(f'bndbox/{corner}') for corner in CORNERS]
        try:
            left, top, right, bottom = (float(text) for text in texts)
        except (TypeError, ValueError) as error:
            raise UserError(f'{file}: object {number} needs a number for each of {", ".join(CORNERS)}.') from error
        width, height = right - left + 1, bottom - top + 1
        if not (math.isfinite(width) and math.isfinite(height)) or width < 0 or height < 0:
            raise UserError(f'{file}: object {number} has the corners {", ".join(texts)}, which do not make a box.')
        difficult = (item.findtext('difficult') or '').strip().lower()  # VOC's evaluation ignores these
        if difficult not in _YES | _NO:
            raise UserError(
                f'{file}: object {number} has <difficult>{short(difficult)[1:-1]}</difficult>, which is '
                'neither 0 nor 1.'
            )
        objects.append({'name': name, 'bbox': [left - 1, top - 1, width, height], 'difficult': int(difficult in _YES)})
    try:
        size = tuple(parse_side(tree.findtext(f'size/{side}')) for side in ('width', 'height'))
    except ValueError as error:
        raise UserError(f'{file}: the size of the image, {error}, is not a number of pixels.') from error
    return _Content(tree.findtext('filename') or '', size, objects)


def _refuse_shares(content: dict[str, _Content], root: Path) -> None:
    """Pixels are counted from 1 here, so that the far corner of a box is never within 1 but in shares of the image."""
    boxes = [item['bbox'] for found in content.values() for item in found.objects]
    if boxes and all(x + w <= 1 and y + h <= 1 for x, y, w, h in boxes):
        raise UserError(
            f'{root / "Annotations"}: the corners of all {len(boxes)} boxes lie between 0 and 1: they look '
            'like shares of the image, where pixels are wanted.'
        )


def _endings(images: Path, stems: list[str]) -> dict[str, list[str]]:
    """Stem -> the endings of the files there that are called so; those of images first."""
    endings = defaultdict(list)
    for folder in {os.path.dirname(stem) for stem in stems}:
        with suppress(OSError):  # then its images are missing
            for name in sorted(os.listdir(images / folder)):
                stem, ending = os.path.splitext(name)
                endings[os.path.join(folder, stem)].append(ending)
    for found in endings.values():
        found.sort(key=lambda ending: ending.lower() not in SUFFIXES)
    return endings


def _file_name(stem: str, named: str, endings: list[str]) -> str:
    """`filename` is often wrong or left over from a conversion, so it only decides between files that are there."""
    ending = Path(named.strip()).suffix
    return stem + (ending if ending in endings else next(iter(endings), '.jpg'))
