"""A COCO file of predictions that is written image by image."""

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any

from ..errors import UserError
from ..utils.atomic_write import atomic_write
from .coco_form import coco_categories


class CocoFile:
    """A file of ``categories``, ``annotations`` and ``images``, to be used in a ``with`` block.

    However many images there are, no more than one is in memory. The file takes its place at the end, complete and
    whole also if the block ends with an error: then it holds the images until there.

    Args:
        path: The file.
        classes: Names of the classes.
        category_ids: The number of each class in the data.
        info: What the file is of, as its ``info``; None: it has none.
        what: What it holds, for messages.

    Raises:
        UserError: The file cannot be written; also from the methods.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        classes: Sequence[str],
        category_ids: Sequence[int],
        info: dict[str, Any] | None = None,
        what: str = 'the predictions',
    ) -> None:
        self.path = Path(path)
        self._info = '' if info is None else f'"info": {json.dumps(info)},\n'
        self._what = what
        self._categories = coco_categories(classes, category_ids)
        self._images = self._annotations = 0

    def __enter__(self) -> 'CocoFile':
        with ExitStack() as stack:
            try:
                partial = stack.enter_context(atomic_write(self.path))
                self._file: IO[bytes] = stack.enter_context(open(partial, 'wb'))
                # JSON has one list after the other, but both grow with each image.
                self._rest: IO[bytes] = stack.enter_context(TemporaryFile(dir=self.path.parent))
            except OSError as error:
                raise self._unwritable(error) from error
            self._open = stack.pop_all()
        self._sizes = 0, 0
        self._put(f'{{{self._info}"categories": {json.dumps(self._categories)},\n"annotations": [', '"images": [')
        return self

    def write(self, image: dict[str, Any], annotations: Iterable[dict[str, Any]]) -> None:
        """Add an image.

        Args:
            image: ``file_name``, ``width``, ``height``, and ``id``, which is counted from 1 if it is left out.
            annotations: What was found in it, see :func:`~mmbackbones.evaluation.coco_form.coco_annotations`; they get
                an ``id``, and the ``image_id`` of this image.
        """
        image = {'id': self._images + 1, **image}
        lines = [
            json.dumps({'id': number, **annotation, 'image_id': image['id']}, allow_nan=False)
            for number, annotation in enumerate(annotations, self._annotations + 1)
        ]
        self._put(
            ''.join((',\n' if self._annotations or number else '\n') + line for number, line in enumerate(lines)),
            (',\n' if self._images else '\n') + json.dumps(image),
        )
        self._annotations += len(lines)
        self._images += 1

    def close(self) -> None:
        """Finish the file, and put it in its place."""
        self.__exit__(None, None, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            with self._open:  # which discards the file if this block fails
                for file, size in zip((self._file, self._rest), self._sizes, strict=True):
                    file.truncate(size)  # Ctrl-C may have left half an image
                    file.seek(0, os.SEEK_END)
                self._file.write(b'],\n')
                self._rest.seek(0)
                shutil.copyfileobj(self._rest, self._file)
                self._file.write(b']}\n')
        except OSError as failure:
            raise self._unwritable(failure) from failure

    def _put(self, *texts: str) -> None:
        """Add text to the file and to what comes after it."""
        try:
            for file, text in zip((self._file, self._rest), texts, strict=True):
                file.write(text.encode('ascii'))
        except OSError as error:
            raise self._unwritable(error) from error
        first, second = map(len, texts)
        self._sizes = self._sizes[0] + first, self._sizes[1] + second

    def _unwritable(self, error: OSError) -> UserError:
        return UserError(f'cannot write {self._what} to {self.path}: {error.strerror or error}')
