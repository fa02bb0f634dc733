"""Images that are nearly alike."""

import time

import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets.survey.near_duplicates import MAX_BITS, group_similar, hash_images


def _photo(seed: int) -> Image.Image:
    """A smooth picture with structure, as photographs have it."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC)


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp('photos')
    for seed in range(6):
        _photo(seed).save(folder / f'{seed}.jpg', quality=95)
    _photo(0).resize((120, 90)).save(folder / 'resized.png')
    _photo(1).save(folder / 'compressed.jpg', quality=30)
    turned, exif = _photo(2).transpose(Image.Transpose.ROTATE_90), Image.Exif()
    exif[0x0112] = 6  # shown upright
    turned.save(folder / 'turned.jpg', exif=exif)
    return folder


def test_copies_are_found_whatever_their_size_quality_and_orientation(photos):
    paths = sorted(map(str, photos.iterdir()))
    groups = group_similar(hash_images(paths))
    found = {frozenset(paths[index].rpartition('/')[2] for index in group) for group in groups}
    assert found == {
        frozenset({'0.jpg', 'resized.png'}),
        frozenset({'1.jpg', 'compressed.jpg'}),
        frozenset({'2.jpg', 'turned.jpg'}),
    }


def test_hashes_are_cached(photos, cache_home):
    paths = sorted(map(str, photos.iterdir()))
    first = hash_images(paths)
    cache = next(cache_home.rglob('fingerprints-*.json'))
    before = cache.stat().st_mtime_ns
    assert np.array_equal(hash_images(paths), first)
    assert cache.stat().st_mtime_ns == before
    assert hash_images([]).shape == (0, 2)


def _naive(hashes: np.ndarray) -> set[frozenset[int]]:
    """Groups of hashes by comparing all with all."""
    groups = [{index} for index in range(len(hashes))]
    for one in range(len(hashes)):
        for other in range(one):
            bits = [bin(int(a) ^ int(b)).count('1') for a, b in zip(hashes[one], hashes[other], strict=True)]
            if bits[0] <= MAX_BITS and bits[1] <= 8:
                first, second = (next(group for group in groups if index in group) for index in (one, other))
                if first is not second:
                    first |= second
                    groups.remove(second)
    return {frozenset(group) for group in groups if len(group) > 1}


def test_equals_comparing_all_with_all():
    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 2**63, (30, 2)).astype(np.uint64)[draw.integers(0, 30, 150)]
    for row in hashes:  # copies that differ in up to 10 bits
        for column in (0, 1):
            for bit in draw.choice(64, draw.integers(0, 6), replace=False):
                row[column] ^= np.uint64(1) << np.uint64(bit)
    groups = group_similar(hashes)
    assert {frozenset(group) for group in groups} == _naive(hashes)
    assert groups == sorted(groups)


def test_time_does_not_grow_quadratically():
    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 2**63, (20_000, 2)).astype(np.uint64)
    hashes[10_000:] = hashes[:10_000]
    begin = time.process_time()
    assert len(group_similar(hashes)) == 10_000
    assert time.process_time() - begin < 10  # all with all takes minutes
