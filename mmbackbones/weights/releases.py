"""The table of every checkpoint that the backbones' authors released, by short name.

``init_cfg=dict(type='Pretrained', checkpoint='van-b2')`` takes these names, as does every argument that takes a file.
What is not known is left out: no address, hash or accuracy here is a guess.
"""

from .families import FAMILIES
from .release import Release

RELEASES: dict[str, Release] = {release.name: release for family in FAMILIES for release in family.RELEASES}
# A pattern that only keys of a layout match -> its name, for layouts that are not those of a family's authors.
LAYOUTS: dict[str, str] = {
    pattern: name for family in FAMILIES for pattern, name in getattr(family, 'LAYOUTS', {}).items()
}
