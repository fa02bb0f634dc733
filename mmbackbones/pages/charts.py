"""Charts of Matplotlib inside a page."""

import base64
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from ..errors import printable

# Letters stay text, in a browser's own fonts, which have those of every language.
_STYLE: dict[Any, Any] = {
    'svg.fonttype': 'none',
    'svg.hashsalt': 'mmbackbones',  # equal charts are equal files
    'font.family': 'sans-serif',
    'font.size': 10,
    'text.parse_math': False,  # a dollar sign in a name is a dollar sign
    'text.color': '#1f2328',
    'axes.edgecolor': '#8c959f',
    'axes.labelcolor': '#424a53',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.axisbelow': True,
    'axes.prop_cycle': cycler(
        color=['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#5c5c5c', '#8c6d00']
    ),
    'grid.color': '#e6e9ed',
    'xtick.color': '#57606a',
    'ytick.color': '#57606a',
    'lines.linewidth': 2,
    'legend.frameon': False,
    'figure.facecolor': 'white',
}
# A wide chart scrolls on a narrow screen, where its letters could not be read.
_LEAST_WIDTH, _SHRUNK = 680, 0.65


@contextmanager
def chart_style() -> Iterator[None]:
    """The look of charts, for a figure that is made in a ``with`` block: colors that color-blind people tell apart."""
    with matplotlib.rc_context(_STYLE):
        yield


def chart(figure: Figure, description: str) -> Markup:
    """A figure as an image of a page.

    Args:
        figure: Made with ``matplotlib.figure.Figure`` rather than pyplot, which keeps figures in memory.
        description: What it shows, for those who cannot see it.
    """
    file = io.BytesIO()
    with chart_style(), _quiet():
        figure.savefig(file, format='svg', dpi=200, metadata=dict(Date=None))
    content = base64.b64encode(file.getvalue()).decode()
    least = min(_LEAST_WIDTH, round(_SHRUNK * figure.get_figwidth() * 96))
    return Markup('<img class="chart" alt="{}" style="min-width:{}px" src="data:image/svg+xml;base64,{}">').format(
        printable(description), least, content
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings of letters that Matplotlib's font lacks: it is the browser's that are shown."""
    fonts = logging.getLogger('matplotlib.font_manager')
    level = fonts.level
    fonts.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='.*[Gg]lyph.*missing')
            yield
    finally:
        fonts.setLevel(level)
