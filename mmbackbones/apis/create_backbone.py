"""Backbones by name: `van-b2`, with the weights of the paper's authors or without; and the lists of names."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from mmengine.registry import MODELS

from ..backbones import PyramidBackbone
from ..errors import UserError
from ..utils.text import short
from ..weights import RELEASES, read_state_dict

_PACKAGE = PyramidBackbone.__module__.rpartition('.')[0]


def create_backbone(name: str, pretrained: bool | str | os.PathLike[str] = False, **options: Any) -> PyramidBackbone:
    """Build a backbone: an ``nn.Module`` that turns images into feature maps of strides 4, 8, 16 and 32.

    It needs neither MMDetection nor MMSegmentation, and is in training mode like every new module: call ``.eval()`` to
    compute features.

    Example:
        >>> import mmbackbones as mmb
        >>> network = mmb.create_backbone('van-b2', pretrained=True, out_indices=(1, 2, 3)).eval()
        >>> network.out_channels, network.strides
        ((128, 320, 512), (8, 16, 32))
        >>> [tuple(features.shape) for features in network(images)]  # images: (2, 3, 224, 224)
        [(2, 128, 28, 28), (2, 320, 14, 14), (2, 512, 7, 7)]

    Args:
        name: One of :func:`list_backbones`, or another name of its size: ``van-b2``, ``van-b`` and ``van-base`` are the
            same network.
        pretrained: ``True`` for the weights that the authors released, trained on ImageNet-1K (for VAN-B5 and B6, which
            have no others, on ImageNet-22K); or a file, a URL, or one of :func:`list_checkpoints`, such as
            ``van-b4-22k``. In the checkpoint of a detector or segmentor the backbone is found. ``False``: random
            weights, drawn as in the paper.
        **options: Arguments of the backbone's class, see :class:`~mmbackbones.backbones.PyramidBackbone`:
            ``out_indices`` (which maps, 0 to 3), ``in_channels``, ``drop_path_rate``, ``norm_cfg``, ``frozen_stages``,
            ``norm_eval``, ``with_cp``; for ``sasa-*`` those of :class:`~mmbackbones.backbones.SASAResNet` as well.

    Returns:
        The backbone, on the CPU. It takes images (N, 3, H, W) of any H, W >= 32, and returns a tuple with one map (N,
        C, ceil(H / stride), ceil(W / stride)) per entry of `out_indices`. Released weights expect RGB images that are
        normalized with the ``mean`` and ``std`` of their :data:`~mmbackbones.weights.RELEASES`.

    Raises:
        UserError: There is no backbone of that name, there are no released weights for it, or the weights cannot be
            fetched or do not fit.
        ValueError: An impossible option, such as ``out_indices=(4,)``.
        TypeError: An option that the backbone does not have.
    """
    family, arch = _find(name)
    network_options = {family.arch_argument: arch, **options}
    if pretrained:
        checkpoint = _released(name, family, arch) if pretrained is True else os.fspath(pretrained)
        if checkpoint in RELEASES and options.get('in_channels', 3) != 3:
            raise UserError(
                f'{checkpoint} was trained on images of 3 channels, not of in_channels={options["in_channels"]}: leave '
                'out pretrained, or in_channels'
            )
        whole_model = any(key.startswith('backbone.') for key in read_state_dict(checkpoint))
        init_cfg = dict(type='Pretrained', checkpoint=checkpoint, prefix='backbone.' if whole_model else '')
        network_options['init_cfg'] = init_cfg
    network = family(**network_options)
    if network.init_cfg:  # otherwise its constructor has drawn the weights, and MMEngine would log each of them
        network.init_weights()
    return network


def list_backbones(pattern: str = '*') -> list[str]:
    """Names that :func:`create_backbone` takes, one for each network.

    Args:
        pattern: Which ones, with ``*`` for any characters: ``van-*``, ``*-s``.

    Returns:
        The names by family, and from the smallest to the largest in each.
    """
    return [name for name in dict.fromkeys(main for _, main, _, _ in _names()) if fnmatchcase(name, pattern)]


def list_checkpoints(pattern: str = '*') -> list[str]:
    """Short names of the released checkpoints, which stand for their files wherever a checkpoint is asked for.

    :data:`mmbackbones.weights.RELEASES` says of each what it was trained on, its license, and where it is from.

    Args:
        pattern: Which ones, with ``*`` for any characters: ``van-*``, ``*-22k``.

    Returns:
        The names by family, and from the smallest to the largest in each.
    """
    return [name for name in RELEASES if fnmatchcase(name, pattern)]


def _names() -> Iterator[tuple[str, str, type[PyramidBackbone], str | int]]:
    """Every name of a network; the one to list; its class; the value of the class's `arch_argument`.

    The part before the dash is the family's, as in the names of files and configs. Of several names of one size the
    last counts: it is the one that the short names of checkpoints have.
    """
    own = [cls for cls in families() if cls.__module__.startswith(f'{_PACKAGE}.')]
    for prefix, cls in sorted((cls.__module__.rpartition('.')[2], cls) for cls in own):
        for arch, entry in cls.arch_zoo.items():
            main = [other for other, sizes in cls.arch_zoo.items() if sizes is entry][-1]
            yield _name(prefix, arch), _name(prefix, main), cls, arch


def families() -> list[type[PyramidBackbone]]:
    """Every registered backbone of this package's kind, once."""
    registered = dict.fromkeys(MODELS.module_dict.values())
    return [cls for cls in registered if isinstance(cls, type) and issubclass(cls, PyramidBackbone)]


def backbone_name(family: str, arch: object) -> str | None:
    """What :func:`create_backbone` calls the network of a registry type and an `arch`; None: it has no name."""
    return next((main for _, main, cls, own in _names() if cls is MODELS.get(family) and own == arch), None)


def _name(prefix: str, arch: str | int) -> str:
    return f'{prefix}-r{arch}' if isinstance(arch, int) else f'{prefix}-{arch}'  # ResNets are called R26 and so on


def _find(name: str) -> tuple[type[PyramidBackbone], str | int]:
    known = {name: (cls, arch) for name, _, cls, arch in _names()}
    if name in known:
        return known[name]
    plain = str(name).lower().replace('_', '-')
    close = [plain] if plain in known else get_close_matches(plain, list_backbones(), n=3, cutoff=0.7)
    advice = f'did you mean {" or ".join(close)}?' if close else f'there are {", ".join(list_backbones())}'
    raise UserError(f'there is no backbone {short(name)}: {advice}')


def _released(name: str, family: type[PyramidBackbone], arch: str | int) -> str:
    """The released checkpoint of a network, the first one if there are several."""
    zoo = family.arch_zoo
    for release in RELEASES.values():
        if MODELS.get(release.family) is family and zoo.get(release.arch) is zoo[arch]:
            return release.name
    raise UserError(f'no weights were released for {name}: leave out pretrained, or give it a file of your own')
