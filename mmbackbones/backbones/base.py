"""The contract that every backbone of this package keeps."""

import re
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.model import BaseModule
from mmengine.model.weight_init import PretrainedInit, update_init_info
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..ops import checks, warn_of_one_image
from ..weights import load_pretrained


class PyramidBackbone(BaseModule):
    """An image in, a pyramid of feature maps with strides 4, 8, 16 and 32 out.

    A subclass fills :attr:`arch_zoo` and, in its constructor, builds ``self.stem`` (a module that brings the image to
    stride 4) and appends ``self.num_stages`` modules to ``self.stages``, then calls :meth:`freeze_stages`. Stages after
    the last one asked for are not built, so that every parameter gets a gradient.

    Args:
        arch: Name of an entry of :attr:`arch_zoo`, or a dict with the same keys as its entries. A subclass may call
            it otherwise in its own constructor, as a ResNet speaks of its depth; :attr:`arch_argument` says how.
        in_channels: Number of channels of the image.
        out_indices: Which stages to return, 0 to 3.
        frozen_stages: -1 freezes nothing, 0 the stem, n the stem and the first n stages. What is frozen is in eval
            mode and gets no gradient.
        norm_eval: Keep batch norms in eval mode while training.
        drop_path_rate: Stochastic depth rate of the last block; earlier blocks have linearly less.
        norm_cfg: Replaces the network's batch or group norms, never its layer norms.
        with_cp: Activation checkpointing block by block: same values and gradients, less memory, more time.
        init_cfg: ``dict(type='Pretrained', checkpoint=NAME, prefix='')`` takes the authors' file as released; NAME is a
            file, a URL or a short name of :data:`mmbackbones.weights.RELEASES`.

    Attributes:
        out_channels (tuple[int, ...]): Channels of each returned map.
        strides (tuple[int, ...]): Stride of each returned map, in pixels.

    Shapes: (N, in_channels, H, W) -> one (N, C_i, ceil(H / stride_i), ceil(W / stride_i)) per entry of `out_indices`,
        for any H, W >= 32. Maps are contiguous, whatever memory format they were computed in: heads that call `view`
        and compiled operators that read memory as N, C, H, W without a look at the strides are safe.

    Raises:
        ValueError: An unknown `arch`, a wrong `arch` dict, impossible `out_indices` or `frozen_stages`, or an input
            that no pyramid can be made of.
    """

    arch_zoo: dict[str | int, dict] = {}
    arch_argument = 'arch'  # what users of this backbone call it
    min_size = 32  # pixels a side: the stride of the last stage

    def __init__(
        self,
        arch: str | int | dict,
        in_channels: int = 3,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        drop_path_rate: float = 0.0,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.arch = self._find_arch(arch)
        self.in_channels = in_channels
        self.out_indices = self._check_out_indices(out_indices)
        self.num_stages = max(self.out_indices) + 1
        if not (isinstance(frozen_stages, int) and -1 <= frozen_stages <= self.num_stages):
            raise ValueError(
                f'frozen_stages must be -1 (none), 0 (the stem) or up to {self.num_stages} (the stem and '
                f'that many of the stages built), got {frozen_stages!r}'
            )
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.drop_path_rate = drop_path_rate
        self.norm_cfg = norm_cfg
        self.with_cp = with_cp
        self.strides = tuple(4 * 2**i for i in self.out_indices)
        self.stem: nn.Module = nn.Identity()  # keeps its place before the stages in the state dict
        self.stages = nn.ModuleList()

    @property
    def out_channels(self) -> tuple[int, ...]:
        return tuple(self.arch['embed_dims'][i] for i in self.out_indices)

    def _find_arch(self, arch: str | int | dict) -> dict:
        name, argument = type(self).__name__, self.arch_argument
        known = ', '.join(map(str, self.arch_zoo))
        first, entry = next(iter(self.arch_zoo.items()))
        if isinstance(arch, type(first)):
            if arch not in self.arch_zoo:
                raise ValueError(f'{name} has no {argument} {arch!r}; there are {known}')
            return self.arch_zoo[arch]
        if not isinstance(arch, dict) or set(arch) != set(entry):
            raise ValueError(
                f'{argument} of {name} must be one of {known}, or a dict with the keys '
                f'{", ".join(sorted(entry))}; got {arch!r}'
            )
        if wrong := [key for key, value in arch.items() if isinstance(value, Sequence) and len(value) != 4]:
            raise ValueError(f'{argument} of {name}: {", ".join(wrong)} must have one entry for each of the 4 stages')
        return arch

    @staticmethod
    def _check_out_indices(out_indices: Sequence[int]) -> tuple[int, ...]:
        indices = tuple(out_indices) if isinstance(out_indices, Sequence) else (out_indices,)
        if not indices or list(indices) != sorted({i for i in indices if i in range(4)}):
            raise ValueError(f'out_indices must be rising stage numbers from 0 to 3, got {out_indices!r}')
        return indices

    def drop_path_rates(self, depths: Sequence[int], stage: int) -> list[float]:
        """Stochastic depth rate of each block of a stage: rising linearly from 0 to the network's last block."""
        first = sum(depths[:stage])
        return np.linspace(0, self.drop_path_rate, sum(depths))[first : first + depths[stage]].tolist()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        self.check_input(x)
        warn_of_one_image(x.shape[0])
        maps = self.pyramid(x.contiguous(memory_format=self.memory_format(x.device)))
        return tuple(out.contiguous() for out in maps)

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """The maps of `out_indices` for a checked image, in any memory format."""
        x = self.stem(x)
        outs = []
        for i, stage in enumerate(self.stages):
            if torch.is_grad_enabled() and not x.requires_grad and self._has_group_norm(stage):
                # PyTorch 2.13's group norm crashes in the backward pass if its channels-last input on a CPU needs no
                # gradient, and what comes from frozen modules needs none.
                x = x.contiguous()
            x = stage(x)
            if i in self.out_indices:
                outs.append(x)
        return outs

    @staticmethod
    def _has_group_norm(module: nn.Module) -> bool:
        return any(isinstance(m, nn.GroupNorm) for m in module.modules())

    def memory_format(self, device: torch.device) -> torch.memory_format:
        """The memory format to compute in: channels-last, in which depthwise convolutions and attention are fastest."""
        return torch.channels_last

    def check_input(self, x: Tensor) -> None:
        """Raise ValueError unless `x` is (N, in_channels, H, W) with H, W >= 32."""
        with checks():
            fits = bool(
                x.dim() == 4
                and x.shape[1] == self.in_channels
                and x.shape[2] >= self.min_size
                and x.shape[3] >= self.min_size
            )
        if not fits:
            raise ValueError(
                f'{type(self).__name__} takes (N, {self.in_channels}, H, W) with H and W of at least '
                f'{self.min_size} pixels, got {tuple(x.shape)}'
            )

    # Weights -------------------------------------------------------------------------------------------------------
    @staticmethod
    def rename_key(key: str) -> str | None:
        """The key of ours for a key of a released file, a classifier's below ``head.``; None for what has no effect."""
        return key

    def is_ignored_key(self, key: str) -> bool:
        """Whether `key` (ours) belongs to a classifier or to a stage that these `out_indices` do not need."""
        stage = re.match(r'stages\.(\d+)\.', key)
        return key.startswith('head.') or bool(stage and int(stage[1]) >= self.num_stages)

    def init_weights(self) -> None:
        """Load `init_cfg`'s checkpoint strictly; without one the weights are those that the constructor drew."""
        init_cfg = self.init_cfg
        if isinstance(init_cfg, dict) and init_cfg.get('type') in ('Pretrained', PretrainedInit):
            load_pretrained(self, init_cfg['checkpoint'], init_cfg.get('prefix') or '')
            if hasattr(self, '_params_init_info'):
                update_init_info(self, f'loaded from {init_cfg["checkpoint"]}')
            self.is_init = True
        else:
            super().init_weights()

    # Freezing ------------------------------------------------------------------------------------------------------
    def frozen_modules(self) -> list[nn.Module]:
        """What `frozen_stages` covers."""
        return [] if self.frozen_stages < 0 else [self.stem, *self.stages[: self.frozen_stages]]

    def freeze_stages(self) -> None:
        """Take the frozen modules out of training; a constructor calls this last."""
        for module in self.frozen_modules():
            module.eval()
            module.requires_grad_(False)

    def train(self, mode: bool = True):
        """As :meth:`torch.nn.Module.train`, but what is frozen stays frozen."""
        super().train(mode)
        for module in self.frozen_modules():
            module.eval()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
