"""What a backbone attends to from a point of an image, as arrays, pictures and files."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...backbones import PyramidBackbone
from ...layers import SpatiallyAwareAttention
from ...utils.atomic_write import atomic_write
from ...utils.progress import watch
from ..picture_file import write_picture
from .features import mean_activation, principal_components
from .kinds import KINDS
from .look import count, look
from .over_image import lay_over, on_the_image
from .panel import draw_panel
from .shade import mark_point, shade
from .weights import Values

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AttentionMap:
    """One map of one stage.

    Attributes:
        stage: 1 to 4, or 0 for the stem.
        kind: A key of :data:`~mmbackbones.visualization.attention.kinds.KINDS`, such as ``features`` or ``global``.
        layer: Name of the layer in the backbone that it is of; None for a feature map and a receptive field.
        map: The values over the image, averaged over heads or channels, float32 (h, w); h and w are the height and
            width of the image as the network sees it. Each pixel has the value of the token that it lies in.
        values: The values as computed: weights (heads, rows, columns), a gate (channels, rows, columns), or a single
            (1, rows, columns). A place's weights may lie on zeros beyond the border of the map, too.
        box: Where they lie: left, top, right and bottom, in pixels of `map`.
        elsewhere: What lacks for a sum of 1 in each head, because it lies on other tokens, (heads,); None: nothing.
    """

    stage: int
    kind: str
    layer: str | None
    map: Floats
    values: Floats
    box: tuple[float, float, float, float]
    elsewhere: Floats | None = None

    @property
    def share(self) -> float:
        """Of weights, the part that lies on the image; the rest lies on padding, beyond the border, or elsewhere."""
        left, top, right, bottom = self.box
        height, width = self.map.shape
        rows = on_the_image(self.values.shape[1], top, bottom, height)
        columns = on_the_image(self.values.shape[2], left, right, width)
        return float(self.values[:, rows][:, :, columns].sum(axis=(1, 2)).mean())

    @property
    def name(self) -> str:
        """Name of its file without suffix, such as ``stage3_global``; the stem's is ``stem_window``."""
        return f'stage{self.stage}_{self.kind}' if self.stage else f'stem_{self.kind}'


@dataclass(frozen=True, eq=False)
class Attention:
    """What a backbone attends to from a point of an image.

    Attributes:
        image: The image, uint8 (H, W, 3) in RGB.
        seen: Height and width in pixels at which the network sees it.
        point: Column and row of the point, in pixels of `image`.
        backbone: Registry type of the backbone, such as ``VAN``.
        maps: The maps, stage by stage; a stage begins with its feature map.
        components: For each stage, the first three principal components of its features as a picture, float32
            (h, w, 3), 0 to 1.
        mixture: Weights p(a, b, m) of the attention stem's value matrices, (M, k, k), which add up to 1 over M; None
            without such a stem.
    """

    image: Pixels
    seen: tuple[int, int]
    point: tuple[float, float]
    backbone: str
    maps: tuple[AttentionMap, ...]
    components: tuple[Floats, ...]
    mixture: Floats | None = None

    def panel(self) -> Pixels:
        """All maps in one picture: one row for each stage, beside the image with the point, uint8 (H, W, 3) in RGB."""
        return draw_panel(self)

    def picture(self, map: AttentionMap) -> Pixels:
        """One map over the image, with the point, uint8 (H, W, 3) in RGB."""
        shaded = shade(self.image, map.map, KINDS[map.kind])
        x, y = self.point
        return mark_point(shaded, x, y, max(3, round(min(shaded.shape[:2]) / 40)))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What :meth:`save` writes to ``attention.npz``, by name."""
        arrays: dict[str, npt.NDArray[Any]] = {'image': self.image, 'point': np.array(self.point)}
        for of_stage in self.maps:
            name = of_stage.name.replace('-', '_')
            arrays[name] = of_stage.map
            if of_stage.kind != 'features':
                arrays[f'{name}_values'], arrays[f'{name}_box'] = of_stage.values, np.array(of_stage.box)
            if of_stage.elsewhere is not None:
                arrays[f'{name}_elsewhere'] = of_stage.elsewhere
        for number, picture in enumerate(self.components, 1):
            arrays[f'stage{number}_components'] = picture
        return arrays if self.mixture is None else {**arrays, 'stem_mixture': self.mixture}

    def save(self, folder: Path) -> list[Path]:
        """Write ``panel.png``, a picture of each map, and ``attention.npz``.

        Args:
            folder: Where to.

        Returns:
            The files, in this order.

        Raises:
            OSError: A file cannot be written.
        """
        pictures = {'panel': self.panel()}
        pictures.update({of_stage.name: self.picture(of_stage) for of_stage in self.maps})
        pictures.update(
            {f'stage{n}_components': np.uint8(255 * colors + 0.5) for n, colors in enumerate(self.components, 1)}
        )
        files = [folder / f'{name}.png' for name in pictures]
        for file, picture in zip(files, pictures.values(), strict=True):
            write_picture(picture, file)
        with atomic_write(folder / 'attention.npz') as partial, partial.open('wb') as content:
            arrays: dict[str, Any] = self.arrays()
            np.savez_compressed(content, **arrays)
        return [*files, folder / 'attention.npz']


def attention_of(
    backbone: PyramidBackbone, batch: Tensor, seen: tuple[int, int], image: Pixels, point: tuple[float, float]
) -> Attention:
    """What a backbone attends to from a point.

    Args:
        backbone: The network.
        batch: The image as the network takes it, (1, C, H, W).
        seen: Height and width of the image in it, from its upper left corner; the rest is padding.
        image: The image itself in RGB.
        point: Column and row in pixels of `image`, inside of it.
    """
    x, y = (
        min((at + 0.5) * side / whole, side - 0.5)
        for at, side, whole in zip(point, seen[::-1], image.shape[1::-1], strict=True)
    )
    maps, components = list[AttentionMap](), list[Floats]()
    for stage in watch(look(backbone, batch, x, y), count(backbone), 'Looking into the stages'):
        if stage.features is not None:
            cell = (4 * 2 ** (stage.number - 1),) * 2
            features = _array(stage.features)
            activation = torch.from_numpy(mean_activation(features))[None]
            maps.append(_map(stage.number, None, Values('features', activation, cell=cell), seen))
            colors = principal_components(features, *(ceil(side / cell[0]) for side in seen))
            components.append(lay_over(colors, 0, 0, cell, seen))
        maps += [_map(stage.number, stage.layer, values, seen) for values in stage.found]
    stem = next((m for m in backbone.stem.modules() if isinstance(m, SpatiallyAwareAttention)), None)
    return Attention(
        image=image,
        seen=seen,
        point=point,
        backbone=type(backbone).__name__,
        maps=tuple(maps),
        components=tuple(components),
        mixture=None if stem is None else _array(stem.mixture()),
    )


def _map(stage: int, layer: str | None, found: Values, seen: tuple[int, int]) -> AttentionMap:
    values = _array(found.values)
    height, width = (side * number for side, number in zip(found.cell, values.shape[1:], strict=True))
    return AttentionMap(
        stage=stage,
        kind=found.kind,
        layer=None if found.kind == 'receptive-field' else layer,  # that is of the whole network up to here
        map=lay_over(np.abs(values).mean(0), found.top, found.left, found.cell, seen),
        values=values,
        box=(found.left, found.top, found.left + width, found.top + height),
        elsewhere=None if found.elsewhere is None else _array(found.elsewhere),
    )


def _array(values: Tensor) -> Floats:
    return values.detach().float().cpu().numpy()
