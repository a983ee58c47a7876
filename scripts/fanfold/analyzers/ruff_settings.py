"""A project's own settings for ruff, as far as they say what is no fault there.

ruff itself runs with a file that is written here, and so never reads one of the repository: it would follow
`extend` out of the repository and print what it finds there, it refuses a file that another version wrote,
and it would look for more above the root. What a project has decided is honoured: its Python version, the
rules it ignores, for all or for some files, the files it excludes, and its own names for things.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CONFIG_NAMES = (".ruff.toml", "ruff.toml", "pyproject.toml")
_AT_LEAST = re.compile(r"(?:>=?|~=|==)\s*3\.(\d{1,2})\b")
_OLDEST_MINOR, _NEWEST_MINOR = 7, 14  # of those that ruff knows
_LARGEST = 1_000_000  # bytes
_MOST_EXTENDS = 5

_KEPT = ("builtins", "exclude", "extend-exclude", "per-file-target-version")
_KEPT_LINT = (
    "per-file-ignores",
    "extend-per-file-ignores",
    "dummy-variable-rgx",
    "logger-objects",
    "typing-modules",
    "flake8-bandit",
    "flake8-bugbear",
    "pyflakes",
    "pylint",
)
_IGNORES = ("ignore", "extend-ignore")
_LAYERED = (*_IGNORES, "extend-exclude")


@dataclass(frozen=True, slots=True)
class RuffSettings:
    """What holds for the files of a folder.

    `toml` is what ruff is given, its patterns relative to `folder`. `ignored` are rule codes and prefixes
    of them. `notes` say what could not be honoured.
    """

    folder: Path
    toml: str
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def ignores(self, code: str) -> bool:
        """Tell whether the project ignores a rule everywhere."""
        return any(entry == "ALL" or code.startswith(entry) for entry in self.ignored)


def bare(folder: Path) -> RuffSettings:
    """Return the settings of a project that has decided nothing that can be honoured."""
    note = "ruff: the project's settings don't suit the ruff that is installed: not honoured"
    return RuffSettings(folder, _settings({}, {}, None), notes=(note,))


def _settings(table: dict[str, Any], lint: dict[str, Any], python: str | None) -> str:
    """Write the file for ruff. What it excludes by default, such as `build/`, is not."""
    lines: dict[str, Any] = {"exclude": []} | {key: table[key] for key in _KEPT if key in table}
    lines["target-version"] = table.get("target-version") or python or f"py3{_NEWEST_MINOR}"
    lines |= {f"lint.{key}": lint[key] for key in _KEPT_LINT if key in lint}
    return "".join(f"{key} = {_toml(value)}\n" for key, value in lines.items())


class SettingsReader:
    """Finds and reads the settings for files below `root`, each file once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.of = cache(self._of)
        self._tables = cache(self._read)

    def _of(self, folder: Path) -> RuffSettings:
        """Return the settings for files in `folder`: those of the nearest folder that has some."""
        notes: list[str] = []
        found, table = self._root, {}
        for above in self._upwards(folder):
            table = self._table(above, notes)
            if table:
                found = above
                break
        lint = table | _dict(table.get("lint"))
        text = _settings(table, lint, self._python(folder, notes))
        ignored = tuple(code for key in _IGNORES for code in _strings(lint.get(key)))
        return RuffSettings(found, text, ignored, tuple(dict.fromkeys(notes)))

    def _upwards(self, folder: Path) -> Iterator[Path]:
        yield from (above for above in (folder, *folder.parents) if above.is_relative_to(self._root))

    def _table(self, folder: Path, notes: list[str]) -> dict[str, Any]:
        """Return ruff's table in a folder, {} when it has none; what it extends lies under it."""
        for name in CONFIG_NAMES:
            table = self._ruff(folder / name, notes)
            if table:
                return self._extended(folder, table, notes, _MOST_EXTENDS)
        return {}

    def _extended(self, folder: Path, table: dict[str, Any], notes: list[str], left: int) -> dict[str, Any]:
        extends = table.get("extend")
        if not isinstance(extends, str):
            return table
        path = folder / extends
        if not left or not self._inside(path):
            notes.append("ruff: `extend` leads out of the project or round in circles: not followed")
            return table
        below = self._ruff(path, notes)
        return _layered(self._extended(path.parent, below, notes, left - 1), table)

    def _inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self._root)
        except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, a loop of links
            return False

    def _ruff(self, path: Path, notes: list[str]) -> dict[str, Any]:
        table = self._toml(path, notes)
        return _dict(_dict(table.get("tool")).get("ruff")) if path.name == "pyproject.toml" else table

    def _python(self, folder: Path, notes: list[str]) -> str | None:
        """Return the oldest Python that the nearest pyproject.toml asks for, as ruff spells it."""
        for above in self._upwards(folder):
            project = _dict(self._toml(above / "pyproject.toml", notes).get("project"))
            wanted = _AT_LEAST.search(str(project.get("requires-python", "")))
            if wanted:
                return f"py3{min(max(_OLDEST_MINOR, int(wanted[1])), _NEWEST_MINOR)}"
        return None

    def _toml(self, path: Path, notes: list[str]) -> dict[str, Any]:
        table, note = self._tables(path)
        if note:
            notes.append(note)
        return table

    def _read(self, path: Path) -> tuple[dict[str, Any], str | None]:
        name = path.name if path.name in CONFIG_NAMES else "what `extend` names"
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self._root) or not real.is_file() or real.stat().st_size > _LARGEST:
                return {}, f"ruff: {name} is no ordinary file of the project: not read"
            return tomllib.loads(real.read_bytes().decode("utf-8-sig")), None
        except (FileNotFoundError, NotADirectoryError):
            return {}, None
        except (OSError, ValueError, RuntimeError):  # unreadable, no TOML, too deep or a loop of links
            return {}, f"ruff: {name} is no valid TOML: its settings are not honoured"


def _layered(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay one table over another; what only adds, adds up."""
    result = below | above
    for key in below.keys() & above.keys():
        low, high = below[key], above[key]
        if isinstance(low, dict) and isinstance(high, dict):
            result[key] = _layered(low, high)
        elif key in _LAYERED and isinstance(low, list) and isinstance(high, list):
            result[key] = [*low, *high]
    return result


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _strings(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def _toml(value: object) -> str:
    """Write a value that was read from TOML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(str(key))} = {_toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return _toml(str(value))  # dates: ruff has no use for them, and says so
