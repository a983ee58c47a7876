"""What is true of the files without a model: the map, its figures, its graph, and tables of facts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fanfold.engine.folder import FOLDER
from fanfold.engine.shelf import Shelf
from fanfold.errors import TargetError
from fanfold.models import Unit, content_key
from fanfold.reports.analysed import MapSummary, ModuleGraph, Note, Table
from fanfold.skills.multi_file_analysis.analyses.folding import module_graph
from fanfold.skills.multi_file_analysis.analyses.parts import facts, map_summary
from fanfold.skills.multi_file_analysis.analyses.sources import Sources, Subject, of_file, table, what_it_is
from fanfold.skills.multi_file_analysis.citations import Checked, Checker
from fanfold.skills.multi_file_analysis.scope import Scope
from fanfold.sources.churn import Churn, churn
from fanfold.sources.git import Git
from fanfold.sources.repo_map.mapping import map_tree
from fanfold.sources.repo_map.relevance import relevance
from fanfold.sources.repo_map.values import RepoMap
from fanfold.sources.text import counted, listed

if TYPE_CHECKING:
    from fanfold.engine.attempt import Attempt
    from fanfold.engine.supervisor import Supervisor

_WITH_HISTORY = "hot-spots"
# Of a table so many rows are shown to who writes the answer.
_LEADING_ROWS = 100  # of a table: files further down don't come first
_NOTED_ROWS = 12
_RELEVANCE = 0.6
_LEADING = 12  # files
_LEADS_NOWHERE = "no word of the question stands in names, paths or text of these files: it leads to none of them"
MAP = "map"
"""The area of notes that no worker made."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The facts of a run; without any, nobody could tell. `said` is what a person should know of them."""

    summary: MapSummary = field(default_factory=MapSummary)
    tables: tuple[Table, ...] = ()
    graph: ModuleGraph = field(default_factory=ModuleGraph)
    said: tuple[str, ...] = ()

    def led(self, table: Table) -> Survey:
        """Return it with a table in front of the others."""
        return replace(self, tables=(table, *self.tables))

    @property
    def leads(self) -> dict[str, float]:
        """The files that the tables point at: 1 for the first row of the first, less further down and in later ones."""
        found: dict[str, float] = {}
        for number, shown in enumerate(self.tables, 1):
            for place, row in enumerate(shown.rows[:_LEADING_ROWS], 1):
                found[row.path] = max(found.get(row.path, 0.0), 1 / (number * place))
        return found

    def notes(self, checker: Checker) -> list[Checked]:
        """Return the first rows of the tables as notes, on the lines that they are about: an answer may cite them."""
        noted = (checker.stated(note) for table in self.tables for note in _noted(table))
        return [one for one in noted if one is not None]


async def mapped(scope: Scope, supervisor: Supervisor, *, fresh: bool) -> RepoMap | None:
    """Map the files: a unit like any other, so that the run says whether it was done.

    What an earlier run read of files that are as they were is taken from the store, unless it is to be `fresh`.
    """

    async def work(unit: Unit[None], attempt: Attempt) -> RepoMap:
        del unit, attempt
        return await map_scope(scope, fresh=fresh)

    outcome = await supervisor.run(_unit("map", scope), work)
    return outcome.value


async def map_scope(scope: Scope, *, fresh: bool) -> RepoMap:
    """Return the map of the files, with what the store has of them."""
    if fresh:
        return await map_tree(scope.found)
    with Shelf(scope.found.root / FOLDER) as shelf:
        return await map_tree(scope.found, cache=shelf)


async def surveyed(
    tree: RepoMap,
    scope: Scope,
    names: Iterable[str],
    subject: Subject,
    supervisor: Supervisor,
    *,
    unanswered: str = "",
) -> Survey:
    """Find out what is true without a model: the parts of `names`, about `subject` where one is asked about.

    Of a question that stays `unanswered` it is told where to begin to read.
    """
    names = tuple(names)

    async def work(unit: Unit[None], attempt: Attempt) -> Survey:
        del unit, attempt
        survey = await asyncio.to_thread(survey_of, tree, scope, names, subject)
        if not unanswered.strip():
            return survey
        led = survey.led(await asyncio.to_thread(leading, tree, scope, unanswered))
        return led if led.tables[0].rows else replace(led, said=(_LEADS_NOWHERE, *led.said))

    outcome = await supervisor.run(_unit("facts", scope), work)
    return outcome.value or Survey()


def leading(tree: RepoMap, scope: Scope, question: str) -> Table:
    """Return the files that a question leads to: where to begin to read, and in which order a plan would read them."""
    weighed = relevance(tree, question, scope.target.snapshot.each(tree.files))
    best = sorted(weighed, key=lambda path: (-round(weighed[path], 9), path))[:_LEADING]
    return table(
        "relevant",
        "Files that the question leads to",
        "Ranked by its words in paths, names, documentation and text, and by what those files hang together with: "
        "where to begin to read, and no answer.",
        ("relevance", "lines", "what it is"),
        (
            of_file(path, file, round(weighed[path], 2), file.facts.lines, what_it_is(file))
            for path, file in ((path, tree.files[path]) for path in best)
            if weighed[path] > 0
        ),
    )


def _unit(kind: str, scope: Scope) -> Unit[None]:
    key = content_key(kind, str(scope.found.root), list(scope.found.files.items()))
    return Unit(key=key, label=kind, payload=None, kind=kind, lane="process")


def survey_of(tree: RepoMap, scope: Scope, names: Sequence[str], subject: Subject) -> Survey:
    """Return the facts of `names`."""
    history = _history(scope) if _WITH_HISTORY in names else "the history was not looked at"
    sources = Sources(scope.target.snapshot.read, history, subject)
    tables = facts(names, tree, sources)
    return Survey(map_summary(tree, sources, tables), tables, module_graph(tree), tuple(_unparsed(tree)))


def _unparsed(tree: RepoMap) -> Iterator[str]:
    """Name the files of which no parser could read everything: facts of them may be missing."""
    if odd := [path for path, file in tree.files.items() if file.facts.note]:
        which = "what is told of it" if len(odd) == 1 else "what is told of them"
        yield f"{counted(len(odd), 'file')} could not be parsed in full, so {which} may lack something: {listed(odd)}"


def _history(scope: Scope) -> Churn | str:
    try:
        git = Git.at(scope.found.root)
    except TargetError as error:
        return str(error)
    if git is None or git.folder != scope.found.root.resolve():
        return "there is no git repository"
    return churn(git)


def _noted(table: Table) -> Iterator[Note]:
    for row in table.rows[:_NOTED_ROWS]:
        named = zip(table.columns, row.cells, strict=False)
        said = "; ".join(f"{column}: {cell}" if column else str(cell) for column, cell in named if cell is not None)
        yield Note(
            path=row.path,
            line=row.line,
            end_line=row.end_line,
            statement=f"{table.title}: {said}" if said else table.title,
            quote="",
            relevance=_RELEVANCE,
            area=MAP,
        )
