"""What a change would reach: the users of a symbol or of a file's changed lines, and what imports them in turn.

By name and by imports, not by type: more is reached than really depends on it, and what finds code at run time is not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from fanfold.reports.analysed import Row, Table
from fanfold.skills.multi_file_analysis.analyses.links import ImportLines
from fanfold.skills.multi_file_analysis.analyses.sources import (
    BY_FILE,
    IMPORTED_BY,
    Lines,
    Sources,
    Subject,
    of_file,
    of_symbol,
    production,
    row,
    table,
    tests_of,
)
from fanfold.sources.outline import outline
from fanfold.sources.repo_map import graph
from fanfold.sources.repo_map.values import MappedFile, RepoMap, Symbol
from fanfold.sources.text import counted, listed

_WORD = re.compile(r"[^\W\d][\w.]*(?:(?:::|#|->)\w+)*(?:/[\w.-]+)*")
_MOST_PLACES = 50  # uses in one file that are shown
_MOST_FILES = 500  # files in which uses are looked up
_LOOKED_AT = 200  # files of which it is counted what stands on them
_SHORTEST = 3
_HOW = ("is changed", "uses it", "may override it", "imports")
_SEPARATOR = re.compile(r"\.|::|#|->|/")


def subject_of(text: str, tree: RepoMap) -> Subject:
    """Return what a question names: files of the map, and names that the map defines (`Class.method` for a method).

    A word that is everyday language and happens to be a name counts when it is written as code is: with a dot, an
    underscore, a capital inside, or in backticks; or when nothing else is asked.
    """
    quoted = set(re.findall(r"`([^`\s]+)`", text)) | ({text.strip()} if len(text.split()) == 1 else set())
    words = [word.strip(".") for word in _WORD.findall(text)]
    files = {word: () for word in [*words, *quoted] if word in tree.files}
    wanted = {word for word in words if re.search(r"[._]|[a-z][A-Z]|::", word)} | {word.strip("()`") for word in quoted}
    lasts = {_SEPARATOR.split(word)[-1]: word for word in wanted - files.keys() if len(word) >= _SHORTEST}
    known = {
        lasts[symbol.name]
        for file in tree.files.values()
        for symbol in file.facts.symbols
        if symbol.name in lasts and _is(symbol, lasts[symbol.name])
    }
    known |= {lasts[name] for path, file in tree.files.items() if (name := _default(path, file)) in lasts}
    missing = sorted(word for last, word in lasts.items() if len(last) >= _SHORTEST and word not in known)
    return Subject(
        symbols=tuple(sorted(known)),
        changed=files,
        missing=tuple(word for word in missing if not _is_place(word, tree)),
    )


def _default(path: str, file: MappedFile) -> str:
    """Return what others call the nameless thing that a script exports: as its file is called; "" without one."""
    if not any(_is_nameless(symbol) for symbol in file.facts.symbols):
        return ""
    folder, _, name = path.rpartition("/")
    stem = name.partition(".")[0]
    return folder.rpartition("/")[2] if stem == "index" else stem


def _is_nameless(symbol: Symbol) -> bool:
    return symbol.qualified in {"exports", "default"} and symbol.kind in {"function", "class"}


def _is_place(word: str, tree: RepoMap) -> bool:
    """Tell whether a word names a module, a package or a folder."""
    place = f"/{word.replace('.', '/').strip('/')}"
    return any(f"{place}/" in f"/{path}" or f"{place}." in f"/{path}" for path in tree.files)


def impact(tree: RepoMap, sources: Sources) -> Table:
    """Return what the subject reaches, the nearest first; without a subject, the files on which most stands."""
    subject = sources.subject
    if not subject.symbols and not subject.changed:
        return _reach(tree, _missing(subject))
    defined = list(_defined(tree, subject))
    reached = [(of_symbol(path, symbol, "is changed", 0, symbol.qualified)) for path, symbol in defined]
    reached += _uses(tree, sources, defined)
    reached += _overriding(tree, defined)
    reached += _importers(tree, {*(path for path, _ in defined), *subject.changed})
    tests = tests_of(tree.files)
    rows = [one.model_copy(update={"cells": (*one.cells, "test" if one.path in tests else "code")}) for one in reached]
    rows.sort(
        key=lambda one: (
            int(one.cells[1] or 0),
            _HOW.index(str(one.cells[0])),
            one.cells[3] == "test",
            one.path,
            one.line,
        )
    )
    named = listed((*subject.symbols, *subject.changed))
    return table(
        "impact",
        "What the change reaches",
        f"{_missing(subject)}Of {named}: where its name is used, or has a method that may override it (1 step), then "
        "the files that import where it is defined, step by step. By name, not by type, so more is listed than must "
        "change; what is looked up at run time is not.",
        ("how", "steps", "what", "kind"),
        rows,
    )


def _is(symbol: Symbol, wanted: str) -> bool:
    said = ".".join(part for part in _SEPARATOR.split(wanted) if part)
    return said in {symbol.name, symbol.qualified} or symbol.qualified.endswith(f".{said}")


def _defined(tree: RepoMap, subject: Subject) -> Iterator[tuple[str, Symbol]]:
    """Yield the definitions that are named, and the innermost ones that hold a changed line."""
    for path, file in tree.files.items():
        changed = subject.changed.get(path)
        inner = set(_innermost(file.facts.symbols, changed)) if changed is not None else set()
        called = _default(path, file)
        for symbol in file.facts.symbols:
            named = symbol._replace(name=called) if called and _is_nameless(symbol) else symbol
            if symbol in inner or any(_is(symbol, wanted) or named.name == wanted for wanted in subject.symbols):
                yield path, named


def _innermost(symbols: Sequence[Symbol], changed: Sequence[Lines]) -> Iterator[Symbol]:
    """Yield the definitions around each changed range; all on top of the file when no lines are given."""
    if not changed:
        yield from (symbol for symbol in symbols if symbol.qualified == symbol.name)
    for first, last in changed:
        touched = [symbol for symbol in symbols if symbol.line <= last and first <= symbol.end_line]
        outer = {symbol.qualified.rpartition(".")[0] for symbol in touched}
        yield from (symbol for symbol in touched if symbol.qualified not in outer)


def _uses(tree: RepoMap, sources: Sources, defined: Collection[tuple[str, Symbol]]) -> Iterator[Row]:
    """Yield the lines that use one of these names, in files that import its file or of which imports tell nothing."""
    names: dict[str, set[str]] = {}
    for path, symbol in defined:
        if len(symbol.name) >= _SHORTEST and not symbol.name.startswith("__") and not _is_local(tree, path, symbol):
            names.setdefault(symbol.name, set()).add(path)
    near = _Near(tree)
    left = _MOST_FILES
    own = {(path, line) for path, symbol in defined for line in range(symbol.line, symbol.end_line + 1)}
    for path, file in tree.files.items():
        imported = {one.name for one in file.facts.imports}
        here = [name for name in names if (name in file.facts.uses or name in imported) and near(path, names[name])]
        if here and left:
            left -= 1
            yield from _lines(path, sources.read(path) or "", here, own)


def _overriding(tree: RepoMap, defined: Collection[tuple[str, Symbol]]) -> Iterator[Row]:
    """Yield the methods that are called like one of these, in files that can know it: they may take its place."""
    methods: dict[str, set[str]] = {}
    for path, symbol in defined:
        if symbol.kind == "method" and "." in symbol.qualified and not symbol.name.startswith("__"):
            methods.setdefault(symbol.name, set()).add(path)
    near, own = _Near(tree), {(path, symbol.line) for path, symbol in defined}
    for path, file in tree.files.items() if methods else ():
        for symbol in file.facts.symbols:
            is_one = symbol.kind == "method" and symbol.name in methods and (path, symbol.line) not in own
            if is_one and near(path, methods[symbol.name]):
                yield of_symbol(path, symbol, "may override it", 1, symbol.qualified)


def _is_local(tree: RepoMap, path: str, symbol: Symbol) -> bool:
    """Tell whether a function holds the definition: nobody outside of it can name it."""
    outer = symbol.qualified.rpartition(".")[0]
    return bool(outer) and any(
        one.qualified == outer and one.kind in {"function", "method"} for one in tree.files[path].facts.symbols
    )


class _Near:
    """Tells which files can know what others define: they import them, directly or not, or that is not known."""

    def __init__(self, tree: RepoMap) -> None:
        self._importers = graph.importers(tree)
        self._languages = {path: file.facts.language for path, file in tree.files.items()}
        self._reached: dict[str, frozenset[str]] = {}

    def __call__(self, path: str, definers: Iterable[str]) -> bool:
        return self._languages[path] not in BY_FILE or any(path in self._from(definer) for definer in definers)

    def _from(self, definer: str) -> frozenset[str]:
        """Return the files that import this one, and itself; very many definitions are in the same few files."""
        if definer not in self._reached:
            self._reached[definer] = frozenset(graph.distances(self._importers, [definer]))
        return self._reached[definer]


def _lines(path: str, text: str, names: Sequence[str], own: Collection[tuple[str, int]]) -> Iterator[Row]:
    """Yield the lines of code that use one of the names; what only speaks of it is no use."""
    found = outline(path, text)
    used = {line for name in names for reference in found.references_to(name) for line in reference.lines}
    used |= {one.line for one in found.imports if one.name in names}
    lines = text.split("\n")
    places = [number for number in sorted(used) if (path, number) not in own and number <= len(lines)]
    more = len(places) - _MOST_PLACES
    for at, number in enumerate(places[:_MOST_PLACES], 1):
        said = " ".join(lines[number - 1].split())[:100]
        yield row(
            path,
            number,
            "uses it",
            1,
            f"{said} … and on {counted(more, 'more line')}" if at == _MOST_PLACES and more > 0 else said,
        )


def _importers(tree: RepoMap, start: Collection[str]) -> Iterator[Row]:
    distance = graph.distances(graph.importers(tree), start)
    lines = ImportLines(tree)
    for path, steps in distance.items():
        if steps:
            nearer = next(other for other in tree.imports[path] if distance.get(other) == steps - 1)
            yield row(path, lines.first(path, nearer), "imports", steps, nearer)


def _missing(subject: Subject) -> str:
    return f"Nothing here is called {listed(subject.missing)}. " if subject.missing else ""


def _reach(tree: RepoMap, missing: str) -> Table:
    """Return how many files stand on each of the most imported ones, directly or not."""
    importers = graph.importers(tree)
    most = sorted((path for path, _ in production(tree)), key=lambda path: (-len(importers.get(path, ())), path))
    counted = [(len(graph.distances(importers, [path])) - 1, path) for path in most[:_LOOKED_AT] if path in importers]
    counted.sort(key=lambda found: (-found[0], found[1]))
    return table(
        "impact",
        "What most stands on",
        f"{missing}How many files a change of each could reach, directly or through others. Name a symbol or a file in "
        f"the question to see what it reaches. {IMPORTED_BY}",
        ("files it reaches", "imported by", "lines"),
        (
            of_file(path, tree.files[path], reached, len(importers[path]), tree.files[path].facts.lines)
            for reached, path in counted
        ),
    )
