"""The review's whole story: plan, analyze, ask, fold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fanfold.analyzers import load
from fanfold.analyzers.base import Analysis, Analyzer
from fanfold.engine.fan_out import fan_out
from fanfold.models import Outcome
from fanfold.skills.code_review.fold import Folded, analyzer_findings, fold
from fanfold.skills.code_review.plan import (
    PART_TOKENS,
    Estimate,
    estimate,
    plan_analyzers,
    plan_finders,
    settings_of,
)
from fanfold.skills.code_review.prompts import Aspect, aspects
from fanfold.skills.code_review.request import ReviewRequest
from fanfold.skills.code_review.view import pack, view_target
from fanfold.skills.code_review.work import AnalyzerWorker, FinderWorker
from fanfold.sources.target import Target
from fanfold.sources.text import os_path

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.supervisor import Supervisor


# Those that take a file for its language, not for any text in it.
_SOURCE_ANALYZERS = ("ruff", "complexity")


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a review would do: labels of its units, and the estimate for its sub-agents."""

    analyzers: tuple[str, ...]
    finders: tuple[str, ...]
    estimate: Estimate
    notes: tuple[str, ...]


async def review(request: ReviewRequest, target: Target, supervisor: Supervisor, backend: Backend | None) -> Folded:
    """Review `target`: analyzers side by side, then sub-agents that have seen what those found; fold it all."""
    usable, notes = _usable(request.analyzers)
    analyzed, on_disk = await _analyze(target, usable, supervisor)
    evidence = analyzer_findings(target, analyzed)
    notes = [*target.notes, *notes, *(note for outcome in analyzed if outcome.value for note in outcome.value.notes)]
    if backend is None:
        return replace(fold(target, evidence, [], notes), unread=(*_unreadable(target), *_unseen(target, on_disk)))
    parts = pack(view_target(target, evidence), PART_TOKENS)
    units = plan_finders(request, parts, _chosen(request), evidence, target.description)
    outcomes = await fan_out(units, FinderWorker(backend), supervisor=supervisor)
    folded = fold(target, evidence, list(zip(units, outcomes, strict=True)), notes)
    return replace(folded, unread=tuple(_unreadable(target)))


def dry_run(request: ReviewRequest, target: Target, *, with_agents: bool) -> DryRun:
    """Plan a review and price it; nothing is run and nothing is sent."""
    usable, notes = _usable(request.analyzers)
    parts = pack(view_target(target), PART_TOKENS) if with_agents else ()
    finders = plan_finders(request, parts, _chosen(request), (), target.description)
    return DryRun(
        analyzers=tuple(unit.label for unit in plan_analyzers(target, usable)),
        finders=tuple(unit.label for unit in finders),
        estimate=estimate(finders, request.jobs),
        notes=(*target.notes, *notes),
    )


async def _analyze(
    target: Target, analyzers: Iterable[Analyzer], supervisor: Supervisor
) -> tuple[Sequence[Outcome[Analysis]], frozenset[str]]:
    """Run the analyzers; returns their outcomes, and which of the files lay before them."""
    analyzers = tuple(analyzers)
    units = plan_analyzers(target, analyzers)
    settings = {file for analyzer in analyzers for file in settings_of(target, analyzer, target.paths)}
    with ExitStack() as stack:
        head = stack.enter_context(target.snapshot.on_disk([*target.paths, *settings]))
        before = stack.enter_context(target.before_on_disk())
        outcomes = await fan_out(units, AnalyzerWorker(head, before), supervisor=supervisor)
        return outcomes, frozenset(path for path in target.paths if (head / os_path(path)).exists())


def _unreadable(target: Target) -> Iterator[tuple[str, str]]:
    """Yield the source files of which no text could be had."""
    read = frozenset(target.paths)
    for change in target.changes:
        if change.binary and change.kind != "deleted" and change.path not in read and _is_source(change.path):
            yield change.path, "it is too large, or its encoding is not UTF-8"


def _unseen(target: Target, on_disk: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the files that no analyzer could see because the diff has only fragments of them."""
    for path in target.paths:
        if path not in on_disk:
            yield path, "only fragments of it are known, which analyzers can't read"


def _is_source(path: str) -> bool:
    return any(load(name).wants(path) for name in _SOURCE_ANALYZERS)


def _usable(names: Iterable[str]) -> tuple[list[Analyzer], list[str]]:
    """Load analyzers; say of each that can't run why, and how to get it."""
    usable, notes = [], []
    for name in names:
        analyzer = load(name)
        why = analyzer.unavailable()
        if why is None:
            usable.append(analyzer)
        else:
            notes.append(f"{name} did not run: {why}")
    return usable, notes


def _chosen(request: ReviewRequest) -> list[Aspect]:
    shipped = aspects()
    return [shipped[name] for name in request.aspects]
