"""Gathers the wheels that a machine without network needs: all but PyTorch, for one Python and one stack.

The machine has this one's operating system and processor, PyTorch, and pip. `make wheelhouse` runs this script.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[1]
# Distributions of the stacks that PyPI has as sources only. They are pure Python, so any Python can build them.
SOURCES = {'openmmlab': (), 'onedl': ('onedl-mmcv', 'onedl-mmdetection', 'onedl-mmsegmentation')}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--stack', choices=sorted(SOURCES), default='openmmlab')
    parser.add_argument('--python', default='{}.{}'.format(*sys.version_info[:2]), metavar='3.N')
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    for path in args.folder.glob('mmbackbones-*.whl'):
        path.unlink()  # one of another version, which pip might prefer
    constraints = constraints_for(args.python, (ROOT / 'constraints.txt').read_text())
    with tempfile.TemporaryDirectory() as temporary:
        pinned = Path(temporary, 'constraints.txt')
        pinned.write_text('\n'.join(map(str, constraints)))
        gather(args.folder, args.stack, args.python, pinned, Path(temporary))
    print(f'{len(list(args.folder.glob("*.whl")))} wheels in {args.folder}')


def gather(folder: Path, stack: str, python: str, constraints: Path, temporary: Path) -> None:
    """Fill the folder. Built without pip's cache: it may hold a wheel of OneDL's mmcv with compiled operators."""
    build = ['wheel', '--no-deps', '--no-cache-dir', '--wheel-dir', folder, '--constraint', constraints]
    shutil.rmtree(ROOT / 'build', ignore_errors=True)  # modules that have moved since would get into the wheel
    pip(*build, ROOT, *SOURCES[stack])
    own = next(folder.glob('mmbackbones-*.whl'))
    torch = write_empty_wheel(temporary, 'torch', version_of('torch', constraints))
    fetch = ['download', '--only-binary=:all:', '--python-version', python, '--dest', folder]
    fetch += ['--constraint', constraints, '--find-links', folder]
    try:
        pip(*fetch, '--find-links', temporary, f'{own}[{stack}]', torch)
        # pip reads conditions such as `python_version < "3.11"` as those of the Python that it runs on.
        while missing := missing_requirements(folder, stack, python):
            pip(*fetch, '--no-deps', *missing)
    finally:
        (folder / torch.name).unlink(missing_ok=True)


def pip(*arguments: object) -> None:
    subprocess.run([sys.executable, '-m', 'pip', '--disable-pip-version-check', *map(str, arguments)], check=True)


def constraints_for(python: str, text: str) -> list[Requirement]:
    """The constraints that apply to a Python, without their conditions."""
    applying = []
    for line in text.splitlines():
        if line and not line.startswith('#'):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(environment(python)):
                requirement.marker = None
                applying.append(requirement)
    return applying


def environment(python: str, extra: str = '') -> dict[str, str]:
    """What conditions of requirements refer to."""
    return {**default_environment(), 'python_version': python, 'python_full_version': f'{python}.0', 'extra': extra}


def version_of(name: str, constraints: Path) -> str:
    """The version that a constraint prescribes."""
    pins = [line.partition('==')[2] for line in constraints.read_text().splitlines() if line.startswith(f'{name}==')]
    return pins[0]


def write_empty_wheel(folder: Path, name: str, version: str) -> Path:
    """A wheel without content and requirements, which pip takes for a package that is not to be gathered.

    Its version has a local part that sorts after those of real wheels, such as ``+cpu``.
    """
    version = f'{version}+not.gathered'
    path = folder / f'{name}-{version}-py3-none-any.whl'
    with ZipFile(path, 'w') as archive:
        info = f'{name}-{version}.dist-info'
        archive.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
        archive.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        archive.writestr(f'{info}/RECORD', '')
    return path


def missing_requirements(folder: Path, stack: str, python: str) -> list[str]:
    """What wheels of a folder require, on a Python, and the folder lacks."""
    there = {parse_wheel_filename(path.name)[0] for path in folder.glob('*.whl')} | {'torch'}
    missing = {}
    for path in sorted(folder.glob('*.whl')):
        extra = stack if path.name.startswith('mmbackbones-') else ''
        for requirement in requirements(path):
            name = canonicalize_name(requirement.name)
            applies = requirement.marker is None or requirement.marker.evaluate(environment(python, extra))
            if applies and name not in there:
                missing[name] = f'{requirement.name}{requirement.specifier}'
    return sorted(missing.values())


def requirements(wheel: Path) -> Iterator[Requirement]:
    """What a wheel requires."""
    with ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        headers = HeaderParser().parsestr(archive.read(metadata).decode())
    yield from map(Requirement, headers.get_all('Requires-Dist', []))


if __name__ == '__main__':
    main()
