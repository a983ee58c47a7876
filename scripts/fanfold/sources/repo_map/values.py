"""What the map of a tree holds. Light values, since a tree has tens of thousands of them; lines count from 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias


class Symbol(NamedTuple):
    """A definition: `qualified` is its name behind those it is nested in, `doc` the first line of its docstring."""

    name: str
    qualified: str
    kind: str
    line: int
    end_line: int
    doc: str = ""


class Imported(NamedTuple):
    """A name that a file takes from elsewhere, as its language writes it; `name` is None for the module itself."""

    module: str
    name: str | None
    bound: str
    line: int


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What one reading says of a file; it depends on the file's name and content alone.

    `tokens` is about what the whole text costs in a prompt. `uses` counts the names that are used here, those behind
    a dot included. `complexity` is the sum of its functions' branches, 0 where the language is not parsed. `doc` is
    the first line of the file's own docstring. `note` says why a weaker reading had to do; "" otherwise.
    """

    language: str
    lines: int
    tokens: int
    symbols: tuple[Symbol, ...] = ()
    imports: tuple[Imported, ...] = ()
    uses: Mapping[str, int] = field(default_factory=dict)
    complexity: int = 0
    doc: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class MappedFile:
    """A file on the map: `content` is the key of its bytes, `size` their number."""

    path: str
    content: str
    size: int
    facts: FileFacts


class LeftOut(NamedTuple):
    """A file that nobody reads, and why; `size` in bytes, None when it is not known."""

    path: str
    why: str
    size: int | None = None


Parts: TypeAlias = tuple[tuple[str, ...], ...]


class Shape(NamedTuple):
    """The components of imports, and their layers, as `graph` finds them; and of what, since maps are made of maps."""

    components: Parts
    layers: Parts
    files: Mapping[str, MappedFile]
    imports: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class RepoMap:
    """The files in order of their paths, and the edges between them.

    `imports` leads from a file to those that it imports, in order; `references` to those that define names which it
    uses, with a weight. A file without an edge has no entry. `shape` may be that of these files and imports.
    """

    # Not in its representation, which asyncio makes of what a main task returns: it would be megabytes.
    files: Mapping[str, MappedFile] = field(repr=False)
    left_out: tuple[LeftOut, ...] = field(default=(), repr=False)
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    references: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    shape: Shape | None = field(default=None, repr=False, compare=False)

    @property
    def tokens(self) -> int:
        return sum(file.facts.tokens for file in self.files.values())
