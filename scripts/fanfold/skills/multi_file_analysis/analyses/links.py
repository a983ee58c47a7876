"""Where in a file an edge of the map comes from: the line of the import, and whether loading the file does it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from fanfold.sources.repo_map.resolving.python import PythonNames
from fanfold.sources.repo_map.values import Imported, MappedFile, RepoMap

_HEADER = re.compile(r"\.(?:h|hh|hpp|hxx|h\+\+|inc|inl|ipp|tpp|c|cc|cpp)$", re.IGNORECASE)  # `#include "near.h"`
_INDEX = frozenset({"__init__", "index", "mod", "lib"})


class ImportLines:
    """Finds the lines of imports: for certain in Python, elsewhere as far as names tell; a file is looked at once."""

    def __init__(self, tree: RepoMap) -> None:
        self._tree = tree
        self._python = PythonNames(tree.files, {})
        self._found: dict[str, dict[str, list[int]]] = {}

    def all(self, path: str, other: str) -> list[int]:
        """Return the lines on which `path` imports `other`; [] when names don't tell."""
        exact = self._tree.files[path].facts.language == "python"
        if path not in self._found:
            self._found[path] = self._lines_in(self._tree.files[path], exact=exact)
        return self._found[path].get(other if exact else _called(other), [])

    def _lines_in(self, file: MappedFile, *, exact: bool) -> dict[str, list[int]]:
        """Return the lines of a file's imports by what they lead to: by path, or by how that is called."""
        found: dict[str, list[int]] = defaultdict(list)
        for one in file.facts.imports:
            alone = replace(file, facts=replace(file.facts, imports=(one,)))
            for to in self._python(alone) if exact else _last_names(one):
                found[to].append(one.line)
        return found

    def first(self, path: str, other: str) -> int:
        """Return the first such line, 1 when names don't tell."""
        return next(iter(self.all(path, other)), 1)


def when_loaded(tree: RepoMap, read: Callable[[str], str | None]) -> RepoMap:
    """Return the map without those imports that are indented everywhere: in functions, or for type checkers alone."""
    lines = ImportLines(tree)
    return replace(tree, imports={path: kept for path in tree.imports if (kept := _at_once(tree, path, read, lines))})


def _at_once(tree: RepoMap, path: str, read: Callable[[str], str | None], import_lines: ImportLines) -> tuple[str, ...]:
    if tree.files[path].facts.language != "python":
        return tree.imports[path]
    lines = (read(path) or "").split("\n")
    return tuple(other for other in tree.imports[path] if _is_at_once(import_lines.all(path, other), lines))


def _is_at_once(numbers: list[int], lines: list[str]) -> bool:
    """An import that spans lines is told by where its statement begins."""
    return not numbers or any(not _indented(number, lines) for number in numbers)


def _indented(number: int, lines: list[str]) -> bool:
    for at in range(min(number, len(lines)) - 1, max(-1, number - 60), -1):
        words = lines[at].split(maxsplit=1)
        if words and words[0] in {"import", "from"}:
            return lines[at][:1] in {" ", "\t"}
    return False


def _called(path: str) -> str:
    """Return what a file is called in an import: its stem, or its folder's name where it stands for the folder."""
    pure = PurePosixPath(path)
    stem = pure.name.partition(".")[0]
    return pure.parent.name if stem in _INDEX and pure.parent.name else stem


def _last_names(one: Imported) -> set[str]:
    module = one.module.replace("::", "/").replace("\\", "/")
    last = module.rstrip("/").rpartition("/")[2]
    is_path = "/" in module or _HEADER.search(last) is not None
    names = {last.partition(".")[0] if is_path else last.rpartition(".")[2], last}
    return names | ({one.name} if one.name else set())
