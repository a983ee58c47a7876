"""Fold what an analysis came to into its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fanfold.models import Dropped
from fanfold.reports.analysed import AnalysisResult, MapSummary, Unread
from fanfold.sources.repo_map.values import LeftOut, RepoMap


@dataclass(frozen=True, slots=True)
class Folded:
    """What an analysis says, what of it was dropped, and what a person should know."""

    result: AnalysisResult
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()


def summary(tree: RepoMap) -> MapSummary:
    """Return the map in figures."""
    files = tree.files.values()
    return MapSummary(
        files=len(tree.files),
        lines=sum(file.facts.lines for file in files),
        tokens=tree.tokens,
        imports=sum(map(len, tree.imports.values())),
        languages=dict(Counter(file.facts.language for file in files).most_common()),
    )


def unread(left_out: Iterable[LeftOut]) -> tuple[Unread, ...]:
    """Return what nobody reads, as the result keeps it."""
    return tuple(Unread(path=one.path, why=one.why, size=one.size) for one in left_out)


def in_order(dropped: Sequence[Dropped]) -> tuple[Dropped, ...]:
    """Return what was dropped in an order that no race decides."""
    return tuple(sorted(dropped, key=lambda one: (one.path, one.line or 0, one.reason, one.title)))
