"""What a Python project says of its tests: pytest's settings, wherever they stand, and what it depends on."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fanfold.runners.base import Listing
from fanfold.runners.sight import join

_PATTERNS = ("test_*.py", "*_test.py")
_REQUIREMENTS = re.compile(r"(?:^|/)[\w.-]*requirements[\w.-]*\.(?:txt|in)$|(?:^|/)requirements/[\w.-]+\.(?:txt|in)$")
_MENTIONED_IN = ("pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "noxfile.py", "Pipfile", "environment.yml")


@dataclass(frozen=True, slots=True)
class PytestSettings:
    """pytest's settings in a folder; `file` is where they stand."""

    file: str
    testpaths: tuple[str, ...] = ()
    patterns: tuple[str, ...] = _PATTERNS
    addopts: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    django: bool = False


def pytest_settings(listing: Listing, folder: str) -> PytestSettings | None:
    """Return the settings that pytest would read in a folder, by its own order of files; None without any."""
    for name in ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
        path = join(folder, name)
        text = listing.read(path) if path in listing.known else None
        if text is not None and (table := _table(name, text)) is not None:
            return _settings(path, table)
    return None


def _table(name: str, text: str) -> Mapping[str, Any] | None:
    if name.endswith("pytest.toml"):
        table = _toml(text).get("pytest")
        return table if isinstance(table, dict) else {}
    if name == "pyproject.toml":
        pytest = _toml(text).get("tool", {}).get("pytest")
        return pytest.get("ini_options", pytest) if isinstance(pytest, dict) else None
    section = {"tox.ini": "pytest", "setup.cfg": "tool:pytest"}.get(name, "pytest")
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {} if name.endswith("pytest.ini") else None
    if parser.has_section(section):
        return dict(parser[section])
    return {} if name.endswith("pytest.ini") else None  # an empty pytest.ini marks the root all the same


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError:
        return {}


def _settings(path: str, table: Mapping[str, Any]) -> PytestSettings:
    return PytestSettings(
        file=path,
        testpaths=tuple(_words(table.get("testpaths"))),
        patterns=tuple(_words(table.get("python_files"))) or _PATTERNS,
        addopts=tuple(_words(table.get("addopts"))),
        markers=tuple(re.split(r"[:(]", line, maxsplit=1)[0].strip() for line in _lines(table.get("markers"))),
        django="DJANGO_SETTINGS_MODULE" in {name.upper() for name in table},
    )


def _words(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(one) for one in value]
    try:
        return shlex.split(str(value or ""))
    except ValueError:
        return str(value).split()


def _lines(value: object) -> list[str]:
    lines = value if isinstance(value, list) else str(value or "").splitlines()
    return [str(line) for line in lines if str(line).strip()]


def depends_on(listing: Listing, folder: str, package: str) -> bool:
    """Tell whether a project's files name a package as something that it or its tests need."""
    places = {join(folder, name) for name in _MENTIONED_IN}
    places |= {path for path in listing.paths if _REQUIREMENTS.search(path) and _beside(path, folder)}
    word = re.compile(rf"(?<![\w./-]){re.escape(package)}(?![\w-])")
    return any(word.search(listing.read(path) or "") for path in sorted(places & listing.known))


def _beside(path: str, folder: str) -> bool:
    """Tell whether a file lies in a folder, or in a `requirements` folder of it."""
    inside = path if folder == "." else path.removeprefix(folder + "/")
    return inside.count("/") == 0 or inside.startswith("requirements/")
