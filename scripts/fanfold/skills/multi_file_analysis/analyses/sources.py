"""What facts are made of besides the map: texts, the history, and what a question about a change is about."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fanfold.reports.analysed import Cell, Row, Table
from fanfold.sources.beside import is_test
from fanfold.sources.churn import Churn
from fanfold.sources.repo_map.values import MappedFile, RepoMap, Symbol

BY_FILE = frozenset({"python", "javascript", "typescript", "tsx"})
"""Languages in which files import files; in others they import packages, or what stands in one needs no import."""

_SCRIPTS = frozenset({"javascript", "typescript", "tsx"})
_BUILT = re.compile(r"(^|/)(dist|build|out)/")

MOST_ROWS = 100
"""Rows of one table that are kept; all are counted."""

Lines = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a change is, or would be: names that are defined somewhere, and files with the lines that change.

    No lines for a file means all of it.
    """

    symbols: tuple[str, ...] = ()
    changed: Mapping[str, tuple[Lines, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sources:
    """The texts of the files on the map at the revision that is analysed, and what else is known of them.

    `read` returns None where there is no text. `history` says why where nothing is known of it.
    """

    read: Callable[[str], str | None]
    history: Churn | str = "the history was not looked at"
    subject: Subject = Subject()


def production(tree: RepoMap) -> Iterator[tuple[str, MappedFile]]:
    """Yield the files that are no test code, and no script that was built of others."""
    return (
        (path, file)
        for path, file in tree.files.items()
        if not is_test(path) and not (file.facts.language in _SCRIPTS and _BUILT.search(path))
    )


def texts_of(tree: RepoMap, sources: Sources, languages: Iterable[str]) -> Iterator[tuple[str, MappedFile, str]]:
    """Yield the production files of these languages that have a text."""
    wanted = frozenset(languages)
    for path, file in production(tree):
        if file.facts.language in wanted and (text := sources.read(path)):
            yield path, file, text


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


def row(path: str, line: int, *cells: Cell, end_line: int | None = None) -> Row:
    """Return a row; its last line is its first unless another one is given."""
    return Row(path=path, line=max(1, line), end_line=max(1, line, end_line or 0), cells=cells)


def of_file(path: str, file: MappedFile, *cells: Cell) -> Row:
    """Return a row about a whole file."""
    return row(path, 1, *cells, end_line=file.facts.lines)


def of_symbol(path: str, symbol: Symbol, *cells: Cell) -> Row:
    """Return a row about a definition."""
    return row(path, symbol.line, *cells, end_line=symbol.end_line)


def table(name: str, title: str, about: str, columns: Iterable[str], rows: Iterable[Row]) -> Table:
    """Return a table of the first rows, and how many there are."""
    found = tuple(rows)
    return Table(name=name, title=title, about=about, columns=tuple(columns), rows=found[:MOST_ROWS], total=len(found))
