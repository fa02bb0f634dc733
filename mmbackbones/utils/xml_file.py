"""XML files of users, read without what makes XML dangerous: document types, and with them entities."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ..errors import UserError
from .files import is_regular
from .host_memory import available_memory

_CHUNK = 1 << 20  # bytes
_PEEK = 1 << 12  # bytes
_PART = 200  # bytes of memory of an element or an attribute
_MANY = 100_000  # elements and attributes that are read in any case
_FIRST_TAG = re.compile(rb'<([A-Za-z_][\w.-]*)')


def read_xml(
    file: Path, tag: str | None = None, take: Callable[[ElementTree.Element], None] | None = None
) -> ElementTree.Element:
    """Read an XML file.

    Args:
        file: The file.
        tag: Elements that are not kept once `take` has seen them, so that a file of any size needs little memory.
        take: What is done with each of these elements, when it is complete.

    Returns:
        The root of the tree.

    Raises:
        UserError: It cannot be read, declares a document type, or takes more memory than there is.
    """
    parser = ElementTree.XMLParser(target=_Builder(tag, take))
    try:
        if not is_regular(file):
            raise OSError('it is not a regular file')
        with file.open('rb') as stream:
            while chunk := stream.read(_CHUNK):
                parser.feed(chunk)
        root: ElementTree.Element = parser.close()
    except _DoctypeError as error:
        raise UserError(
            f'{file} declares a document type, which annotations do not need: entities are not expanded'
        ) from error
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:  # LookupError: an unknown encoding
        raise UserError(f'{file} is not a readable XML file: {error}') from error
    return root


def xml_root(file: Path) -> str | None:
    """Name of the first element of an XML file, told by its first bytes; None if there is none, or it is unreadable."""
    try:
        if not is_regular(file):
            return None
        with file.open('rb') as stream:
            head = stream.read(_PEEK).replace(b'\0', b'')  # of UTF-16
    except OSError:
        return None
    found = _FIRST_TAG.search(re.sub(rb'<!--.*?-->', b'', head, flags=re.DOTALL))
    return found[1].decode('ascii', 'replace') if found else None


class _DoctypeError(Exception):
    pass


class _Builder(ElementTree.TreeBuilder):
    def __init__(self, tag: str | None, take: Callable[[ElementTree.Element], None] | None) -> None:
        super().__init__()
        self._tag, self._take = tag, take
        self._parts, self._most = 0, _MANY  # elements and attributes that are kept, and may be
        self._before: list[int] = []  # how many there were at the start of each element that is not kept

    def doctype(self, *_: Any) -> None:  # called in any encoding, before an entity is read
        raise _DoctypeError

    def start(self, tag: Any, attrs: Any) -> ElementTree.Element:
        if tag == self._tag:
            self._before.append(self._parts)
        self._parts += 1 + len(attrs)
        if self._parts > self._most:
            memory = available_memory()
            if memory is not None and self._parts * _PART > memory:
                raise ValueError(f'it takes more memory than the {memory / 1e9:.1f} GB that are free')
            self._most = 2 * self._parts
        return super().start(tag, attrs)

    def end(self, tag: str) -> ElementTree.Element:
        element = super().end(tag)
        if tag == self._tag and self._take:
            self._take(element)
            element.clear()
            self._parts = self._before.pop() + 1
        return element
