"""What a tree's Python classes derive from, by name: a base from elsewhere may call what nothing here names."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable

from fanfold.sources.repo_map.values import RepoMap, Symbol

_CLASS = re.compile(
    r"^[ \t]*class\s+(\w+)\s*(?:\[[^\]\n]*\])?\s*(?:\(([^()]*(?:\([^()]*\)[^()]*)*)\))?\s*:", re.MULTILINE
)
_BASE = re.compile(r"(\w+)\s*(?:\[.*\])?\s*$", re.DOTALL)
_DEEPEST = 30
# Bases that call nothing of a class and register it nowhere.
_QUIET = frozenset({"object", "Generic", "ABC", "NamedTuple", "TypedDict", "Protocol"})


class Bases:
    """Classes of the same name count as one, with the bases of all of them; an unknown base may do anything."""

    def __init__(self, tree: RepoMap, read: Callable[[str], str | None]) -> None:
        self._read = read
        self._bases: dict[str, set[str]] = {}
        self._found_by_base = False
        # A class may stand in for one from elsewhere that is not installed.
        own = {part.removesuffix(".py") for path in tree.files for part in path.split("/")}
        self._imported = {
            one.name
            for file in tree.files.values()
            if file.facts.language == "python"
            for one in file.facts.imports
            if one.name and one.module.partition(".")[0] not in own and not one.module.startswith(".")
        }
        for path, file in tree.files.items():
            if file.facts.language == "python":
                text = read(path) or ""
                self._found_by_base |= "__subclasses__" in text or "__init_subclass__" in text
                for name, said in _CLASS.findall(text):
                    self._bases.setdefault(name, set()).update(_named(said))

    def may_be_called(self, class_name: str, symbol: Symbol) -> bool:
        """Tell whether a base from elsewhere may know the class (for a class) or ask for the method (for a method)."""
        if self._found_by_base and symbol.kind == "class" and self._bases.get(class_name, set()) - _QUIET:
            return True
        return any(_may_ask(base, symbol) for base in self._foreign(class_name))

    def looks_up(self, path: str, pattern: re.Pattern[str]) -> bool:
        """Tell whether the file's text has such a look-up of its own names."""
        return pattern.search(self._read(path) or "") is not None

    def _foreign(self, name: str) -> set[str]:
        """Return the bases, direct and indirect, that the tree does not define, and keywords such as `metaclass`."""
        seen, waiting, foreign = {name}, list(self._bases.get(name, {"?"})), set()
        for _ in range(10_000):
            if not waiting:
                break
            base = waiting.pop()
            if base in seen:
                continue
            seen.add(base)
            if base in self._bases and base not in self._imported:
                waiting += self._bases[base]
            elif base not in _QUIET:
                foreign.add(base)
        return foreign


def _named(said: str) -> set[str]:
    """Return the last part of each base's name; "?" for what is no plain name."""
    parts = re.split(r",(?![^\[(]*[\])])", said)
    found = set()
    for part in map(str.strip, parts):
        if part:
            match = None if "=" in part else _BASE.search(part)
            found.add(match[1] if match else "?")
    return found


def _may_ask(base: str, symbol: Symbol) -> bool:
    known = getattr(builtins, base, None)
    if not isinstance(known, type):
        return True
    return symbol.kind == "method" and hasattr(known, symbol.name)
