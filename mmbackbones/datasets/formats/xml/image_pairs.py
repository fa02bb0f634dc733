"""Which image an annotation file belongs to, where each image has one of the same name."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ....errors import UserError
from ...checks.images import SUFFIXES
from ..folder import Folder
from ..path_ends import stem_of

# Folders that tell what kind of files they hold, so that images/day/a.jpg belongs to annotations/day/a.xml.
_KINDS = {
    *('images', 'image', 'imgs', 'img', 'jpegimages', 'photos', 'pictures'),
    *('annotations', 'annotation', 'annots', 'labels', 'label', 'xmls', 'xml'),
}


@dataclass(frozen=True)
class AnnotatedImages:
    """The images in a folder and their annotation files; paths are relative to the folder.

    Attributes:
        files: Image -> its annotation file.
        images: The images in the folders that hold an annotated one, sorted, whether they are annotated or not.
        elsewhere: Images in other folders.
        spare: Annotation files without an image.
    """

    files: dict[str, str]
    images: list[str]
    elsewhere: list[str]
    spare: list[str]


def pair_by_name(folder: Folder, suffix: str) -> AnnotatedImages:
    """Pair each annotation file with the image of the same name.

    They are in the same folder, or in folders that are named after their kind, or else no other image and no other
    annotation file has the name, in whatever folder.

    Args:
        folder: The data folder.
        suffix: Suffix of annotation files, with its dot.

    Raises:
        UserError: Two files claim the same one, or most annotation files have no image.
    """
    all_images, all_files = folder.walk('', SUFFIXES), folder.walk('', {suffix})
    files: dict[str, str] = {}
    unmatched = all_files
    for key_of in (_place_and_stem, stem_of):
        images, wanted = _group(key_of, set(all_images) - files.keys()), _group(key_of, unmatched)
        unmatched = []
        for key, found in wanted.items():
            candidates = images.get(key) or images.get(os.path.splitext(key)[0], [])  # of a.xml, of a.jpg.xml
            if not candidates or (key_of is stem_of and max(len(found), len(candidates)) > 1):
                unmatched += found
                continue
            for one, several in ((found, candidates), (candidates, found)):
                if len(several) > 1:
                    raise UserError(f'{folder.root}: {several[0]} and {several[1]} both belong to {one[0]}: keep one')
            files[candidates[0]] = found[0]
    if 2 * len(unmatched) > len(all_files):
        raise UserError(
            f'{folder.root}: {len(unmatched)} of {len(all_files)} {suffix[1:].upper()} files have no image of the same '
            f'name, such as {min(unmatched)}: put their images beside them or into images/'
        )
    places = {os.path.dirname(image) for image in files}
    used = [image for image in all_images if os.path.dirname(image) in places]
    return AnnotatedImages(files, used, sorted(set(all_images).difference(used)), sorted(unmatched))


def _group(key_of: Callable[[str], str], files: Iterable[str]) -> dict[str, list[str]]:
    groups = defaultdict(list)
    for file in sorted(files):
        groups[key_of(file)].append(file)
    return groups


def _place_and_stem(file: str) -> str:
    *places, name = os.path.splitext(file)[0].split('/')
    return '/'.join([*(place for place in places if place.lower() not in _KINDS), name])
