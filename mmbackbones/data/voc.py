"""Pascal VOC (Everingham et al., IJCV 2010): an XML file per image, corners as 1-based pixel indices, inclusive."""

import math
from collections import defaultdict
from functools import cache, partial
from pathlib import Path
from xml.etree import ElementTree

from ..errors import UserError
from .files import leaves, read_text
from .images import image_sizes
from .source import Annotations, Layout, Source, plan

CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')


def pascal_voc(root: Path) -> Layout | None:
    images, lists = root / 'JPEGImages', root / 'ImageSets' / 'Main'
    if not images.is_dir() or not (root / 'Annotations').is_dir():
        return None
    stems = {
        split: list(dict.fromkeys(line.strip() for line in read_text(file).splitlines() if line.strip()))
        for split in ('train', 'val', 'test', 'trainval')
        if (file := lists / f'{split}.txt').is_file()
    }
    whole = stems.pop('trainval', None)
    if whole and not {'train', 'val'} <= stems.keys():
        stems = {'train': whole} | {split: stems[split] for split in stems.keys() & {'test'}}
        names = {'train': 'trainval', 'test': 'test'}
    else:
        names = {split: split for split in stems}
    if not stems:
        raise UserError(f'{lists} lists no images: it has none of train.txt, val.txt, trainval.txt and test.txt.')

    @cache  # the classes are those that occur in any split, so every file is read, once
    def parsed() -> dict[str, tuple[str, list[dict]]]:
        files = {stem: root / 'Annotations' / f'{stem}.xml' for split in stems for stem in stems[split]}
        return {stem: _parse(file) for stem, file in files.items() if not leaves(stem) and file.is_file()}

    def read(split: str) -> Annotations:
        list_file = lists / f'{names[split]}.txt'
        for stem in stems[split]:
            if stem not in parsed():
                raise UserError(f'{list_file} names {stem!r}, but there is no Annotations/{stem}.xml below {root}.')
        classes = sorted({item['name'] for _, objects in parsed().values() for item in objects})
        ids = {name: number for number, name in enumerate(classes, 1)}
        endings = defaultdict(list)
        for path in sorted(images.iterdir()):
            endings[path.stem].append(path.suffix)
        files = [_file_name(stem, parsed()[stem][0], endings[stem]) for stem in stems[split]]
        sizes = image_sizes(root, images, files, str(list_file))
        entries, annotations = [], []
        for number, (stem, file, (width, height)) in enumerate(zip(stems[split], files, sizes, strict=True), 1):
            entries.append({'id': number, 'file_name': file, 'width': width, 'height': height})
            for item in parsed()[stem][1]:
                box = item['bbox']
                annotations.append({
                    'id': len(annotations) + 1, 'image_id': number, 'category_id': ids[item['name']], 'bbox': box,
                    'area': box[2] * box[3], 'iscrowd': item['difficult'],
                })  # fmt: skip
        categories = [{'id': number, 'name': name} for name, number in ids.items()]
        data = {'images': entries, 'annotations': annotations, 'categories': categories}
        return Annotations(data, images, sizes=sizes)

    sources = [
        Source(f'ImageSets/Main/{names[splits[0]]}.txt', splits, partial(read, splits[0])) for splits, _ in plan(stems)
    ]
    return Layout('Pascal VOC', sources, common_classes=True)


def _parse(file: Path) -> tuple[str, list[dict]]:
    """The image's `filename` and its objects: name, bbox (x, y, width, height), difficult (0 or 1)."""
    try:
        raw = file.read_bytes()
        if b'<!DOCTYPE' in raw:
            raise UserError(f'{file} declares a document type, which VOC files do not need: entities are not expanded.')
        tree = ElementTree.fromstring(raw)
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
        difficult = int((item.findtext('difficult') or '').strip() == '1')  # VOC's evaluation ignores these
        objects.append({'name': name, 'bbox': [left - 1, top - 1, width, height], 'difficult': difficult})
    return tree.findtext('filename') or '', objects


def _file_name(stem: str, named: str, endings: list[str]) -> str:
    """`filename` is often wrong or left over from a conversion, so it only decides between files that are there."""
    ending = Path(named.strip()).suffix
    return stem + (ending if ending in endings else next(iter(endings), '.jpg'))
