"""Texts and tables of the page, as HTML in which whatever is not ours is escaped."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, Template

from ...errors import printable
from ...prediction.prediction import Prediction
from ...utils.text import counted
from ...visualization.class_colors import class_color
from .shown import class_rows, object_rows

CSS = """
.gradio-container { max-width: 1280px !important; margin: 0 auto; }
.gradio-container h1 { margin: 0; font-size: 1.5rem; overflow-wrap: anywhere; }
.gradio-container p { margin: 0; }
.note { overflow-wrap: anywhere; }
.problem { padding: 0.6em 0.8em; border-left: 4px solid #b3261e; background: var(--background-fill-secondary);
  overflow-wrap: anywhere; }
.rows { max-height: 22em; margin-top: 0.4em; overflow-y: auto; }
.rows table { width: 100%; margin: 0; border: 0 !important; border-collapse: collapse; font-size: 0.9em;
  font-variant-numeric: tabular-nums; }
.rows tr { border: 0; }
.rows th { position: sticky; top: 0; background: var(--body-background-fill); font-weight: 600; text-align: left; }
.rows th, .rows td { padding: 0.3em 0.5em; border: 0 !important; }
.rows td { border-top: 1px solid var(--border-color-primary) !important; }
.rows th:first-child, .rows td:first-child { padding-left: 0; }
.rows .number { text-align: right; white-space: nowrap; }
.rows .name { overflow-wrap: anywhere; }
.rows .swatch { display: inline-block; width: 0.9em; height: 0.9em; margin-right: 0.6em; vertical-align: -0.1em;
  border: 1px solid rgb(0 0 0 / 35%); border-radius: 2px; }
"""
_MOST_ROWS = 300
_NAMED = 8  # classes in the heading
_LONGEST_NAME = 80  # characters

_TEMPLATES = {
    'title': '<h1>{{ file }}</h1><p class="note">{{ task }} of {{ classes }}. {{ network }}, on {{ device }}.</p>',
    'note': '<p class="note">{{ text }}</p>',
    'problem': '<p class="problem" role="alert">{{ text }}</p>',
    'objects': """
<p>{{ count }} of {{ all }} {{ 'has' if one else 'have' }} a score of at least {{ '%.2f' | format(score_thr) }}
{{- ' and a chosen class' if some }}.{{ ' Places and sizes are in pixels.' if rows }}{{ size }}</p>
{% if rows %}
<div class="rows"><table>
<thead><tr><th>Class</th><th class="number">Score</th><th class="number">Left</th><th class="number">Top</th>
<th class="number">Width</th><th class="number">Height</th></tr></thead>
<tbody>
{% for row in rows %}
<tr><td class="name"><span class="swatch" style="background: {{ row.label | color }}"></span>{{ row.name }}</td>
<td class="number">{{ '%.2f' | format(row.score) }}</td><td class="number">{{ row.left }}</td>
<td class="number">{{ row.top }}</td><td class="number">{{ row.width }}</td>
<td class="number">{{ row.height }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
{% if more %}<p class="note">{{ more }} more, with lower scores, are in the picture only.</p>{% endif %}
""",
    'classes': """
<p>{{ count }} of {{ all }} {{ 'is' if one else 'are' }} shown.{{ size }}</p>
{% if rows %}
<div class="rows"><table>
<thead><tr><th>Class</th><th class="number">Share of the pixels</th></tr></thead>
<tbody>
{% for row in rows %}
<tr><td class="name"><span class="swatch" style="background: {{ row.label | color if row.tinted else 'none' }}"></span>
{{- row.name }}</td>
<td class="number">{{ '%.1f' | format(100 * row.share) }} %</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
""",
}


def title(file: str, task: str, classes: Sequence[str], network: str, device: str) -> str:
    """The heading of the page.

    Args:
        file: Name of the checkpoint.
        task: What the model does.
        classes: Names of its classes, the first of which are given.
        network: What it is.
        device: Where it computes.
    """
    more = len(classes) - _NAMED
    named = ', '.join(classes[:_NAMED]) + (f' and {more} more' if more > 0 else '')
    number = counted(len(classes), 'class', 'classes')
    return _render('title', file=file, task=task.capitalize(), classes=f'{number}: {named}', network=network,
                   device=device)  # fmt: skip


def note(text: str) -> str:
    """A sentence of help."""
    return _render('note', text=text)


def problem(text: str) -> str:
    """A sentence that says what went wrong."""
    return _render('problem', text=text)


def found_table(found: Prediction, total: int, score_thr: float, some: bool, size: str = '') -> str:
    """What was found: a table of the objects, or of a segmentor the legend.

    Args:
        found: What is shown of it.
        total: How many objects there are of any score and class, or how many classes.
        score_thr: The threshold that is chosen.
        some: Whether only some classes are chosen.
        size: A sentence on the size of the image, if it was changed.
    """
    size = f' {size}' if size else ''
    if found.segmentation is not None:
        legend = class_rows(found)
        context = dict(all=counted(total, 'class', 'classes'), one=1 in (len(legend), total), size=size)
        return _render('classes', rows=legend, count=len(legend), **context)
    rows = object_rows(found)
    context = dict(all=counted(total, 'object'), one=1 in (len(rows), total), score_thr=score_thr, some=some, size=size)
    more = max(0, len(rows) - _MOST_ROWS)
    return _render('objects', rows=rows[:_MOST_ROWS], more=more, count=len(rows), **context)


def shown_name(text: str) -> str:
    """A name from data on one line of a usual length."""
    text = printable(' '.join(text.split()))
    return text if len(text) <= _LONGEST_NAME else f'{text[: _LONGEST_NAME - 20]}…{text[-19:]}'


def _render(name: str, **context: Any) -> str:
    lines = _template(name).render(context).splitlines()
    return '\n'.join(line for line in lines if line.strip())


@cache
def _template(name: str) -> Template:
    environment = Environment(autoescape=True, trim_blocks=True, finalize=_finalize)
    environment.filters['color'] = lambda label: 'rgb({}, {}, {})'.format(*class_color(label))
    return environment.from_string(_TEMPLATES[name].strip())


def _finalize(value: Any) -> Any:
    return printable(value) if type(value) is str else value
