"""What an outline says of a file, as frozen values. Lines count from 1, as git counts them: at newlines alone."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal[
    "function",
    "method",
    "class",
    "struct",
    "enum",
    "interface",
    "type",
    "module",
    "macro",
    "constant",
    "variable",
    "block",
]
Method: TypeAlias = Literal["ast", "tree-sitter", "indentation"]

SCOPES: frozenset[Kind] = frozenset({"class", "struct", "enum", "interface", "module"})
"""What gives the definitions in it a qualified name and makes its functions methods."""

_VALUES: frozenset[Kind] = frozenset({"constant", "variable"})


class Definition(NamedTuple):
    """A named thing in a file.

    `line` to `end_line` are all of it, decorators and attributes included; `name_line` is where its name stands.
    `qualified` is the name with those it is nested in before it, joined by dots. `signature` is its head on one
    line, at most SIGNATURE characters; `doc` the beginning of its docstring, or of the comment above it, at most
    DOC characters. A "block" is what indentation alone shows.
    """

    name: str
    qualified: str
    kind: Kind
    line: int
    end_line: int
    name_line: int
    signature: str = ""
    doc: str = ""


class Import(NamedTuple):
    """A name that comes from elsewhere.

    `module` is what it comes from, as the language writes it (`..pkg`, `./x`, `net/http`, `a::b`, `stdio.h`); `name`
    what of it, None for the module itself and "*" for all there is. `bound` is what it is called in this file, ""
    when nothing is. `exported` says that this file passes it on (`export … from`, `pub use`).
    """

    module: str
    name: str | None
    bound: str
    line: int
    exported: bool = False


class Reference(NamedTuple):
    """The uses of one name in one way; the `lines` ascend.

    `call` is a use as what is called, `attribute` one behind a dot, an arrow or two colons; `receiver` is then
    what stands before that, when it is a plain chain of names (`self`, `os.path`).
    """

    name: str
    call: bool
    attribute: bool
    receiver: str
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """What is known of a file without running it.

    `definitions` are in the order of their lines, outer ones first. `note` says why a weaker `method` had to do, or
    what is incomplete; "" otherwise.
    """

    path: str
    language: str
    method: Method
    lines: int
    definitions: tuple[Definition, ...] = ()
    imports: tuple[Import, ...] = ()
    references: tuple[Reference, ...] = ()
    note: str = ""

    def definitions_of(self, name: str) -> tuple[Definition, ...]:
        """Return what has this name, or this qualified name or end of one (`Class.method`), in the file's order."""
        ending = f".{name}"
        return tuple(d for d in self.definitions if name in {d.name, d.qualified} or d.qualified.endswith(ending))

    def references_to(self, name: str) -> tuple[Reference, ...]:
        """Return the uses of a name, by how it is used."""
        at = bisect_left(self.references, name, key=lambda reference: reference.name)
        end = bisect_left(self.references, f"{name}\0", key=lambda reference: reference.name)
        return self.references[at:end]


Use: TypeAlias = tuple[str, bool, bool, str, int]
"""One use of a name: name, call, attribute, receiver, line."""


class Reading(NamedTuple):
    """What one look at a text gives, its uses not yet grouped into an outline.

    `branches` counts the places at which it branches, 0 where the language is not parsed; `doc` is the beginning of the
    file's own docstring, or of the comment on top that is no licence.
    """

    language: str
    method: Method
    lines: int
    definitions: tuple[Definition, ...]
    imports: tuple[Import, ...]
    uses: Sequence[Use]
    branches: int = 0
    doc: str = ""
    note: str = ""

    def outline(self, path: str) -> Outline:
        """Return the outline of the file that was read."""
        return Outline(
            path=path,
            language=self.language,
            method=self.method,
            lines=self.lines,
            definitions=self.definitions,
            imports=self.imports,
            references=grouped(self.uses),
            note=self.note,
        )

    def skim(self) -> Skim:
        """Return what a quicker look would have given."""
        return Skim(
            language=self.language,
            definitions=tuple([definition._replace(signature="") for definition in self.definitions]),
            imports=self.imports,
            uses=dict(Counter([use[0] for use in self.uses])),
            branches=self.branches,
            doc=self.doc,
            note=self.note,
        )


class Skim(NamedTuple):
    """What a quicker look at a text gives, for those who need no more of its uses than how often a name has any.

    As a Reading, without signatures; `uses` counts by name.
    """

    language: str
    definitions: tuple[Definition, ...]
    imports: tuple[Import, ...]
    uses: Mapping[str, int]
    branches: int = 0
    doc: str = ""
    note: str = ""


def enclosing(outline: Outline, line: int, end_line: int) -> Definition | None:
    """Return the innermost function, class or the like that holds all of these lines; failing that, any definition.

    None at the top level of a file.
    """
    holding = [d for d in outline.definitions if d.line <= line and end_line <= d.end_line]
    bodies = [d for d in holding if d.kind not in _VALUES]
    return min(bodies or holding, key=lambda d: (d.end_line - d.line, -d.line), default=None)


def grouped(uses: Iterable[Use]) -> tuple[Reference, ...]:
    """Make references of single uses."""
    lines: dict[tuple[str, bool, bool, str], set[int]] = {}
    for name, call, attribute, receiver, line in uses:
        lines.setdefault((name, call, attribute, receiver), set()).add(line)
    return tuple(
        Reference(name=use[0], call=use[1], attribute=use[2], receiver=use[3], lines=tuple(sorted(at)))
        for use, at in sorted(lines.items())
    )
