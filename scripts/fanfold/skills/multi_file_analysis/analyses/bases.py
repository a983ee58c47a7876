"""What a tree's Python classes derive from, by name: a base from elsewhere may call what nothing here names."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Mapping

from fanfold.sources.repo_map.values import FileFacts, RepoMap, Symbol

_CLASS = re.compile(
    r"^[ \t]*class\s+(\w+)\s*(?:\[[^\]\n]*\])?\s*(?:\(([^()]*(?:\([^()]*\)[^()]*)*)\))?\s*:", re.MULTILINE
)
_BASE = re.compile(r"\s*(\w+(?:\.\w+)*)\s*(?:\[.*\])?\s*$", re.DOTALL)
_LONGEST = 2_000  # characters of a list of bases
_OWN = frozenset({"self", "cls"})
_MOST = 10_000  # bases of one class that are followed
# Bases that call nothing of a class and register it nowhere.
_TYPING = ("Generic", "NamedTuple", "Protocol", "TypedDict")
_QUIET = frozenset(["object", "abc.ABC", *(f"{m}.{name}" for m in ("typing", "typing_extensions") for name in _TYPING)])


class Bases:
    """Classes of the same name count as one, with the bases of all of them; an unknown base may do anything.

    A base from elsewhere goes by its full name (`asyncio.Protocol`), one of the tree by its last part.
    """

    def __init__(self, tree: RepoMap, read: Callable[[str], str | None]) -> None:
        self._bases: dict[str, set[str]] = {}
        self._found_by_base = False
        own = frozenset(part.removesuffix(".py") for path in tree.files for part in path.split("/"))
        for path, file in tree.files.items():
            if file.facts.language == "python":
                text = read(path) or ""
                foreign = _foreign_names(file.facts, own)
                self._found_by_base |= "__subclasses__" in text or "__init_subclass__" in text
                for name, said in _CLASS.findall(text):
                    self._bases.setdefault(name, set()).update(_named(said[:_LONGEST], foreign))

    def may_be_called(self, class_name: str, symbol: Symbol) -> bool:
        """Tell whether a base from elsewhere may know the class (for a class) or ask for the method (for a method)."""
        if self._found_by_base and symbol.kind == "class" and self._bases.get(class_name, set()) - _QUIET:
            return True
        return any(_may_ask(base, symbol) for base in self._foreign(class_name))

    def _foreign(self, name: str) -> set[str]:
        """Return the bases, direct and indirect, that the tree does not define, and keywords such as `metaclass`."""
        seen, waiting, foreign = {name}, list(self._bases.get(name, {"?"})), set()
        for _ in range(_MOST):
            if not waiting:
                break
            base = waiting.pop()
            if base in seen:
                continue
            seen.add(base)
            if base in self._bases:
                waiting += self._bases[base]
            elif base not in _QUIET:
                foreign.add(base)
        return foreign


def _foreign_names(facts: FileFacts, own: frozenset[str]) -> dict[str, str]:
    """Return what the names stand for that a file takes from elsewhere, also where it has something in their place."""
    return {
        one.bound: f"{one.module}.{one.name}" if one.name else one.bound
        for one in facts.imports
        if one.bound and not one.module.startswith(".") and one.module.partition(".")[0] not in own
    }


def _named(said: str, foreign: Mapping[str, str]) -> set[str]:
    """Return each base's name; "?" for what is no plain name."""
    found = set()
    for part in re.split(r",(?![^\[(]*[\])])", said):
        if part.strip():
            match = None if "=" in part else _BASE.match(part)
            first, dot, rest = match[1].partition(".") if match else ("?", "", "")
            if first in _OWN and rest:  # what an object holds may be from anywhere
                found.add("?")
            else:
                found.add(f"{foreign[first]}{dot}{rest}" if first in foreign else (rest or first).rpartition(".")[2])
    return found


def _may_ask(base: str, symbol: Symbol) -> bool:
    known = getattr(builtins, base, None)
    if not isinstance(known, type):
        return True
    return symbol.kind == "method" and hasattr(known, symbol.name)
