"""Data folders of every format whose files are damaged in any way: read, or refused in a sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbackbones.datasets import load_detection, load_segmentation
from mmbackbones.errors import UserError
from tests.helpers.exports.every import BOXES, LABEL_MAPS
from tests.helpers.painted import SCENES_WITH_MASKS
from tests.properties.test_checkpoints import mutate, mutations

TEXTS = ('.json', '.xml', '.txt', '.csv', '.yaml', '.yml', '.names', '.data')
# What programs write where a number or a name should be, and what nobody would.
ODD = st.sampled_from(
    [
        b'null', b'true', b'-1', b'0', b'1e400', b'-1e400', b'NaN', b'Infinity', b'9' * 30, b'9' * 5000, b'0.1', b'""',
        b'"a"', b'[]', b'{}', b'[' * 2000, b'../../x', b'/etc/passwd', b'\x00', b'\x1b[31m', b'\xff\xfe', b'\xf0\x9f',
        b'\r', b'\t', b'\xe2\x80\xae', b'<a>', b'&amp;', b'<!DOCTYPE a>', b'%s', b'*a', b'&a', b',', b';', b':', b'#',
    ]
)  # fmt: skip
CUTS = st.tuples(st.floats(0, 1, exclude_max=True), ODD, st.integers(0, 12))


@pytest.fixture(scope='module')
def folders(tmp_path_factory) -> Iterator[dict[str, Path]]:
    """Each export, written once; an example puts the file that it damages back."""
    root = tmp_path_factory.mktemp('exports')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(root / 'cache'))
        yield {'': root}


def written(export, folders) -> Path:
    if export.name not in folders:
        export.write(folders[''] / export.name)
        folders[export.name] = folders[''] / export.name
    return folders[export.name]


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('kind', ['values', 'bytes'])
@pytest.mark.parametrize('table', [BOXES, LABEL_MAPS], ids=['boxes', 'label maps'])
@given(data=st.data())
def test_damaged_folders(table, kind, data, folders, tmp_path):
    export = data.draw(st.sampled_from(table))
    root = written(export, folders)
    files = sorted(path for path in root.rglob('*') if path.is_file() and not path.is_symlink())
    texts = [path for path in files if path.suffix in TEXTS]
    file = data.draw(st.sampled_from((kind == 'values' and texts) or files))
    whole = file.read_bytes()
    if kind == 'bytes':
        damaged = mutate(whole, data.draw(mutations()))
    else:
        damaged = whole
        for share, odd, length in data.draw(st.lists(CUTS, min_size=1, max_size=3)):
            at = int(share * len(damaged))
            damaged = damaged[:at] + odd + damaged[at + length :]
    load = load_detection if table is BOXES else load_segmentation
    options = dict(masks=True) if export.scenes is SCENES_WITH_MASKS and table is BOXES else {}
    file.write_bytes(damaged)
    said = 'done'
    try:
        assert load(root, tmp_path / 'out', **options).classes
    except UserError as error:
        said = str(error)
    finally:
        file.write_bytes(whole)
    assert said
    assert len(said) < 5000
