"""JSON and XML that take more memory than there is, and what they take where it is known."""

import json
import tracemalloc

import pytest

from mmbackbones.errors import UserError
from mmbackbones.utils import json_text, xml_file
from mmbackbones.utils.json_text import parse_json
from mmbackbones.utils.xml_file import read_xml

JSON = {
    'lists': '[' + '[],' * 20_000 + '0]',
    'objects': '[' + '{},' * 20_000 + '0]',
    'nested lists': '[' + '[[[[]]]],' * 5_000 + '0]',
    'numbers': '[' + '1.5,' * 20_000 + '0]',
    'texts': '[' + '"ab",' * 20_000 + '0]',
    'small objects': '[' + '{"a":5.25},' * 10_000 + '0]',
    'objects of lists': '[' + '{"a":[]},' * 10_000 + '0]',
    'many keys': '{' + ','.join(f'"{number}":0' for number in range(20_000)) + '}',
    'annotations': json.dumps([dict(id=i, bbox=[1.5, 2.25, 3.5, 4.75], category_id=1) for i in range(3_000)]),
}


@pytest.mark.parametrize('name', JSON)
def test_the_estimate_is_near_what_json_takes(name, monkeypatch):
    text = JSON[name]
    monkeypatch.setattr(json_text, '_SMALL', 0)
    monkeypatch.setattr(json_text, 'available_memory', lambda: 0)
    with pytest.raises(ValueError, match='it takes .* GB of memory, and 0.0 GB are free'):
        parse_json(text)
    tracemalloc.start()
    content = json.loads(text)
    taken = tracemalloc.get_traced_memory()[1] + len(text)
    tracemalloc.stop()
    for share, expected in ((0.6, True), (2, False)):
        monkeypatch.setattr(json_text, 'available_memory', lambda share=share: share * taken)
        refused = False
        try:
            assert parse_json(text.encode()) == content
        except ValueError:
            refused = True
        assert refused is expected


def test_small_files_are_parsed_in_any_case(monkeypatch):
    monkeypatch.setattr(json_text, 'available_memory', lambda: 0)
    assert parse_json(JSON['lists'])[0] == []


@pytest.mark.parametrize('text', ['{"a": 1, "a": 2}', b'{"a": 3, "b": 1, "a": 2, "b": 2}'])
def test_the_last_of_equal_keys_counts(text):
    assert parse_json(text)['a'] == 2


@pytest.mark.parametrize('text', ['[' * 100_000, '1' * 5000, '{"a": ' * 100_000, '"\\ud800', '[1, 2', '', '\0'])
def test_what_is_no_json(text):
    with pytest.raises((ValueError, RecursionError)):
        parse_json(text)


@pytest.mark.parametrize('part', ['<a/>', '<a b="" c="" d=""/>', '<a><b/></a>'])
def test_xml_of_many_parts(part, tmp_path, monkeypatch):
    monkeypatch.setattr(xml_file, '_MANY', 1000)
    (tmp_path / 'a.xml').write_text(f'<root>{part * 20_000}</root>')
    assert len(read_xml(tmp_path / 'a.xml')) == 20_000
    monkeypatch.setattr(xml_file, 'available_memory', lambda: 1 << 20)
    with pytest.raises(UserError, match=r'a\.xml is not a readable XML file: it takes more memory than the 0.0 GB'):
        read_xml(tmp_path / 'a.xml')


def test_xml_whose_parts_are_not_kept_needs_no_memory(tmp_path, monkeypatch):
    (tmp_path / 'a.xml').write_text('<root>' + '<a><b/><b/><b/></a>' * 20_000 + '</root>')
    monkeypatch.setattr(xml_file, '_MANY', 50_000)
    monkeypatch.setattr(xml_file, 'available_memory', lambda: 0)
    seen = []
    read_xml(tmp_path / 'a.xml', 'a', lambda element: seen.append(len(element)))
    assert seen == [3] * 20_000
