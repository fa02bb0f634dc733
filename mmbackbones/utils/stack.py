"""Which OpenMMLab stack is installed, and what is wrong with it.

The libraries come from open-mmlab or from OneDL, which continues them under the same import names. Files of the two in
one environment overwrite each other, and pip does not notice, because the distributions have different names. Imports
nothing but the standard library, so that it can be asked before anything else is imported.
"""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

# What `import mmbackbones` needs; mmdet or mmseg is needed only by a run of such a model.
NEEDED_ON_IMPORT = ('mmengine', 'mmcv')


@dataclass(frozen=True)
class Stack:
    """A line of the OpenMMLab libraries.

    Attributes:
        name: Its name, which is also the name of our extra that installs it.
        title: Its name in sentences.
        requirements: What the extra installs, by import name.
        alternatives: Further distributions that bring the same import names, by import name.
        compiled_mmcv: The commands after which mmcv has its compiled operators, as part of a sentence.
    """

    name: str
    title: str
    requirements: dict[str, str]
    alternatives: dict[str, tuple[str, ...]]
    compiled_mmcv: str

    @property
    def extra(self) -> str:
        """What pip installs the stack by."""
        return f'mmbackbones[{self.name}]'

    @property
    def distributions(self) -> dict[str, str]:
        """The distribution that the extra installs, by import name."""
        return {module: re.split('[<>=]', requirement)[0] for module, requirement in self.requirements.items()}

    def installed(self) -> dict[str, dict[str, str]]:
        """The versions of its installed distributions: by import name, and by the distribution's name."""
        found = {}
        for module, distribution in self.distributions.items():
            versions = {}
            for name in (distribution, *self.alternatives.get(module, ())):
                try:
                    versions[name] = version(name)
                except PackageNotFoundError:
                    continue
            if versions:
                found[module] = versions
        return found


OPENMMLAB = Stack(
    name='openmmlab',
    title='open-mmlab',
    requirements={
        'mmengine': 'mmengine>=0.10.4,<1',
        'mmcv': 'mmcv-lite>=2.1,<2.2',
        'mmdet': 'mmdet>=3.3,<4',
        'mmseg': 'mmsegmentation>=1.2.2,<2',
    },
    alternatives={'mmengine': ('mmengine-lite',), 'mmcv': ('mmcv', 'mmcv-full')},
    compiled_mmcv='`pip uninstall mmcv-lite`, then `pip install --no-build-isolation "mmcv>=2.1,<2.2"`',
)
ONEDL = Stack(
    name='onedl',
    title='OneDL',
    requirements={
        'mmengine': 'onedl-mmengine>=0.10.12,<1',
        'mmcv': 'onedl-mmcv>=2.3.6,<3',
        'mmdet': 'onedl-mmdetection>=3.5.1,<4',
        'mmseg': 'onedl-mmsegmentation>=1.4.2,<2',
    },
    alternatives={},
    # Without the cache, which may hold the wheel without operators.
    compiled_mmcv='`pip uninstall onedl-mmcv`, then `pip install --no-cache-dir --no-build-isolation onedl-mmcv`',
)
STACKS = (OPENMMLAB, ONEDL)


def find_stack() -> Stack | None:
    """The stack that is installed: None if there is none, or both are.

    Libraries without one of the distributions, such as a checkout on `PYTHONPATH` or a fork of another name, count as
    open-mmlab's, unless a distribution of OneDL is beside them.
    """
    found = [stack for stack in STACKS if stack.installed()]
    if not found and any(_is_there(module) for module in OPENMMLAB.distributions):
        return OPENMMLAB
    return found[0] if len(found) == 1 else None


def stack_problem(needed: Iterable[str] = NEEDED_ON_IMPORT) -> str | None:
    """What is wrong with the installed stack: one sentence, with the command that mends it.

    Args:
        needed: The import names that have to be there.

    Returns:
        None if exactly one stack is there, with everything that is needed. A library that Python finds is accepted,
        whichever distribution it came with, if any.
    """
    both = [stack.installed() for stack in STACKS]
    if all(both):
        return _both_stacks(both)
    stack = STACKS[1] if both[1] else STACKS[0]
    installed = stack.installed()
    for module, versions in installed.items():
        if len(set(versions.values())) > 1:
            return _two_distributions(stack, module, versions)
    lost = {name: v for module, versions in installed.items() if not _is_there(module) for name, v in versions.items()}
    if lost:
        pins = ' '.join(f'{name}=={v}' for name, v in lost.items())
        return (
            f'{_listed(list(lost))} lost files to another package of the same import name: run '
            f'`pip install --force-reinstall --no-deps {pins}`'
        )
    missing = [module for module in needed if not _is_there(module)]
    if not missing:
        return None
    if find_stack() is None:
        return (
            'mmbackbones needs the libraries of OpenMMLab, and none is installed: run '
            f'`{_install(OPENMMLAB)}`, or, for OneDL, `{_install(ONEDL)}`'
        )
    names = ' '.join(f'"{stack.requirements[module]}"' for module in missing)
    return f'{_listed(missing)} {"is" if len(missing) == 1 else "are"} not installed: run `pip install {names}`'


def _both_stacks(both: list[dict[str, dict[str, str]]]) -> str:
    """Uninstalling one of them would leave the other without the files that were overwritten, hence both."""
    lines = [{name: v for versions in found.values() for name, v in versions.items()} for found in both]
    first, second = (_listed([f'{name} {v}' for name, v in line.items()]) for line in lines)
    names = ' '.join(name for line in lines for name in line)
    return (
        f'the files of two stacks overwrite each other, {OPENMMLAB.title} ({first}) and {ONEDL.title} ({second}): run '
        f'`pip uninstall {names}`, then either `{_install(OPENMMLAB)}` or `{_install(ONEDL)}`'
    )


def _two_distributions(stack: Stack, module: str, versions: dict[str, str]) -> str:
    listed = _listed([f'{name} {v}' for name, v in versions.items()])
    return (
        f'the files of {listed} overwrite each other, because all are imported as {module}: run '
        f'`pip uninstall {" ".join(versions)}`, then install one of them'
    )


def _install(stack: Stack) -> str:
    return f'pip install "{stack.extra}"'


def _is_there(module: str) -> bool:
    """Whether Python finds a library; not so what is left of a removed one: a folder without `__init__.py`."""
    if module in sys.modules:  # loaded, or blocked by None
        return True
    spec = find_spec(module)
    return spec is not None and spec.origin is not None


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f'{", ".join(words[:-1])} and {words[-1]}'
