"""What is taken of a program of `torch.export` that a stranger may have written: operators, names and sizes.

PyTorch calls whatever a program names, evaluates expressions of sizes as Python, and writes the names of values into
source code that it runs.
"""

import re
from collections.abc import Iterator
from typing import Any

from torch.utils._pytree import tree_structure, treespec_dumps

_OPERATORS = re.compile(
    r'torch\.ops\.(aten|prims|mmbackbones)\.\w+(\.\w+)?'
    r'|_operator\.(add|sub|mul|floordiv|mod|truediv|pow|neg|eq|ne|lt|le|gt|ge|and_|or_|not_|getitem)'
    r'|torch\.sym_(max|min|int|float|not|ite|sum)'
    r'|math\.(ceil|floor|trunc)'
)
_WORD = re.compile(r'[\w.+-]{0,300}', re.ASCII)
_EXPRESSION = re.compile(r"(?:[\s()=,*/%+<>!-]|\d+(?:\.\d+)?|'[su]\d+'|[A-Za-z]\w*)*", re.ASCII)
_NAMES = {
    *('Symbol', 'Integer', 'Float', 'Rational', 'positive', 'nonnegative', 'integer', 'real', 'True', 'False', 'oo'),
    *('Add', 'Mul', 'Pow', 'Mod', 'PythonMod', 'FloorDiv', 'CleanDiv', 'IntTrueDiv', 'FloatTrueDiv', 'ToFloat'),
    *('Max', 'Min', 'CeilToInt', 'FloorToInt', 'TruncToInt', 'RoundToInt', 'int_oo'),
    *('Eq', 'Ne', 'Ge', 'Le', 'Gt', 'Lt', 'Equality', 'Unequality', 'And', 'Or', 'Not', 'Piecewise'),
    *('GreaterThan', 'LessThan', 'StrictGreaterThan', 'StrictLessThan'),
}
# Conditions on sizes, which PyTorch runs as Python: `L['image'].size()[2] // 32 > 1` and the like.
_SIZE = re.compile(r"L\['\w+'\]\.size\(\)\[\d\]", re.ASCII)
_CONDITION = re.compile(r'(?:[\s(),+%<>!=-]|\*(?!\*)|//?|\b(?:\d{1,18}|size|max|min|and|or|not)\b)*')
_MAX_EXPRESSION = 5000  # characters
# Values that are no tensors, numbers or words: other programs, and objects that would be unpickled.
_OTHER_VALUES = ('as_graph', 'as_custom_obj', 'as_operator', 'as_script_object', 'custom_obj', 'as_complex')


class ProgramError(Exception):
    """Something that is not taken."""


def check_program(program: dict[str, Any]) -> dict[str, Any]:
    """Check the description of a program, and leave out what only serves reading it.

    Args:
        program: The description, from JSON; changed in place.

    Raises:
        ProgramError: It holds something that is not taken.
    """
    for text in program.get('guards_code', []):
        if not isinstance(text, str) or len(text) > _MAX_EXPRESSION or not _is_condition(text):
            raise ProgramError(f'a condition is {str(text)[:100]!r}')
    module = program['graph_module']
    module['metadata'] = {}
    for node in module['graph']['nodes']:
        node['metadata'] = {}
        target = node['target']
        if not isinstance(target, str) or not _OPERATORS.fullmatch(target) or 'file' in target:
            raise ProgramError(f'it calls {str(target)[:100]!r}')
    if module.get('treespec_namedtuple_fields'):
        raise ProgramError('it takes or gives other objects than tensors')
    whole = module['module_call_graph'] = module['module_call_graph'][:1]
    # PyTorch looks up types by what these say of containers: here it is one tensor, and a tuple of them.
    outputs = sum('user_output' in spec for spec in module['signature']['output_specs'])
    whole[0]['signature'].update(in_spec=_structure(((0,), {})), out_spec=_structure((0,) * outputs))
    for key, value in _texts(program):
        if key == 'expr_str':
            _check_expression(value)
        elif key not in ('in_spec', 'out_spec', 'guards_code') and not _WORD.fullmatch(value):
            raise ProgramError(f'{key} is {value[:100]!r}')
    return program


def check_weights(config: dict[str, Any]) -> list[str]:
    """The names of the files with weights that a list of them names.

    Raises:
        ProgramError: One of them would be unpickled.
    """
    files = []
    for entry in config['config'].values():
        name = entry['path_name']
        if entry['use_pickle'] is not False or not re.fullmatch(r'(weight|tensor)_\d+', name, re.ASCII):
            raise ProgramError(f'{str(name)[:100]!r} is no plain tensor')
        files.append(name)
    for key, value in _texts(config):
        if not _WORD.fullmatch(value):
            raise ProgramError(f'{key} is {value[:100]!r}')
    return list(dict.fromkeys(files))


def _structure(tree: Any) -> str:
    """The description of nested containers."""
    return treespec_dumps(tree_structure(tree))


def _texts(node: Any, key: str = '') -> Iterator[tuple[str, str]]:
    """Every text in a description, with the key that it stands at, and every key."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in _OTHER_VALUES and value:
                raise ProgramError(f'it holds a value of the kind {name!r}')
            yield 'a name', name
            yield from _texts(value, name)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value, key)
    elif isinstance(node, str):
        yield key, node


def _is_condition(text: str) -> bool:
    return bool(_CONDITION.fullmatch(_SIZE.sub(' size ', text)))


def _check_expression(text: str) -> None:
    """Refuse an expression of sizes that is more than arithmetic: PyTorch evaluates it as Python."""
    sound = len(text) <= _MAX_EXPRESSION and _EXPRESSION.fullmatch(text)
    if not sound or not _NAMES.issuperset(re.findall(r"(?<![\w'])[A-Za-z_]\w*", text)):
        raise ProgramError(f'a size is {text[:100]!r}')
