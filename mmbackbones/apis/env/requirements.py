"""What is required, read from the metadata of the installed packages, and what is installed."""

import re
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

# Distributions of OpenCV: each brings the same import name, in place of the others.
OPENCV = ('opencv-python', 'opencv-python-headless', 'opencv-contrib-python', 'opencv-contrib-python-headless')
PACKAGE = Path(__file__).parents[2]  # the folder mmbackbones/


@dataclass(frozen=True)
class Requirement:
    """A distribution that is needed.

    Attributes:
        name: Its name, in lower case and with hyphens.
        specifier: The versions that are allowed, as pip takes them; empty if all are.
        needed_by: The distribution that needs it.
        version: The version that is installed; None if it is missing.
        allowed: Whether that version is allowed; None if it could not be compared, or is missing.
        installed: Name of the installed distribution, which may be one that stands in for it.
    """

    name: str
    specifier: str
    needed_by: str
    version: str | None = None
    allowed: bool | None = None
    installed: str = ''

    @property
    def met(self) -> bool:
        return self.version is not None and self.allowed is not False


def requirements(name: str, extra: str = '') -> list[Requirement]:
    """The requirements of an installed distribution; an empty list if it is not installed.

    Those of this package are read from its clone, if it lies in one: an editable installation keeps the old ones.

    Args:
        name: The distribution.
        extra: The extra whose requirements are listed, too.
    """
    project = _pyproject() if name == 'mmbackbones' else {}
    if project:
        texts = [*project['dependencies'], *project['optional-dependencies'].get(extra, ())]
    else:
        found = _distribution(name)
        texts = (found.requires if found else None) or []
    read = (read_requirement(text, name, extra) for text in texts)
    return list({one.name: one for one in read if one is not None}.values())


def python_allowed() -> tuple[str, bool | None] | None:
    """The versions of Python that we support, and whether this one is among them; None if that is unknown."""
    found = _distribution('mmbackbones')
    specifier = _pyproject().get('requires-python')
    if specifier is None and found is not None and 'Requires-Python' in found.metadata:
        specifier = found.metadata['Requires-Python']
    if specifier is None:
        return None
    return specifier, _contains(specifier, '.'.join(map(str, sys.version_info[:3])))


def installed_version(name: str) -> str | None:
    """The installed version of a distribution; None if it is not installed."""
    found = _distribution(name)
    return None if found is None else found.version or 'unknown'


def read_requirement(text: str, needed_by: str, extra: str = '', instead: tuple[str, ...] = ()) -> Requirement | None:
    """One requirement as distributions write it, compared with what is installed.

    Args:
        text: Such as ``numpy>=2; python_version >= "3.11"``.
        needed_by: The distribution that has it.
        extra: The extra that is wanted.
        instead: Distributions that may stand in for it.

    Returns:
        None if it does not apply to this Python and system, or belongs to another extra.
    """
    try:
        from packaging.requirements import Requirement as Parsed

        parsed = Parsed(text)
        if parsed.marker and not parsed.marker.evaluate({'extra': extra}):
            return None
        name, specifier = parsed.name, str(parsed.specifier)
    except Exception:  # `packaging` is missing or broken, or does not understand the line
        line, _, marker = text.partition(';')
        if 'extra' in marker and (not extra or not re.search(f'["\']{extra}["\']', marker)):
            return None
        match = re.match(r'\s*([\w.-]+)(?:\[[^\]]*\])?\s*\(?([^)]*)', line)
        name, specifier = (match[1], match[2].strip()) if match else (line.strip(), '')
    name = re.sub(r'[-_.]+', '-', name).lower()
    there = [one for one in (name, *instead, *(OPENCV if name in OPENCV else ())) if installed_version(one) is not None]
    installed = there[0] if there else name
    version = installed_version(installed)
    allowed = None if version is None else _contains(specifier, version)
    return Requirement(name, specifier, needed_by, version, allowed, installed)


def clone() -> Path | None:
    """The folder of the clone that this package lies in; None if it was installed from a wheel."""
    folder = PACKAGE.parent
    return folder if (folder / 'pyproject.toml').is_file() and (folder / 'configs').is_dir() else None


def _pyproject() -> dict[str, Any]:
    """The table `project` of a clone's pyproject.toml; empty without one, and on Python 3.10, which has no parser."""
    folder = clone()
    if folder is None:
        return {}
    try:
        text = (folder / 'pyproject.toml').read_text(encoding='utf-8')
        return dict(import_module('tomllib').loads(text)['project'])
    except (ImportError, OSError, ValueError, KeyError):
        return {}


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _contains(specifier: str, version: str) -> bool | None:
    """Whether a version is allowed; None if that cannot be told."""
    if not specifier:
        return True
    try:
        from packaging.specifiers import SpecifierSet

        return bool(SpecifierSet(specifier).contains(version, prereleases=True))
    except Exception:
        return None
