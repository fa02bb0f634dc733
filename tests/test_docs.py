"""What the documentation names exists: paths, Python names, configs, options, make targets and links."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain, pairwise
from pathlib import Path

import pytest

from mmbackbones.cli import VERBS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'mmbackbones'
PAGES = [*sorted(ROOT.glob('*.md')), *sorted(ROOT.glob('docs/*.md')), *sorted(ROOT.glob('.github/*.md'))]
CURRENT = [page for page in PAGES if page.name != 'CHANGELOG.md']  # that one also names what there was before
FAMILIES = sorted(path.parent.name for path in ROOT.glob('configs/*/metafile.yml'))
CONFIG = re.compile(rf'(?:retinanet|(?:cascade_)?mask_rcnn|upernet|semantic_fpn)_(?:{"|".join(FAMILIES)})_\w+')
# Options of other programs that the pages quote.
OTHER_OPTIONS = {'--check', '--config', '--help', '--logdir'}
OTHER_OPTIONS |= {'--nproc_per_node', '--shutdown_timeout', '--standalone'}  # torchrun's
OTHER_OPTIONS |= {'--gres', '--kill-on-bad-exit', '--ntasks', '--ntasks-per-node', '--signal', '--time'}  # srun's
OTHER_OPTIONS |= {'--find-links', '--no-build-isolation', '--no-cache-dir', '--no-index'}  # pip's

# Identifiers that are not in the sources: PyTorch's, COCO's, made by code, or with a letter that stands for a number.
OTHER_WORDS = {
    'GLOO_SOCKET_IFNAME',
    'NCCL_DEBUG',
    'NCCL_SOCKET_IFNAME',
    'bbox_mAP_75',
    'bbox_mAP_l',
    'bbox_mAP_m',
    'bbox_mAP_s',
    'epoch_N',
    'find_loader',
    'iter_N',
    'libGL',
    'pkg_resources',
    'segm_mAP',
    'set_crc32_options',
    'shutdown_timeout',
    'tiled_attend',
}

pages = pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
current_pages = pytest.mark.parametrize('page', CURRENT, ids=lambda page: page.name)


def split(text: str) -> tuple[str, str]:
    """A page's text outside and inside of fenced blocks."""
    parts = re.split(r'^```.*$', text, flags=re.MULTILINE)
    return '\n'.join(parts[::2]), '\n'.join(parts[1::2])


def spans(page: Path) -> list[str]:
    """What stands in backticks, and the lines of fenced blocks."""
    prose, code = split(page.read_text(encoding='utf-8'))
    return re.findall(r'`([^`\n]+)`', prose) + [line for line in code.splitlines() if line.strip()]


def expand(pattern: str) -> Iterator[str]:
    """A shell's brace expansion, nested ones included."""
    start = pattern.find('{')
    if start < 0:
        yield pattern
        return
    depth, commas = 0, [start]
    for end in range(start, len(pattern)):
        depth += {'{': 1, '}': -1}.get(pattern[end], 0)
        if depth == 0:
            break
        if depth == 1 and pattern[end] == ',':
            commas.append(end)
    commas.append(end)
    for left, right in pairwise(commas):
        yield from expand(pattern[:start] + pattern[left + 1 : right] + pattern[end + 1 :])


def exists(path: str) -> bool:
    """Whether `path` is there, from the repository's root or the package; ``<family>`` and ``*`` stand for any name."""
    pattern = re.sub(r'<\w+>', '*', path.rstrip('/'))
    return any(next(folder.glob(pattern), None) for folder in (ROOT, PACKAGE))


def test_braces_are_expanded():
    assert list(expand('{a,b_{c,d}}.py')) == ['a.py', 'b_c.py', 'b_d.py']
    assert list(expand('a{,b}/{c}')) == ['a/c', 'ab/c']


@current_pages
def test_paths_exist(page):
    folders = '|'.join(re.escape(path.name) for path in chain(ROOT.iterdir(), PACKAGE.iterdir()) if path.is_dir())
    path = re.compile(rf'(?<![\w/.=-])(?:(?:{folders})/[\w./*<>{{}},-]+|[\w/]+\.py)(?![\w(/])')
    found = {word for span in spans(page) for word in path.findall(span)}
    made = ('data/', 'work_dirs/', 'mmbackbones/.mim/')  # by commands
    named = {name for word in found for name in expand(word.rstrip('.,')) if not name.startswith(made)}
    assert not {name for name in named if not exists(name) and not any(ROOT.rglob(f'{PACKAGE.name}/**/{name}'))}


@cache
def names_in(module: Path) -> dict[str, ast.AST]:
    """The names that a module defines or imports."""
    names = {}
    for node in ast.walk(ast.parse(module.read_text(encoding='utf-8'))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update({(alias.asname or alias.name): node for alias in node.names})
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update({target.id: node for target in targets if isinstance(target, ast.Name)})
    return names


def is_defined(dotted: str) -> bool:
    """Whether a dotted name of the package leads to a module, or to a name in one; nothing is imported."""
    parts = dotted.split('.')
    for length in range(len(parts), 0, -1):
        base = ROOT.joinpath(*parts[:length])
        module = base / '__init__.py' if base.is_dir() else base.with_suffix('.py')
        if module.is_file():
            rest = parts[length:]
            return not rest or (rest[0] in names_in(module) and all(name in names_in(module) for name in rest[1:]))
    return False


def test_a_name_that_is_not_there():
    assert is_defined('mmbackbones.weights.RELEASES')
    assert is_defined('mmbackbones.backbones.base.PyramidBackbone.forward')
    assert not is_defined('mmbackbones.weights.NO_SUCH_NAME')
    assert not is_defined('mmbackbones.no_such_module')


@current_pages
def test_python_names_exist(page):
    found = {name for span in spans(page) for name in re.findall(r'\bmmbackbones(?:\.[A-Za-z_]\w*)+', span)}
    assert not {name for name in found if not is_defined(name)}
    imports = re.findall(r'^from (mmbackbones[\w.]*) import (.+)$', split(page.read_text())[1], flags=re.MULTILINE)
    assert not [f'{module}.{name}' for module, names in imports for name in names.split(', ')
                if not is_defined(f'{module}.{name}')]  # fmt: skip


@pages
def test_python_examples_parse(page):
    for block in re.findall(r'^```python\n(.*?)^```', page.read_text(encoding='utf-8'), re.MULTILINE | re.DOTALL):
        assert ast.parse(block).body


@cache
def functions() -> dict[str, ast.arguments]:
    """The parameters of the functions in ``mmbackbones/apis/``."""
    files = chain(PACKAGE.glob('apis/*.py'), PACKAGE.glob('apis/*/__init__.py'))
    nodes = chain.from_iterable(names_in(path).items() for path in files)
    return {name: node.args for name, node in nodes if isinstance(node, ast.FunctionDef)}


@current_pages
def test_python_examples_call_what_is_there(page):
    """Calls of ``mmb.NAME``: the name is public, and its function takes these arguments."""
    for block in re.findall(r'^```python\n(.*?)^```', page.read_text(encoding='utf-8'), re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Call) and (name := re.fullmatch(r'mmb\.(\w+)', ast.unparse(node.func))):
                assert is_defined(f'mmbackbones.{name[1]}')
                takes = functions()[name[1]]
                known = {argument.arg for argument in (*takes.args, *takes.kwonlyargs)}
                assert takes.vararg or len(node.args) <= len(takes.args)
                assert takes.kwarg or {keyword.arg for keyword in node.keywords} <= known


@current_pages
def test_configs_exist(page):
    found = {name for span in spans(page) for word in expand(span) for name in CONFIG.findall(word)}
    assert not {name for name in found if not (ROOT / 'configs' / f'{name}.py').is_file()}


@cache
def words() -> set[str]:
    """Every word in the package's, the tools', the configs' and the tests' sources and file names."""
    folders = [ROOT / name for name in ('mmbackbones', 'tools', 'configs', 'tests')]
    files = [path for folder in folders for path in folder.rglob('*')]
    sources = [path for path in files if path.suffix in ('.py', '.yml') and path != Path(__file__)]
    texts = [path.read_text(encoding='utf-8') for path in sources]
    return set(re.findall(r'\w+', '\n'.join([*texts, *map(str, files)])))


@pytest.mark.parametrize(
    'page',
    [page for page in CURRENT if page.name != 'detectors.md'],  # which names what is in other packages
    ids=lambda page: page.name,
)
def test_identifiers_occur_in_the_sources(page):
    prose, _ = split(page.read_text(encoding='utf-8'))
    whole = [span for span in re.findall(r'`([^`\n]+)`', prose) if not re.search('[{<]', span)]
    found = {word for span in whole for word in re.findall(r'\b[A-Za-z_]\w*', span) if re.search(r'[a-z][A-Z]|_', word)}
    assert found <= words() | OTHER_WORDS


@cache
def options_of(verb: str) -> set[str]:
    """The options of a verb: those in its module, and in the module of shared ones if it takes any of them."""
    folder = ROOT / 'mmbackbones' / 'cli'
    text = (folder / f'{verb.replace("-", "_")}.py').read_text(encoding='utf-8')
    if re.search(r'\badd_\w+_options\b', text):
        text += (folder / 'options.py').read_text(encoding='utf-8')
    return set(re.findall(r"'(--[a-z][\w-]+)'", text))


def verb_of(command: str) -> str | None:
    """The verb that a command line calls, as ``mmbackbones VERB`` or by its file in ``tools/``."""
    if called := re.match(r'(?:\$ |\w+=\S+ |torchrun .* -m (?:-- )?)*mmbackbones ([a-z][\w-]*)', command):
        return called[1]
    tools = {f'{verb.replace("-", "_")}.py': verb for verb in VERBS} | {'get_flops.py': 'flops'}
    return tools.get(called[1]) if (called := re.search(r'tools/(\w+\.py)', command)) else None


@current_pages
def test_options_exist(page):
    everywhere = set().union(*map(options_of, VERBS)) | OTHER_OPTIONS
    option = re.compile(r'(?<![\w-])--[a-z][\w-]+')
    wrong = {name for span in spans(page) for name in option.findall(span) if name not in everywhere}
    _, code = split(page.read_text(encoding='utf-8'))
    for line in code.replace('\\\n', ' ').splitlines():
        if verb := verb_of(line):
            assert verb in VERBS, line
            command = re.split(r'\bmmbackbones |tools/', line, maxsplit=1)[1]
            wrong |= {f'{verb} {name}' for name in option.findall(command) if name not in options_of(verb)}
    assert not wrong


@current_pages
def test_make_targets_exist(page):
    targets = re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(encoding='utf-8'), re.MULTILINE)
    found = {name for span in spans(page) for name in re.findall(r'^make ([\w-]+)', span)}
    assert found <= set(targets)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r'^#+ (.+)$', split(page.read_text(encoding='utf-8'))[0], re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


@pages
def test_links_lead_somewhere(page):
    broken = []
    for target in re.findall(r'\]\(([^)\s]+)\)', split(page.read_text(encoding='utf-8'))[0]):
        if target.startswith(('http://', 'https://')):
            continue
        path, _, anchor = target.partition('#')
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def test_pages_that_sources_name_exist():
    folders = [ROOT / name for name in ('mmbackbones', 'tools', 'configs', 'tests')]
    sources = [path for folder in folders for path in folder.rglob('*.py')]
    named = {page for path in sources for page in re.findall(r'docs/\w+\.md', path.read_text(encoding='utf-8'))}
    assert {ROOT / page for page in named} <= set(PAGES)


@pages
def test_text_is_wrapped(page):
    prose, _ = split(page.read_text(encoding='utf-8'))
    assert not [line for line in prose.splitlines() if len(line) > 120 and not line.startswith('|')]
