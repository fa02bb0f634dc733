"""HTML pages in one file, which a browser opens without a network."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..errors import UserError, printable
from ..utils.atomic_write import atomic_write

_TEMPLATES = Path(__file__).parent / 'templates'
_OURS = b'<meta name="generator" content="mmbackbones">'  # in base.html
_BEGINNING = 200  # bytes, in which it stands


@dataclass(frozen=True)
class Section:
    """A part of a page, with an entry in the list of contents.

    Attributes:
        anchor: What links to it end with, such as ``classes`` for ``#classes``.
        title: Its heading.
        body: Its content, see :func:`render`.
    """

    anchor: str
    title: str
    body: Markup


def write_page(template: str, path: Path, **context: Any) -> None:
    """Write a page as a single HTML file that holds all it needs.

    A Content Security Policy in it forbids any request to a network, and any script but our own.

    Args:
        template: Name of a template in ``templates/`` that extends ``base.html``.
        path: The file.
        context: What the template takes. Text is escaped, unprintable characters included, unless it is `Markup`.
            `base.html` takes ``title``; ``subtitle`` (optional); ``sections``, a list of :class:`Section`; and
            ``figures`` (optional), which programs find as JSON in the element ``figures``.

    Raises:
        UserError: The file cannot be written.
    """
    page = render(template, **context)
    try:
        with atomic_write(path) as partial:
            partial.write_text(page, encoding='utf-8')
    except OSError as error:
        raise UserError(f'cannot write the page {path}: {error.strerror or error}; name another file') from error


def refuse_foreign_page(path: Path) -> None:
    """Refuse to overwrite a file that is no page of ours: it may be the user's own.

    Raises:
        UserError: It is such a file.
    """
    try:
        with open(path, 'rb') as file:
            foreign = _OURS not in file.read(_BEGINNING)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f'cannot write the page {path}: {error.strerror or error}; name another file') from error
    if foreign:
        raise UserError(
            f'{path} is there already and is no page of mmbackbones, which would overwrite it: name another file'
        )


def render(template: str, **context: Any) -> Markup:
    """Render a template, as content of a page.

    Args:
        template: Name of a template in ``templates/``.
        context: As of :func:`write_page`.
    """
    return Markup(_environment().get_template(template).render(context))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    style, script = ((_TEMPLATES / name).read_text(encoding='utf-8') for name in ('page.css', 'page.js'))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals |= dict(style=Markup(style), script=Markup(script), script_digest=digest)
    return environment


def _shown(value: Any) -> Any:
    """Text as a browser can show it: names in users' data may hold control characters and lone surrogates."""
    return printable(value, keep='\n') if isinstance(value, str) and not isinstance(value, Markup) else value
