"""What facts are made of besides the map: texts, the history, and what a question about a change is about."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fanfold.reports.analysed import Cell, Row, Table
from fanfold.sources.beside import is_test
from fanfold.sources.churn import Churn
from fanfold.sources.folders import folder_of
from fanfold.sources.outline.languages import CODE
from fanfold.sources.repo_map.values import MappedFile, RepoMap, Symbol
from fanfold.sources.text import counted, listed

BY_FILE = frozenset({"python", "javascript", "typescript", "tsx"})
"""Languages in which files import files; in others they import packages, or what stands in one needs no import."""

_SCRIPTS = frozenset({"javascript", "typescript", "tsx"})
# What Django and Rust call the file that holds all tests of a folder.
_TESTS = re.compile(r"(^|/)tests\.(py|rs)$")
_HELPS_TO_TEST = re.compile(
    r"((?:.*/)?(?:test|testing)/)__init__\.py|((?:.*/)?testing/)[^/]+\.[cm]?[jt]sx?|((?:.*/)?Test(?:ing)?/)[^/]+\.(?:cs|php)"
)
_TESTS_INSIDE = re.compile(r"^[ \t]*#\[cfg\(test\)\]\s*(?:#\[[^\n]*\]\s*)*mod\s+\w+\s*\{", re.MULTILINE)
_BUILT = re.compile(r"(^|/)(dist|build|out)/")

IMPORTED_BY = (
    "`imported by` counts the files that import it by its own name: who uses it through a package that passes on its "
    "names counts for that package."
)
"""What tables say of the number: which names a package passes on, and who means them, is not always to be told."""

MOST_ROWS = 1_000
"""Rows of one table that are kept; all are counted."""

Lines = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a change is, or would be: names that are defined somewhere, and files with the lines that change.

    No lines for a file means all of it. `missing` are names that are asked about and defined nowhere.
    """

    symbols: tuple[str, ...] = ()
    changed: Mapping[str, tuple[Lines, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """The texts of the files on the map at the revision that is analysed, and what else is known of them.

    `read` returns None where there is no text. `history` says why where nothing is known of it.
    """

    read: Callable[[str], str | None]
    history: Churn | str = "the history was not looked at"
    subject: Subject = Subject()


def tests_of(paths: Iterable[str]) -> frozenset[str]:
    """Return the files of a tree that are test code.

    A package `test` or `testing` in which nothing is named like a test is none: it is there for the tests of others, as
    `django.test`, `numpy.testing` and `rxjs/testing` are.
    """
    tests = frozenset(filter(_is_test, paths))
    helping = [folder for folder in _called_test(tests) if not any(_is_named_so(path, folder) for path in tests)]
    return frozenset(path for path in tests if not any(_is_part(path, folder) for folder in helping))


def _is_test(path: str) -> bool:
    return is_test(path) or _TESTS.search(path) is not None


def _called_test(tests: Iterable[str]) -> Iterator[str]:
    """Return the packages, each with a slash behind it, that are test code by their own name alone."""
    found = {match[1] or match[2] or match[3] for path in tests if (match := _HELPS_TO_TEST.fullmatch(path))}
    return (folder for folder in sorted(found) if not _is_test(f"{folder_of(folder[:-1])}/it"))


def _is_part(path: str, folder: str) -> bool:
    """Tell whether a file of the folder is no test code but for the folder's name."""
    return path.startswith(folder) and not _is_test(path.removeprefix(folder))


def _is_named_so(path: str, folder: str) -> bool:
    """Tell whether a file of the folder is named like a test, and lies in no folder of tests inside of it."""
    inside = path.removeprefix(folder)
    return path.startswith(folder) and _is_test(inside) and not _is_test(f"{folder_of(inside)}/it")


def production(tree: RepoMap) -> Iterator[tuple[str, MappedFile]]:
    """Yield the files that are no test code, and no script that was built of others."""
    tests = tests_of(tree.files)
    return ((path, file) for path, file in tree.files.items() if path not in tests and not is_built(path, file))


def is_built(path: str, file: MappedFile) -> bool:
    """Tell by its place whether a script was built of others."""
    return file.facts.language in _SCRIPTS and _BUILT.search(path) is not None


def parted(file: MappedFile, text: str) -> tuple[str, str]:
    """Return the code of a file, and the tests that Rust keeps at its end."""
    inside = _TESTS_INSIDE.search(text) if file.facts.language == "rust" else None
    return (text[: inside.start()], text[inside.start() :]) if inside else (text, "")


def texts_of(tree: RepoMap, sources: Sources, languages: Iterable[str]) -> Iterator[tuple[str, MappedFile, str]]:
    """Yield the production files of these languages that have a text, up to the tests that Rust keeps in its files."""
    wanted = frozenset(languages)
    for path, file in production(tree):
        if file.facts.language in wanted and (text := sources.read(path)):
            yield path, file, parted(file, text)[0]


class Definitions:
    """Tells which definition of a file a line stands in; a file may have thousands of either."""

    def __init__(self, file: MappedFile) -> None:
        self._symbols = sorted(file.facts.symbols, key=lambda symbol: (symbol.line, -symbol.end_line))
        self._outer: list[int] = []
        for at, symbol in enumerate(self._symbols):
            self._outer.append(self._around(at - 1, symbol.line))

    def around(self, line: int) -> str:
        """Return the name of the innermost definition around a line, "" when there is none."""
        at = self._around(bisect_right(self._symbols, line, key=lambda symbol: symbol.line) - 1, line)
        return self._symbols[at].qualified if at >= 0 else ""

    def _around(self, at: int, line: int) -> int:
        """Return the place of the innermost definition around a line that begins at or before `at`; -1 for none."""
        while at >= 0 and self._symbols[at].end_line < line:
            at = self._outer[at]
        return at


class LineNumbers:
    """Tells the line, from 1, that a place in a text is on, without counting from the beginning each time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def of(self, at: int) -> int:
        return bisect_right(self._starts, at)

    def line(self, number: int, most: int = 2_000) -> str:
        """Return the beginning of a line."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self._text)
        return self._text[start : min(end, start + most)]


def what_it_is(file: MappedFile) -> str | None:
    """Return what a file says of itself, or else what it defines for others; None when neither tells anything."""
    if file.facts.doc:
        return file.facts.doc
    top = [one for one in file.facts.symbols if one.qualified == one.name and one.kind in {"class", "function"}]
    names = list(dict.fromkeys(one.name for one in top if not one.name.startswith("_")))
    return f"Defines {listed(names)}." if names else None


def row(path: str, line: int, *cells: Cell, end_line: int | None = None) -> Row:
    """Return a row; its last line is its first unless another one is given."""
    return Row(path=path, line=max(1, line), end_line=max(1, line, end_line or 0), cells=cells)


def of_file(path: str, file: MappedFile, *cells: Cell) -> Row:
    """Return a row about a whole file."""
    return row(path, 1, *cells, end_line=file.facts.lines)


def of_symbol(path: str, symbol: Symbol, *cells: Cell) -> Row:
    """Return a row about a definition."""
    return row(path, symbol.line, *cells, end_line=symbol.end_line)


def limited(found: Table, tree: RepoMap, languages: Container[str]) -> Table:
    """Return the table with the languages of the tree's code that were not looked at, only these being looked at.

    Where there are such, no rows do not mean that there is nothing.
    """
    others = Counter(file.facts.language for _, file in production(tree) if file.facts.language in CODE)
    unseen = sorted((language for language in others if language not in languages), key=lambda one: (-others[one], one))
    if not unseen:
        return found
    counts = listed([f"{language} ({counted(others[language], 'file')})" for language in unseen])
    title = found.title if found.rows else f"{found.title} (not looked for in {listed(unseen)})"
    return found.model_copy(update={"title": title, "about": f"{found.about} Not looked for in {counts}."})


def table(name: str, title: str, about: str, columns: Iterable[str], rows: Iterable[Row]) -> Table:
    """Return a table of the first rows, and how many there are."""
    found = tuple(rows)
    return Table(name=name, title=title, about=about, columns=tuple(columns), rows=found[:MOST_ROWS], total=len(found))
