"""Image scale: the size that images are resized to, throughout a config."""

from collections.abc import Iterable
from numbers import Integral
from typing import Any

from mmengine.config import Config

from ..errors import UserError
from .config_tree import dicts_in

MIN_SIZE = 32  # pixels; the stride of the backbones' last stage
MAX_SIZE = 32_767  # pixels; larger images cannot be resized by OpenCV


def as_sizes(scale: Any) -> list[tuple]:
    """The sizes that a `scale` of the libraries' transforms stands for.

    Args:
        scale: A number, a pair of numbers, or a list of pairs.

    Returns:
        Pairs (width, height), in pixels.

    Raises:
        UserError: It is none of these.
    """
    if isinstance(scale, int | float):
        scale = (scale, scale)
    several = isinstance(scale, list | tuple) and scale and isinstance(scale[0], list | tuple)
    sizes = scale if several else [scale]
    if not all(isinstance(size, list | tuple) and len(size) == 2 and _are_numbers(size) for size in sizes):
        raise UserError(
            f'the scale of a transform must be a number, a pair of numbers or a list of pairs, got {scale!r}'
        )
    return [tuple(size) for size in sizes]


def _are_numbers(values: Iterable) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def checked_img_scale(img_scale: object) -> tuple[int, int] | None:
    """The `img_scale` that a caller in Python gave, as a tuple of whole numbers.

    Raises:
        UserError: It is not two whole numbers, in a list or tuple.
    """
    if img_scale is None:
        return None
    sides = img_scale if isinstance(img_scale, list | tuple) else ()
    if len(sides) == 2 and all(isinstance(side, Integral) and not isinstance(side, bool) for side in sides):
        return int(sides[0]), int(sides[1])
    raise UserError(f'img_scale must be (width, height) in pixels, got {img_scale!r}')


def set_img_scale(cfg: Config, width: int, height: int) -> None:
    """Resize images to fit into `width` x `height` pixels, in training and testing.

    Other scales of multi-scale training or testing, and the crops of training, keep their ratio to the scale of the
    test pipeline.

    Args:
        cfg: Config of a detector or a segmentor; changed in place.
        width: In pixels.
        height: In pixels.

    Raises:
        UserError: The size is below 32x32 pixels, or above what OpenCV resizes to.
    """
    if min(width, height) < MIN_SIZE:
        raise UserError(
            f'--img-scale {width} {height} is too small: backbones take images of at least {MIN_SIZE}x{MIN_SIZE} pixels'
        )
    if max(width, height) > MAX_SIZE:
        raise UserError(f'--img-scale {width} {height} is too large: at most {MAX_SIZE} pixels a side')
    base, *_ = next(as_sizes(step.scale) for step in cfg.test_dataloader.dataset.pipeline if step.type == 'Resize')
    growth = max(width / base[0], height / base[1])  # of sizes that apply to both orientations

    def rescale(scale: tuple) -> tuple[int, ...]:
        # To fit into WxH or into HxW is the same, because images keep their aspect ratio.
        if (scale[0] < scale[1]) != (base[0] < base[1]):
            scale = scale[::-1]
        return tuple(max(1, round(old * new / was)) for old, new, was in zip(scale, (width, height), base, strict=True))

    def grow(size: Iterable[int]) -> tuple[int, ...]:
        return tuple(max(MIN_SIZE, round(side * growth)) for side in size)

    for node in list(dicts_in(cfg._cfg_dict)):
        if node.get('type') in ('Resize', 'RandomResize', 'RandomChoiceResize'):
            for key in ('scale', 'scales'):
                if key in node:
                    scales = [rescale(scale) for scale in as_sizes(node[key])]
                    node[key] = scales if key == 'scales' or len(scales) > 1 else scales[0]
        elif node.get('type') == 'RandomCrop':
            node.crop_size = grow(node.crop_size)
        elif node.get('type') == 'SegDataPreProcessor' and 'size' in node:
            node.size = grow(node.size)


def check_resized_size(pipeline: list, name: str, width: int, height: int) -> None:
    """Check that something is left of the shorter side of an image when it is resized as a pipeline says.

    Args:
        pipeline: Transforms of a data set.
        name: The image, for the message.
        width: Of the image, in pixels.
        height: Of the image, in pixels.

    Raises:
        UserError: The shorter side would be rounded to zero pixels.
    """
    for step in dicts_in(pipeline):
        scales = step.get('scale') or step.get('scales') if str(step.get('type')).endswith('Resize') else None
        for scale in as_sizes(scales) if scales else []:
            factor = min(max(scale) / max(width, height), min(scale) / min(width, height))
            factor *= min(step.get('ratio_range') or [1])
            if step.get('keep_ratio') and min(width, height) * factor < 0.5:
                raise UserError(
                    f'{name} is {width}x{height} pixels: resized to fit into {scale[0]}x{scale[1]}, its shorter side '
                    'would be 0 pixels; remove it, or cut it into pieces'
                )
