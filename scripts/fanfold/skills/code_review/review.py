"""The review's whole story: plan, analyze, ask, fold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.supervisor import Supervisor


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
    analyzed = await _analyze(target, usable, supervisor)
    evidence = analyzer_findings(target, analyzed)
    notes = [*target.notes, *notes, *(note for outcome in analyzed if outcome.value for note in outcome.value.notes)]
    if backend is None:
        return fold(target, evidence, [], notes)
    parts = pack(view_target(target), PART_TOKENS)
    units = plan_finders(request, parts, _chosen(request), evidence, target.description)
    outcomes = await fan_out(units, FinderWorker(backend), supervisor=supervisor)
    return fold(target, evidence, list(zip(units, outcomes, strict=True)), notes)


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
) -> Sequence[Outcome[Analysis]]:
    analyzers = tuple(analyzers)
    units = plan_analyzers(target, analyzers)
    settings = {file for analyzer in analyzers for file in settings_of(target, analyzer, target.paths)}
    with ExitStack() as stack:
        head = stack.enter_context(target.snapshot.on_disk([*target.paths, *settings]))
        before = stack.enter_context(target.before_on_disk())
        return await fan_out(units, AnalyzerWorker(head, before), supervisor=supervisor)


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
