"""Time and peak memory of a whole detector's training step at COCO's image size."""

from collections.abc import Sequence
from functools import partial

import torch
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData

from ..utils.config_files import config_path
from .measure import Step, compare

CONFIGS = (
    'retinanet_van_b',
    'retinanet_transcnn_s',
    'retinanet_hatnet_s',
    'retinanet_dualvit_s',
    'retinanet_sasa_r50',
    'retinanet_sasa_r50_full',
)


def make_step(config: str, size: tuple[int, int] = (800, 1333), objects: int = 20) -> Step:
    """A training step of one float32 image, without the optimizer.

    Args:
        config: File of the config.
        size: Height and width of the image, in pixels.
        objects: Number of objects in it.
    """
    register_all_modules(init_default_scope=False)
    init_default_scope('mmdet')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model).train()
    height, width = size
    largest = min(200, height // 2, width // 2)
    corners = torch.rand(objects, 2) * torch.tensor([width - largest, height - largest])
    sides = largest / 10 + largest * 9 / 10 * torch.rand(objects, 2)
    sample = DetDataSample(metainfo=dict(img_shape=size, pad_shape=size))
    sample.gt_instances = InstanceData(
        bboxes=torch.cat((corners, corners + sides), 1), labels=torch.randint(80, (objects,))
    )
    image = torch.randn(1, 3, height, width)

    def step() -> None:
        model.parse_losses(model.loss(image, [sample]))[0].backward()
        model.zero_grad()

    return step


def run(configs: Sequence[str] = CONFIGS, size: tuple[int, int] = (800, 1333)) -> None:
    """Print the table of docs/memory.md: each detector once, in its own process.

    Args:
        configs: Names of the detectors' configs.
        size: Height and width of the image, in pixels.
    """
    print(f'| config, one {size[1]} x {size[0]} image, float32 | seconds | extra peak of memory, GB |')
    print('|---|---|---|')
    for name in configs:
        make = partial(make_step, str(config_path(name)), size)
        measured = compare({name: make}, rounds=1, steps=1)[name]
        print(f'| `{name}` | {measured.median_seconds:.1f} | {measured.median_megabytes / 1000:.1f} |', flush=True)
