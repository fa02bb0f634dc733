"""Very small models of each task, with hostile names, and the bytes of files that are no harmless images."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import mmbackbones as mmb
from tests.helpers.carried_configs import content, detector, r_cnn, segmentor

HOSTILE = (
    '<img src=x onerror=document.title="run">',
    '${document.title="run"} {{value}} $$x^2$$ *a* `b`',
)


@pytest.fixture(scope='session')
def detector_file(tmp_path_factory) -> str:
    """A detector that finds objects of any score in any image."""
    saved = content(detector(**{'model.test_cfg.max_per_img': 30}), HOSTILE)
    saved['state_dict']['bbox_head.retina_cls.bias'] = torch.tensor([0.0, -1.0])
    saved['state_dict']['bbox_head.retina_cls.weight'] *= 30
    path = tmp_path_factory.mktemp('app') / 'boxes.pth'
    torch.save(saved, path)
    return str(path)


@pytest.fixture(scope='session')
def load_new(tmp_path_factory) -> Callable[[str], Any]:
    """Loads a model with random weights: ``masks`` or ``maps``."""

    def load(kind: str) -> Any:
        path = tmp_path_factory.mktemp('app') / f'{kind}.pth'
        torch.save(content(r_cnn() if kind == 'masks' else segmentor(), HOSTILE), path)
        return mmb.load(path, device='cpu')

    return load


def encoded(image: np.ndarray[Any, Any] | Image.Image, kind: str = 'PNG', **options: Any) -> bytes:
    """An image as the bytes of a file."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A PNG file of a few bytes that says it has an image of some size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return (
        b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(bytes(99))) + chunk(b'IEND', b'')
    )


def noise(height: int = 60, width: int = 90) -> np.ndarray[Any, Any]:
    """An image of which no two neighboring pixels are alike."""
    return np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder of files that were sent, with a file that was not beside it."""
    (tmp_path / 'secret.png').write_bytes(encoded(noise()))
    folder = tmp_path.resolve() / 'sent'
    folder.mkdir()
    return folder
