"""What can be said without a model: one line a part, each a table of places in files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from fanfold.reports.analysed import MapSummary, Table
from fanfold.skills.multi_file_analysis.analyses.api import public_api
from fanfold.skills.multi_file_analysis.analyses.duplicates import duplicates
from fanfold.skills.multi_file_analysis.analyses.entry_points import entry_points
from fanfold.skills.multi_file_analysis.analyses.external import external
from fanfold.skills.multi_file_analysis.analyses.gaps import untested_files, untested_functions
from fanfold.skills.multi_file_analysis.analyses.handling import swallowed
from fanfold.skills.multi_file_analysis.analyses.hot_spots import hot_spots
from fanfold.skills.multi_file_analysis.analyses.impact import impact
from fanfold.skills.multi_file_analysis.analyses.loops import loops
from fanfold.skills.multi_file_analysis.analyses.sources import Sources
from fanfold.skills.multi_file_analysis.analyses.structure import central, cycles, fan_out, largest, layering
from fanfold.skills.multi_file_analysis.analyses.surface import surface
from fanfold.skills.multi_file_analysis.analyses.unreferenced import unreferenced
from fanfold.sources.repo_map import graph
from fanfold.sources.repo_map.values import RepoMap

Part: TypeAlias = Callable[[RepoMap, Sources], Table]

PARTS: Mapping[str, Part] = {
    "api": public_api,
    "central": central,
    "cycles": cycles,
    "duplicates": duplicates,
    "entry-points": entry_points,
    "external": external,
    "fan-out": fan_out,
    "hot-spots": hot_spots,
    "impact": impact,
    "largest": largest,
    "layering": layering,
    "loops": loops,
    "surface": surface,
    "swallowed": swallowed,
    "unreferenced": unreferenced,
    "untested-files": untested_files,
    "untested-functions": untested_functions,
}

FOR_ANY_QUESTION = ("entry-points", "central", "cycles", "largest")
"""What is shown beside the answer to a question of one's own."""

_CENTRAL, _ENTRY_POINTS, _LANGUAGES = 20, 50, 10


def facts(names: Iterable[str], tree: RepoMap, sources: Sources) -> tuple[Table, ...]:
    """Return these parts (`Analysis.facts`, or FOR_ANY_QUESTION) in their order; reads texts, calls no model.

    Raises KeyError for a name that is none of PARTS.
    """
    return tuple(PARTS[name](tree, sources) for name in names)


def map_summary(tree: RepoMap, sources: Sources, made: Iterable[Table] = ()) -> MapSummary:
    """Return the map in figures; `made` are facts of it that are there already, and need not be found out again."""
    known = {table.name: table for table in made}
    parts = graph.components(tree)
    started = (known.get("entry-points") or entry_points(tree, sources)).rows[:_ENTRY_POINTS]
    stands_on = (known.get("central") or central(tree, sources)).rows[:_CENTRAL]
    return MapSummary(
        files=len(tree.files),
        lines=sum(file.facts.lines for file in tree.files.values()),
        tokens=tree.tokens,
        imports=sum(map(len, tree.imports.values())),
        languages=_languages(tree),
        cycles=graph.cycles(tree, parts),
        central=tuple(row.path for row in stands_on),
        entry_points=tuple(f"{row.path}:{row.line} {row.cells[0]}" for row in started),
        layers=len(graph.layers(tree, parts)),
    )


def _languages(tree: RepoMap) -> dict[str, int]:
    """Return how many files are of each of the most frequent languages, and of all others together."""
    counts = Counter(file.facts.language or "other" for file in tree.files.values())
    ordered = sorted(counts.items(), key=lambda found: (found[0] == "other", -found[1], found[0]))
    named = dict(ordered[:_LANGUAGES])
    rest = sum(number for _, number in ordered[_LANGUAGES:])
    return {**named, "other": named.get("other", 0) + rest} if rest else named
