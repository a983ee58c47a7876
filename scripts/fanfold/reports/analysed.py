"""An analysis' result as typed values: the answer with its citations, the map, and what is true without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from pydantic import Field, TypeAdapter

from fanfold.errors import UsageError
from fanfold.models import Frozen, Run, Status

Cell: TypeAlias = str | int | float | None
"""None is what is not known; a template shows it as nothing."""


class Place(Frozen):
    """Lines of a file, 1-based."""

    path: str
    line: int = Field(ge=1)
    end_line: int = Field(ge=1)


class Citation(Place):
    """Lines that a statement stands on; `repaired` says that the quote was found elsewhere than it was said to be."""

    quote: str
    status: Literal["verified", "repaired"]


class Note(Place):
    """What one worker says of its part, on lines that were checked; `relevance` to the question is 0 to 1.

    `quote_line` is the one on which the quote begins, None in the record of an earlier fanfold.
    """

    statement: str
    quote: str
    quote_line: int | None = Field(default=None, ge=1)
    relevance: float = Field(ge=0.0, le=1.0)
    area: str = ""


class Contradiction(Frozen):
    """Notes that can't all be true, side by side."""

    about: str
    notes: tuple[Note, ...]


class Area(Frozen):
    """A unit of the plan: the files that one worker read, about how many tokens they are, what became of it."""

    label: str
    files: tuple[str, ...]
    tokens: int = 0
    status: Status = Status.OK
    notes: int = 0
    question: str = ""


class Row(Place):
    """A line of a table: where it is, and a cell for each column."""

    cells: tuple[Cell, ...]


class Table(Frozen):
    """Facts that no model was asked for.

    `about` says what a row is, how it was found and how far it can be trusted. A row's place stands before its cells
    and has no name in `columns`. `total` counts the rows, those included that were left out for length.
    """

    name: str
    title: str
    about: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    total: int = 0

    @property
    def more(self) -> int:
        return max(0, self.total - len(self.rows))


def filled(table: Table, most: int | None = None) -> Table:
    """Return a table with its first `most` rows, and of its columns those that say something of one of them."""
    rows = table.rows[:most]
    kept = [at for at in range(len(table.columns)) if any(_says(row, at) for row in rows)]
    cut = (row.model_copy(update={"cells": tuple(row.cells[at] for at in kept if at < len(row.cells))}) for row in rows)
    return table.model_copy(update={"columns": tuple(table.columns[at] for at in kept), "rows": tuple(cut)})


def _says(row: Row, at: int) -> bool:
    value = row.cells[at] if at < len(row.cells) else None
    return value is not None and not (isinstance(value, str) and not value.strip())


def sections(tables: Sequence[Table]) -> list[Table]:
    """Return the tables that get a heading of their own: those with rows, and one that stands alone."""
    return [table for table in tables if table.rows or len(tables) == 1]


def none_found(tables: Sequence[Table]) -> str:
    """Return what the other tables would have told, in a line; "" when there are none."""
    titles = [_inside(table.title) for table in tables if not table.rows] if len(tables) > 1 else []
    return f"None found: {', '.join(titles)}." if titles else ""


def _inside(title: str) -> str:
    """Return a title as it stands inside of a sentence."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


class Module(Frozen):
    """A node of the module graph: a file, or a folder with all that is in it that is no node of its own.

    `layer` is 0 for what imports nothing here; `cycle` is the number of the import cycle it is part of, from 1.
    """

    name: str
    files: int
    lines: int
    tokens: int
    layer: int = 0
    cycle: int | None = None


class Link(Frozen):
    """`source` imports `target`, in so many files; both are names of modules."""

    source: str
    target: str
    files: int = 1


class ModuleGraph(Frozen):
    """Which modules import which; `note` says what was folded or left out so that it can be read."""

    modules: tuple[Module, ...] = ()
    links: tuple[Link, ...] = ()
    note: str = ""


class Unread(Frozen):
    """A file that nobody read, and why; `size` in bytes."""

    path: str
    why: str
    size: int | None = None


class MapSummary(Frozen):
    """The map in figures. `cycles` are files that import one another in a circle, the largest circle first.

    `central` are the files that most depends on, first things first; `entry_points` are `path:line name`.
    """

    files: int = 0
    lines: int = 0
    tokens: int = 0
    imports: int = 0
    languages: Mapping[str, int] = Field(default_factory=dict)
    cycles: tuple[tuple[str, ...], ...] = ()
    central: tuple[str, ...] = ()
    entry_points: tuple[str, ...] = ()
    layers: int = 0


class AnalysisResult(Frozen):
    """The `result` of an analysis in run.json.

    `answer` is markdown in which `[n]` stands for the nth of the citations, from 1; "" when no model was called.
    `unsupported_sentences` are those that state something of the code and lost or never had a citation: they are
    marked in the answer, or no longer in it. `dropped_citations` were nowhere in the file. `continues` is the run whose
    notes were used again, None for a first question.
    """

    question: str
    analysis: str = ""
    answer: str = ""
    citations: tuple[Citation, ...] = ()
    dropped_citations: int = 0
    unsupported_sentences: int = 0
    contradictions: tuple[Contradiction, ...] = ()
    notes: tuple[Note, ...] = ()
    areas: tuple[Area, ...] = ()
    map: MapSummary = MapSummary()
    tables: tuple[Table, ...] = ()
    graph: ModuleGraph = ModuleGraph()
    left_out: tuple[Unread, ...] = ()
    continues: str | None = None


_RESULT = TypeAdapter(AnalysisResult)
SKILL = "multi-file-analysis"


def analysis_of(run: Run) -> AnalysisResult:
    """Return the result of an analysis. Raises UsageError for the run of another skill."""
    if run.skill != SKILL:
        raise UsageError(f"run {run.id} is no analysis: it has no answer to show")
    return _RESULT.validate_python(dict(run.result), extra="ignore")
