"""Time and peak memory of a whole detector's training step at COCO's image size."""

from functools import partial

import torch
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData

from ..utils.config_files import config_path
from .measure import Step, compare

HEIGHT, WIDTH = 800, 1333
CONFIGS = (
    'retinanet_van_b',
    'retinanet_transcnn_s',
    'retinanet_hatnet_s',
    'retinanet_dualvit_s',
    'retinanet_sasa_r50',
    'retinanet_sasa_r50_full',
)


def make_step(config: str, objects: int = 20) -> Step:
    """A training step of one float32 image with some objects, without the optimizer."""
    register_all_modules(init_default_scope=False)
    init_default_scope('mmdet')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model).train()
    corners = torch.rand(objects, 2) * torch.tensor([WIDTH - 200, HEIGHT - 200])
    sample = DetDataSample(metainfo=dict(img_shape=(HEIGHT, WIDTH), pad_shape=(HEIGHT, WIDTH)))
    sample.gt_instances = InstanceData(
        bboxes=torch.cat((corners, corners + 20 + 180 * torch.rand(objects, 2)), 1),
        labels=torch.randint(80, (objects,)),
    )
    image = torch.randn(1, 3, HEIGHT, WIDTH)

    def step() -> None:
        model.parse_losses(model.loss(image, [sample]))[0].backward()
        model.zero_grad()

    return step


def run(configs: tuple[str, ...] = CONFIGS) -> None:
    """Print the table of docs/memory.md: each detector once, in a process of its own."""
    print(f'| config, one {WIDTH} x {HEIGHT} image, float32 | seconds | extra peak of memory, GB |')
    print('|---|---|---|')
    for name in configs:
        sample = compare({name: partial(make_step, str(config_path(name)))}, rounds=1, steps=1)[name]
        print(f'| `{name}` | {sample.median_seconds:.1f} | {sample.median_megabytes / 1000:.1f} |', flush=True)
