"""The review's whole story: analyze, read, verify, fold."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fanfold.agents.spec import Answered
from fanfold.agents.units import AgentWorker
from fanfold.analyzers import load
from fanfold.analyzers.base import Analysis, Analyzer
from fanfold.engine.fan_out import fan_out
from fanfold.models import Dropped, Finding, Outcome, Severity, Unit
from fanfold.skills.code_review.answer import FinderAnswer, Placer, VerifierAnswer
from fanfold.skills.code_review.around import with_lines_around
from fanfold.skills.code_review.aspects import Aspect
from fanfold.skills.code_review.claims import Claim, Docket, judge, undecided
from fanfold.skills.code_review.fold import EXACT, FileCoverage, Folded, analyzer_findings, fold
from fanfold.skills.code_review.guidance import Guidance
from fanfold.skills.code_review.memory import Memory
from fanfold.skills.code_review.origin import with_origins
from fanfold.skills.code_review.plan import (
    FinderTask,
    ReviewPlan,
    labelled,
    plan_analyzers,
    plan_review,
    settings_of,
)
from fanfold.skills.code_review.request import ReviewRequest
from fanfold.skills.code_review.suggestions import with_checked_suggestions
from fanfold.skills.code_review.work import AnalyzerWorker
from fanfold.sources.target import Target
from fanfold.sources.text import listed, os_path

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.agents.tools.toolbox import Toolbox
    from fanfold.engine.supervisor import Supervisor


# Those that take a file for its language, not for any text in it.
_SOURCE_ANALYZERS = ("ruff", "complexity")


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a review would do: its analyzers and finders, files set aside, and how many verifiers a claim has."""

    analyzers: tuple[str, ...]
    finders: tuple[Unit[FinderTask], ...]
    skipped: tuple[tuple[str, str], ...]
    lenses: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a review knows besides the change.

    `aspects` are those to choose from, `guidance` the repository's own rules, `memory` what people decided about
    findings, `toolbox` what sub-agents may look things up with.
    """

    aspects: Mapping[str, Aspect]
    guidance: Guidance = field(default_factory=Guidance)
    memory: Memory = field(default_factory=Memory)
    toolbox: Toolbox | None = None
    notes: tuple[str, ...] = ()

    def chosen(self, request: ReviewRequest) -> list[Aspect]:
        return [self.aspects[name] for name in request.aspects or self.aspects]


async def review(
    request: ReviewRequest, target: Target, supervisor: Supervisor, backend: Backend | None, knowledge: Knowledge
) -> Folded:
    """Review `target`.

    Analyzers run side by side. Finders that have seen what those found read the change, and what one of them reports is
    with its verifiers while others still read. What stands is merged and ranked.
    """
    usable, notes = _usable(request.analyzers)
    analyzed, on_disk = await _analyze(target, usable, supervisor)
    said = [note for outcome in analyzed if outcome.value for note in outcome.value.notes]
    notes = [*target.notes, *knowledge.notes, *knowledge.guidance.notes, *notes, *said]
    evidence, dropped = knowledge.memory.sort(analyzer_findings(target, analyzed))
    if backend is None:
        files = tuple(_analyzed_files(target, on_disk))
        return await _folded(target, _Sorted(evidence, dropped, files), notes, knowledge)
    plan = _plan(request, target, evidence, knowledge, interactive=backend.interactive)
    reading = _Reading(plan, target, supervisor, AgentWorker(backend), knowledge.memory, dropped=dropped)
    await reading.run()
    findings = [*(finding for finding in evidence if finding not in reading.tried), *reading.findings]
    files = tuple(_read_files(target, plan, reading))
    notes += _left_out(plan)
    read = frozenset(file.path for file in files if file.status == "reviewed")
    return await _folded(target, _Sorted(findings, reading.dropped, files, read), notes, knowledge)


@dataclass(frozen=True, slots=True)
class _Sorted:
    """What came of the analyzers and sub-agents; `read` are the files that all their finders have read."""

    findings: Sequence[Finding]
    dropped: Sequence[Dropped]
    files: tuple[FileCoverage, ...]
    read: frozenset[str] = frozenset()


async def _folded(target: Target, came: _Sorted, notes: Iterable[str], knowledge: Knowledge) -> Folded:
    """Fold what stands: with its origin, with suggestions that apply, within what the guidance wants shown."""
    sound = with_checked_suggestions(await with_origins(target, came.findings), target.snapshot.read)
    folded = fold(sound, came.dropped, [*notes, *knowledge.memory.notes], came.files, read=came.read)
    shown = knowledge.guidance.applied(folded.findings)
    return replace(folded, findings=with_lines_around(shown, target.snapshot.read))


def _plan(
    request: ReviewRequest,
    target: Target,
    evidence: Sequence[Finding],
    knowledge: Knowledge,
    *,
    interactive: bool,
) -> ReviewPlan:
    toolbox = knowledge.toolbox if interactive else None

    async def stands(answered: Answered[Any]) -> bool:
        return toolbox is None or await toolbox.stands(answered.lookups)

    return plan_review(
        request,
        target,
        knowledge.chosen(request),
        evidence,
        guidance=knowledge.guidance,
        lookups=toolbox.definitions if toolbox else (),
        stands=stands,
    )


def dry_run(request: ReviewRequest, target: Target, knowledge: Knowledge, *, interactive: bool | None) -> DryRun:
    """Plan a review; nothing is run and nothing is sent.

    `interactive` is that of the backend (`Backend.interactive`), None when no sub-agent is asked.
    """
    usable, notes = _usable(request.analyzers)
    plan = None if interactive is None else _plan(request, target, (), knowledge, interactive=interactive)
    return DryRun(
        analyzers=tuple(unit.label for unit in plan_analyzers(target, usable)),
        finders=plan.finders if plan else (),
        skipped=plan.skipped if plan else (),
        lenses=len(plan.strategy.lenses) if plan else 0,
        notes=(*target.notes, *knowledge.notes, *knowledge.guidance.notes, *notes),
    )


@dataclass(slots=True)
class _Reading:
    """Finders and verifiers at work: two stages that overlap, claim by claim."""

    plan: ReviewPlan
    target: Target
    supervisor: Supervisor
    worker: AgentWorker
    memory: Memory
    docket: Docket = field(default_factory=Docket)
    findings: list[Finding] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    tried: set[Finding] = field(default_factory=set)
    unread: dict[int, str] = field(default_factory=dict)
    read: set[int] = field(default_factory=set)

    async def run(self) -> None:
        """Have everything read and verified, what an analyzer holds to be grave included."""
        placer = Placer(self.target)
        async with asyncio.TaskGroup() as verifying:
            await self._round(self.plan.finders, placer, verifying)
            await self._round(self.plan.sweeps(self.docket.claims), placer, verifying)
            for claim in self._grave():
                verifying.create_task(self._verify(claim))
        self.dropped += self.docket.dropped

    async def _round(self, units: Sequence[Unit[FinderTask]], placer: Placer, verifying: asyncio.TaskGroup) -> None:
        """Have units read; each claim goes to its verifiers as soon as its finder has handed in."""
        tasks = {unit.key: unit.payload for unit in units}
        async with fan_out(units, self.worker, supervisor=self.supervisor) as outcomes:
            async for outcome in outcomes:
                for claim in self._admit(tasks[outcome.key], outcome, placer):
                    verifying.create_task(self._verify(claim))

    def _admit(self, task: FinderTask, outcome: Outcome[Answered[FinderAnswer]], placer: Placer) -> list[Claim]:
        if outcome.value is None:
            self.unread.setdefault(task.part, outcome.error or outcome.status.value)
            return []
        self.read.add(task.part)
        evidence = labelled(task.evidence)
        said = [placer.place(reported, task, evidence) for reported in outcome.value.answer.findings]
        placed, decided = self.memory.sort(one for one in said if isinstance(one, Finding))
        self.dropped += [*(one for one in said if isinstance(one, Dropped)), *decided]
        return self.docket.admit(placed, task.part)

    def _grave(self) -> Iterator[Claim]:
        """Claim what an analyzer holds to be grave, can't prove, and no finder took up."""
        for index, reading in enumerate(self.plan.readings):
            grave = [f for f in reading.evidence if f.introduced and f.severity.rank >= Severity.HIGH.rank]
            unproved = [f for f in grave if EXACT.isdisjoint(source.partition(":")[0] for source in f.sources)]
            self.tried.update(unproved)
            yield from self.docket.admit(unproved, index)

    async def _verify(self, claim: Claim) -> None:
        """Ask the verifiers of a claim, a third one only when two leave it open, and take what stands."""
        lenses = self.plan.strategy.lenses
        heard = await self._ask(claim, lenses[:2])
        if len(lenses) > len(lenses[:2]) and undecided(heard):
            heard += await self._ask(claim, lenses[2:])
        judged = judge(claim, heard, len(lenses))
        if isinstance(judged, Dropped):
            self.dropped.append(judged)
        else:
            self.findings += judged

    async def _ask(self, claim: Claim, lenses: Sequence[str]) -> list[VerifierAnswer]:
        units = self.plan.verifiers(claim, lenses)
        outcomes: list[Outcome[Answered[VerifierAnswer]]] = await fan_out(
            units, self.worker, supervisor=self.supervisor
        )
        return [outcome.value.answer for outcome in outcomes if outcome.value]


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
        outcomes = await fan_out(units, AnalyzerWorker(head, before, target), supervisor=supervisor)
        return outcomes, frozenset(path for path in target.paths if (head / os_path(path)).exists())


def _analyzed_files(target: Target, on_disk: frozenset[str]) -> Iterator[FileCoverage]:
    """Say of each file whether analyzers could read it; of those that are no text, only sources are missed."""
    yield from _unreadable(target)
    for path in target.paths:
        if path in on_disk:
            yield FileCoverage(path, "reviewed")
        else:
            yield FileCoverage(path, "missing", "only fragments of it are known, which analyzers can't read")


def _read_files(target: Target, plan: ReviewPlan, reading: _Reading) -> Iterator[FileCoverage]:
    """Say of each file whether all of its finders have read it, some of them, or none."""
    yield from _unreadable(target)
    yield from (FileCoverage(path, "skipped", why) for path, why in plan.skipped)
    failed: dict[str, str] = {}
    read = {path for index in reading.read for path in plan.readings[index].part.paths}
    for index, why in reading.unread.items():
        failed.update(dict.fromkeys(plan.readings[index].part.paths, why))
    for path in dict.fromkeys(path for part in plan.readings for path in part.part.paths):
        status = "reviewed" if path not in failed else "partly" if path in read else "missing"
        yield FileCoverage(path, status, failed.get(path), of_unit=path in failed)


def _left_out(plan: ReviewPlan) -> list[str]:
    """Name the files that nobody read on purpose, by reason."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for path, why in plan.skipped:
        by_reason[why].append(path)
    return [f"not read by sub-agents ({why}): {listed(paths)}" for why, paths in by_reason.items()]


def _unreadable(target: Target) -> Iterator[FileCoverage]:
    """Yield the source files of which no text could be had."""
    read = frozenset(target.paths)
    for change in target.changes:
        if change.binary and change.kind != "deleted" and change.path not in read and _is_source(change.path):
            yield FileCoverage(change.path, "missing", "it is too large, or its encoding is not UTF-8")


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
