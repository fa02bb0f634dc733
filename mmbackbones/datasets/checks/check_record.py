"""The outcome of a check, kept for as long as nothing that it follows from has changed."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ...utils.files import sha256_of, write_text
from .file_cache import cache_file, digest_of_inspected, digest_of_states
from .findings import current_findings

WORTHWHILE = 16 << 20  # bytes of annotations; fewer are checked in a second

_Outcome = TypeVar('_Outcome')


class Images(NamedTuple):
    """Images that were checked.

    Attributes:
        folder: Folder that the names are relative to.
        names: Their names.
    """

    folder: str | os.PathLike[str]
    names: Sequence[str]


class CheckRecord:
    """What a check of large annotation files said, in the user's cache.

    It counts only if all annotations are the same, byte for byte, all images have the size and the time of modification
    that they had when they were decoded, and neither the question nor the code of the checks has changed. Nothing is
    kept of small files, nor where findings are collected, which are more than the outcome.

    Args:
        root: The data folder, or the YAML file that names the files of each split.
        sources: Files with annotations.
        question: What the outcome depends on besides the files, as JSON can hold it.
    """

    def __init__(self, root: Path, sources: Iterable[Path], question: Any) -> None:
        paths = [str(source) for source in sources]
        self._applies = (
            current_findings() is None
            and all(map(os.path.isfile, paths))
            and sum(map(os.path.getsize, paths)) >= WORTHWHILE
        )
        self._paths = [*paths, *([str(root)] if root.is_file() else [])]
        self._question = json.loads(json.dumps([str(root), paths, question]))
        self._file = cache_file('checks', json.dumps(self._question))
        self._digests: dict[str, str] = {}

    def recall(self, read: Callable[[Any], _Outcome]) -> _Outcome | None:
        """The outcome of an earlier check that still holds; None if there is none.

        Args:
            read: Reads it from what :meth:`keep` was given.
        """
        if not self._applies:
            return None
        self._digests = {path: sha256_of(Path(path)) for path in self._paths}  # before the check reads them
        try:
            known = json.loads(self._file.read_bytes())
            asked, digests, images = known['question'], known['files'], known['images']
            if [asked, digests, known['code']] != [self._question, self._digests, _digest_of_code()]:
                return None
            if all(digest_of_states(folder, names) == digest for folder, names, digest in images):
                return read(known['outcome'])
        except (OSError, ValueError, LookupError, TypeError, RecursionError):  # none yet, or damaged
            pass
        return None

    def keep(self, outcome: Any, images: Iterable[Images]) -> None:
        """Keep the outcome of a check that was made after :meth:`recall`.

        Args:
            outcome: The outcome, as JSON can hold it.
            images: All images that were looked at.
        """
        if not self._applies:
            return
        listed = [[str(folder), names, digest_of_inspected(folder, names, 'image')] for folder, names in images]
        if any(digest is None for *_, digest in listed):
            return  # one has changed meanwhile
        content = dict(question=self._question, files=self._digests, code=_digest_of_code(), images=listed)
        with suppress(OSError):  # then the next check looks again
            write_text(self._file, json.dumps(content | dict(outcome=outcome)))


@cache
def _digest_of_code() -> str:
    """A digest of the package's code that checks data."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob('*.py')):
        digest.update(path.read_bytes())
    return digest.hexdigest()
