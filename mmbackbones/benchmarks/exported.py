"""Time of one image in onnxruntime and in OpenVINO beside PyTorch's, for whole models as they are exported."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from ..engine.config_tree import set_num_classes
from ..engine.initial_weights import drop_pretrained
from ..export.formats import SUFFIXES
from ..export.graphs import graph_of
from ..export.metadata import Metadata
from ..export.sessions import open_session
from ..export.writing import write_file
from ..utils.config_files import read_config
from .measure import Step, compare

CONFIGS = (
    'retinanet_van_t',
    'retinanet_transcnn_t',
    'retinanet_hatnet_t',
    'retinanet_dualvit_s',
    'retinanet_sasa_r26',
    'mask_rcnn_van_t',
    'upernet_van_t',
    'semantic_fpn_van_t',
)
_CLASSES = 4  # so that random weights reach Mask R-CNN's threshold, and its mask head has objects
_RUNTIMES = {'onnx': 'onnxruntime', 'openvino': 'OpenVINO'}


def build_graph(config: str) -> nn.Module:
    """The exported form of a config's model, with the same random weights each time."""
    cfg = read_config(config)
    drop_pretrained(cfg)
    set_num_classes(cfg, _CLASSES)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    return graph_of(MODELS.build(cfg.model).eval())


def _image(size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1, 3, *size), np.float32)


def step_of_pytorch(config: str, size: tuple[int, int]) -> Step:
    """A prediction of one image in PyTorch."""
    graph, image = build_graph(config), torch.from_numpy(_image(size))

    def step() -> None:
        with torch.inference_mode():
            graph(image)

    return step


def step_of_file(file: str, size: tuple[int, int]) -> Step:
    """A prediction of one image with an exported file."""
    return partial(open_session(file).run, _image(size))


def run(configs: Sequence[str] = CONFIGS, size: tuple[int, int] = (480, 640), rounds: int = 3) -> None:
    """Print the table of docs/export.md.

    Args:
        configs: Names of the models' configs.
        size: Height and width of the image, in pixels.
        rounds: Number of samples, each in its own process.
    """
    print(f'| one {size[1]} x {size[0]} image, float32 | PyTorch, s | onnxruntime, s | OpenVINO, s |')
    print('|---|---|---|---|')
    for config in configs:
        with TemporaryDirectory() as folder:
            variants = {'PyTorch': partial(step_of_pytorch, config, size)}
            graph = build_graph(config)
            for format, runtime in _RUNTIMES.items():
                file = Path(folder, f'model{SUFFIXES[format]}')
                write_file(graph, file, format, Metadata(task='features', network=config))
                variants[runtime] = partial(step_of_file, str(file), size)
            measured = compare(variants, rounds=rounds)
        cells = [
            f'{taken.median_seconds:.2f} ({min(taken.seconds):.2f}-{max(taken.seconds):.2f})'
            for taken in measured.values()
        ]
        print(f'| `{config}` | {" | ".join(cells)} |', flush=True)
