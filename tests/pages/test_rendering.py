"""Pages in one file: what a browser makes of them, and of hostile names in them."""

import json
import re

import numpy as np
import pytest
from markupsafe import Markup
from matplotlib.figure import Figure

from mmbackbones.errors import UserError
from mmbackbones.pages import rendering
from mmbackbones.pages.charts import chart, chart_style
from mmbackbones.pages.pictures import MOST_BYTES, data_uri, resized
from mmbackbones.pages.rendering import Section, write_page
from mmbackbones.pages.tables import Column, Table

HOSTILE = [
    '<script>alert(1)</script>',
    '{{ 7 * 7 }}',
    '$x^2$ \\',
    '\x1b[31mred\0',
    '数据集 "é" \'',
    'n' * 200,
    '\udc80',
]


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    """A page with every part, full of names as users' data may hold them."""
    rows = [[name, index / 10, index] for index, name in enumerate(HOSTILE)] + [['nothing', float('nan'), None]]
    table = Table([Column('class'), Column('AP', 'share', 'average <precision>'), Column('objects', 'count')], rows)
    with chart_style():
        figure = Figure((4, 3))
        axes = figure.subplots()
        axes.plot([0, 1], label=HOSTILE[0])
        axes.set(title=HOSTILE[2], xlabel=HOSTILE[4])
        axes.legend()
    noise = np.random.default_rng(0).integers(0, 256, (600, 800, 3)).astype(np.uint8)
    items = [dict(source=data_uri(noise), caption=name, alt=name) for name in HOSTILE]
    parts = rendering._environment().get_template('macros.html').module
    body = parts.table(table) + parts.figure(chart(figure, HOSTILE[0]), HOSTILE[1]) + parts.pictures(items)
    body += parts.tiles([dict(value='0.5', name=name, note='') for name in HOSTILE])
    sections = [Section('one', HOSTILE[0], body), Section('two', HOSTILE[1], Markup('<p>text</p>'))]
    path = tmp_path_factory.mktemp('page') / 'page.html'
    write_page('base.html', path, title=HOSTILE[3], sections=sections, figures=dict(rows=table.records()))
    return path


def test_names_are_escaped(page):
    text = page.read_text(encoding='utf-8')
    assert '<script>alert' not in text
    assert text.count('{{ 7 * 7 }}') > 1
    assert '\x1b' not in text
    assert r'\x1b[31mred\x00' in text
    assert r'\udc80' in text
    assert 'http' not in re.sub(r'data:[^"]*', '', text).replace('http-equiv', '')
    assert len(text) < (MOST_BYTES * 4 // 3 + 5000) * 8


def test_figures_are_read_back(page):
    content = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page.read_text(), re.DOTALL)[1]
    rows = json.loads(content)['rows']
    assert [row['class'] for row in rows] == [*HOSTILE, 'nothing']
    assert rows[-1] == {'class': 'nothing', 'AP': None, 'objects': None}


@pytest.mark.slow
def test_in_a_browser(browser, page, tmp_path):
    browser.open(page)
    assert browser.broken_images() == []
    assert browser.overflow() == 0
    browser.resize(420)
    assert browser.overflow() == 0
    assert browser.complaints() == []
    assert browser.requests() == []
    # Sorted by a click, by the other order with the second; what is not known is last either way.
    column = "return [...document.querySelectorAll('tbody tr')].map(row => row.cells[arguments[0]].innerText)"
    heading = "document.querySelectorAll('thead button')[arguments[0]].click()"
    browser.run(heading, 2)
    assert browser.run(column, 2) == ['6', '5', '4', '3', '2', '1', '0', '–']  # noqa: RUF001
    browser.run(heading, 2)
    assert browser.run(column, 2) == ['0', '1', '2', '3', '4', '5', '6', '–']  # noqa: RUF001
    browser.run(heading, 0)
    assert browser.run(column, 0)[-1] in ('数据集 "é" \'', 'red')
    browser.run("document.querySelector('button.enlarge').click()")
    assert browser.run("return document.getElementById('enlarged').open")
    # Nothing else runs, and nothing leaves the page.
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')")
    browser.run("fetch('http://127.0.0.1:9/').catch(() => 0)")
    assert any('Content Security Policy' in line for line in browser.complaints())
    assert not browser.run('return window.ran')


def test_a_page_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='cannot write the page'):
        write_page('base.html', tmp_path / 'file' / 'page.html', title='', sections=[])


def test_pictures_have_few_bytes_and_their_size():
    noise = np.random.default_rng(0).integers(0, 256, (400, 300, 3)).astype(np.uint8)
    assert len(data_uri(noise, 2000, 100)) < MOST_BYTES * 4 / 3 + 100
    small, scale = resized(noise[:50, :20], 480)
    assert small.shape == (200, 80, 3)
    assert scale == 4
    large, scale = resized(noise, 200)
    assert large.shape == (200, 150, 3)
    assert scale == 0.5
