"""The contract of every backbone in this package."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseModule
from mmengine.model.weight_init import PretrainedInit, update_init_info
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import UserError
from ..heads import PoolingHead
from ..layers.activation_checkpoint import State, as_state
from ..ops import checks, contiguous_map, prepare_compilation, warn_of_one_image
from ..weights import load_pretrained


class PyramidBackbone(BaseModule):
    """Base class of networks that turn an image into a pyramid of feature maps with strides 4, 8, 16 and 32.

    A subclass fills :attr:`arch_zoo` and, in its constructor, builds ``self.stem`` (a module that brings the image to
    stride 4) and appends ``self.num_stages`` modules to ``self.stages``, then calls :meth:`freeze_stages`. Stages after
    the last one in `out_indices` are not built, so that every parameter gets a gradient.

    The stem and each stage return the state of the network, which the next stage takes: the feature map, or a tuple of
    the feature map and whatever else the network carries from stage to stage.

    Args:
        arch: Name of an entry of :attr:`arch_zoo`, or a dict with the same keys as its entries. Some subclasses give
            this argument another name, such as a ResNet's ``depth``; :attr:`arch_argument` holds it.
        in_channels: Number of channels of the image.
        out_indices: Stages whose feature maps are returned, 0 to 3, in rising order.
        frozen_stages: -1 freezes nothing, 0 the stem, n the stem and the first n stages. Frozen modules stay in eval
            mode and get no gradients.
        norm_eval: Keep batch norms in eval mode during training.
        drop_path_rate: Stochastic depth rate of the last block; the rates of the blocks rise linearly to it, from 0.
        norm_cfg: Config of the norm that replaces the network's batch or group norms, never its layer norms. None:
            the norm of the paper.
        with_cp: Checkpoint the activations of each block: same values and gradients, less memory, more time.
        init_cfg: ``dict(type='Pretrained', checkpoint=NAME, prefix='')`` loads the authors' file as released; NAME is a
            file, a URL or a short name of :data:`mmbackbones.weights.RELEASES`.

    Attributes:
        arch_zoo (dict): The published sizes of the network by name.
        arch_argument (str): Name of the constructor's argument that chooses one of them.
        out_channels (tuple[int, ...]): Number of channels of each returned map.
        strides (tuple[int, ...]): Stride of each returned map, in pixels.
        fused (bool): Whether this is the inference form, see :meth:`fuse`.

    Shape:
        (N, in_channels, H, W) -> one (N, C_i, ceil(H / stride_i), ceil(W / stride_i)) per entry of `out_indices`, for
        any H, W >= 32. Maps are contiguous, whatever memory format they were computed in, as needed by heads that call
        `view` and by compiled operators that read memory as N, C, H, W whatever the strides.

    Raises:
        ValueError: An unknown `arch`, a wrong `arch` dict, impossible `out_indices` or `frozen_stages`, or an input of
            the wrong shape.
    """

    arch_zoo: dict[Any, dict] = {}
    arch_argument = 'arch'
    default_norm_cfg: dict = dict(type='BN')
    min_size = 32  # height and width in pixels: the stride of the last stage

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
        self.norm_cfg = norm_cfg or self.default_norm_cfg
        self.with_cp = with_cp
        self.fused = False
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
                raise ValueError(f'{name} has no {argument} {arch!r}; choose one of {known}')
            return self.arch_zoo[arch]
        if not isinstance(arch, dict) or set(arch) != set(entry):
            raise ValueError(
                f'{argument} of {name} must be one of {known}, or a dict with the keys '
                f'{", ".join(sorted(entry))}, got {arch!r}'
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
        """Stochastic depth rates of the blocks of a stage: linear from 0 to `drop_path_rate` over all stages.

        Args:
            depths: Number of blocks of each of the 4 stages.
            stage: Which of the stages, from 0.
        """
        first = sum(depths[:stage])
        return np.linspace(0, self.drop_path_rate, sum(depths))[first : first + depths[stage]].tolist()

    # Forward ---------------------------------------------------------------------------------------------------------
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(contiguous_map(out) for out in self.pyramid(self.prepare(x)))

    def prepare(self, x: Tensor) -> Tensor:
        """A checked image batch, in the memory format that the network computes in."""
        self.check_input(x)
        warn_of_one_image(x.shape[0])
        return x.contiguous(memory_format=self.memory_format(x.device))

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """The feature maps of `out_indices` for a prepared image batch, in any memory format."""
        outs = []
        for i, state in enumerate(self.run_stages(x, self.stages)):
            if i in self.out_indices:
                outs.append(self.feature_map(*state))
        return outs

    def run_stages(self, x: Tensor, stages: Iterable[nn.Module]) -> Iterator[State]:
        """Run a prepared image batch through the stem and `stages`.

        Yields:
            The state after each stage: the feature map and whatever else the network carries.
        """
        state = as_state(self.stem(x))
        for stage in stages:
            x, *others = state
            if torch.is_grad_enabled() and not x.requires_grad and self._has_group_norm(stage):
                # PyTorch 2.13's group norm crashes in the backward pass if its channels-last input on a CPU needs no
                # gradient, and what comes from frozen modules needs none.
                x = x.contiguous()
            state = as_state(stage(x, *others))
            yield state

    def feature_map(self, x: Tensor, *others: Tensor) -> Tensor:
        """The (N, C, H, W) feature map in the state after a stage."""
        return x

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

    # Compilation -----------------------------------------------------------------------------------------------------
    def compiled_parts(self) -> Iterator[nn.Module]:
        """The modules that :meth:`compile` compiles, each by itself: the stem, and what each stage consists of.

        PyTorch does not compile its own modules by themselves, and they are one operator each, or hold others.
        """
        parts = [self.stem, *(part for stage in self.stages for part in stage.children())]
        while parts:
            part = parts.pop(0)
            if type(part).__module__.startswith('torch.'):
                parts[:0] = part.children()
            else:
                yield part

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the network in place, part by part, for images of any size; its state dict keeps its keys.

        Blocks that differ in their weights only share a graph. So the wait is that of a few blocks, whatever the depth
        of the network, and checkpointed blocks need nothing else.

        Args:
            args: See :func:`torch.compile`.
            kwargs: Likewise. By default ``dynamic=True`` and ``fullgraph=True``: there is no part that Python runs,
                but for synchronized batch norms, which PyTorch does not compile.
        """
        prepare_compilation()
        for part in self.compiled_parts():
            whole = not any(isinstance(module, nn.SyncBatchNorm) for module in part.modules())
            part.compile(*args, **{'dynamic': True, 'fullgraph': whole, **kwargs})

    # Classification --------------------------------------------------------------------------------------------------
    def build_classifier(self, num_classes: int) -> nn.Module:
        """Build the authors' classification head for this network: by default pooling and a linear layer.

        A subclass whose classifier reads more than the last feature map overrides this and :meth:`classifier_inputs`.

        Args:
            num_classes: Number of classes.

        Returns:
            A head, freshly initialized, that takes what :meth:`classifier_inputs` returns and gives logits
            (N, num_classes). It is not a part of the backbone.
        """
        return PoolingHead(self.out_channels[-1], num_classes)

    def classifier_inputs(self, x: Tensor) -> tuple[Any, ...]:
        """What the head of :meth:`build_classifier` takes for an image batch: by default the last feature map."""
        return self(x)[-1:]

    # Weights ---------------------------------------------------------------------------------------------------------
    @staticmethod
    def rename_key(key: str) -> str | None:
        """Our key for a key of a released file, below ``head.`` for the classifier's; None if it has no effect."""
        return key

    def is_ignored_key(self, key: str) -> bool:
        """Whether `key` (ours) belongs to a classifier or to a stage that these `out_indices` do not need."""
        stage = re.match(r'stages\.(\d+)\.', key)
        return key.startswith('head.') or bool(stage and int(stage[1]) >= self.num_stages)

    def init_weights(self) -> None:
        """Load the checkpoint of `init_cfg`, strictly; without one, keep the weights that the constructor drew."""
        init_cfg = self.init_cfg
        if isinstance(init_cfg, dict) and init_cfg.get('type') in ('Pretrained', PretrainedInit):
            load_pretrained(self, init_cfg['checkpoint'], init_cfg.get('prefix') or '')
            if hasattr(self, '_params_init_info'):
                update_init_info(self, f'loaded from {init_cfg["checkpoint"]}')
            self.is_init = True
        else:
            super().init_weights()

    # Inference form --------------------------------------------------------------------------------------------------
    def fuse(self) -> 'PyramidBackbone':
        """Turn this network into its inference form, in place: equal maps, but for rounding, in less time.

        Each module that has a method ``fuse`` folds its norms and layer scales into the convolutions beside them, outer
        modules first. The network is in eval mode afterwards, cannot be trained, takes no checkpoint, and its state
        dict is of a form of its own, which may change. So fuse a network last, and a copy where the original is needed:
        ``copy.deepcopy(network).fuse()``.

        Returns:
            This network. A network that is fused already stays as it is.
        """
        if self.fused:
            return self
        self.eval()
        self.requires_grad_(False)
        with torch.no_grad():
            for module in list(self.modules())[1:]:
                if fuse := getattr(module, 'fuse', None):
                    fuse()
        self.fused = True
        return self.eval()  # the modules that took the place of others, too

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        if self.fused:
            raise UserError(
                f'this {type(self).__name__} is fused, and a fused network takes no checkpoint: load the checkpoint '
                'into a new network, then call fuse()'
            )
        super()._load_from_state_dict(*args, **kwargs)

    # Freezing --------------------------------------------------------------------------------------------------------
    def frozen_modules(self) -> list[nn.Module]:
        """The modules that `frozen_stages` covers."""
        return [] if self.frozen_stages < 0 else [self.stem, *self.stages[: self.frozen_stages]]

    def freeze_stages(self) -> None:
        """Take the frozen modules out of training; a constructor calls this last."""
        for module in self.frozen_modules():
            module.eval()
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> 'PyramidBackbone':
        """As :meth:`torch.nn.Module.train`; frozen modules, and batch norms under `norm_eval`, stay in eval mode.

        Raises:
            UserError: The network is fused.
        """
        if mode and self.fused:
            raise UserError(
                f'this {type(self).__name__} is fused, and a fused network cannot be trained: build a new network and '
                'load its checkpoint'
            )
        super().train(mode)
        for module in self.frozen_modules():
            module.eval()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
