"""Plan a review: which analyzers and which sub-agents, on what, and what that will cost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fanfold.agents.fence import fence
from fanfold.agents.prices import cost_usd, estimate_tokens
from fanfold.agents.spec import AgentSpec, AnswerTool, Brief
from fanfold.agents.units import agent_unit
from fanfold.analyzers.base import Analysis, Analyzer
from fanfold.models import Finding, Frozen, Unit, content_key
from fanfold.skills.code_review.answer import FinderAnswer
from fanfold.skills.code_review.prompts import Aspect, system_prompt
from fanfold.skills.code_review.request import ReviewRequest
from fanfold.skills.code_review.view import Part, view_evidence
from fanfold.sources.target import Target

PART_TOKENS = 100_000
REPORT_FINDINGS = AnswerTool("report_findings", "Hand in everything that you found; ends your work.", FinderAnswer)
_FINDER_MAX_TOKENS = 16_000
# What finders were seen to write, thinking included: for estimates only, never for the reservation.
_EXPECTED_OUTPUT_TOKENS = 2_500
_EXPECTED_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class AnalyzerTask:
    """The payload of an analyzer's unit."""

    analyzer: Analyzer
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FinderTask:
    """The payload of a finder's unit; `evidence` are the analyzer results it is shown, in the order of their labels."""

    spec: AgentSpec[FinderAnswer]
    aspect: Aspect
    evidence: tuple[Finding, ...]


class Estimate(Frozen):
    """What sub-agents are expected to take: tokens, US dollars (None when the model's price is unknown), seconds.

    `alone_usd` is one call after the other without a cache, `parallel_usd` the same as fanfold runs them, the shared
    part written to the cache once and read by the others.
    """

    units: int
    input_tokens: int
    output_tokens: int
    alone_usd: float | None
    parallel_usd: float | None
    worst_case_usd: float | None
    seconds: float


def plan_analyzers(target: Target, analyzers: Iterable[Analyzer]) -> tuple[Unit[AnalyzerTask], ...]:
    """One unit for each analyzer that has a file to look at."""
    hashes = _Hashes(target)
    units = []
    for analyzer in analyzers:
        paths = tuple(path for path in target.paths if analyzer.wants(path))
        if paths:
            read = [*paths, *settings_of(target, analyzer, paths)]
            units.append(_analyzer_unit(analyzer, paths, [(path, hashes[path]) for path in read]))
    return tuple(units)


def settings_of(target: Target, analyzer: Analyzer, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the configuration files that `analyzer` reads for `paths`: those in their folders, and above."""
    if not analyzer.reads:
        return ()
    folders = {folder for path in paths for folder in PurePosixPath(path).parents}
    known = set(target.snapshot.paths())
    return tuple(sorted({str(f / name) for f in folders for name in analyzer.reads if str(f / name) in known}))


class _Hashes(dict[str, str]):
    """The content of files on both sides of the change: what an analyzer says may depend on either."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target

    def __missing__(self, path: str) -> str:
        before, target = self._target.before, self._target
        texts = [(before and before.read(target.old_path(path))) or "", target.snapshot.read(path) or ""]
        self[path] = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
        return self[path]


def _analyzer_unit(analyzer: Analyzer, paths: tuple[str, ...], read: Sequence[tuple[str, str]]) -> Unit[AnalyzerTask]:
    return Unit(
        key=content_key("analyzer", analyzer.name, analyzer.version(), paths, read),
        label=analyzer.name,
        kind="analyzer",
        lane="process",
        payload=AnalyzerTask(analyzer, paths),
        # A mypy that depends on the whole project is not a function of these files alone.
        returns=None if analyzer.runs_repository_code else Analysis,
    )


def plan_finders(
    request: ReviewRequest,
    parts: Sequence[Part],
    aspects: Sequence[Aspect],
    findings: Sequence[Finding],
    description: str,
) -> tuple[Unit[FinderTask], ...]:
    """One unit for each part and aspect; the units of a part share their prefix."""
    return tuple(
        _finder_unit(request, part, aspect, tuple(f for f in findings if f.path in part.paths), description)
        for part in parts
        for aspect in aspects
    )


def _finder_unit(
    request: ReviewRequest, part: Part, aspect: Aspect, evidence: tuple[Finding, ...], description: str
) -> Unit[FinderTask]:
    spec = AgentSpec(
        role="finder",
        brief=Brief(request.model, request.effort, system_prompt(), (REPORT_FINDINGS,)),
        context=shared_context(part, evidence, description),
        task=aspect.instructions,
        answer=REPORT_FINDINGS,
        max_tokens=_FINDER_MAX_TOKENS,
    )
    where = f", part {part.number} of {part.count}" if part.count > 1 else ""
    return agent_unit(spec, FinderTask(spec, aspect, evidence), kind="finder", label=f"{aspect.name}{where}")


def shared_context(part: Part, evidence: Sequence[Finding], description: str) -> str:
    """Return what the sub-agents of a part all read, every piece of it fenced."""
    which = f" This is part {part.number} of {part.count}." if part.count > 1 else ""
    return "\n\n".join(
        [
            f"The change under review.{which}",
            fence("description", description),
            fence("change", part.text),
            "What static analyzers reported on these files:",
            fence("analyzer-results", view_evidence(evidence)),
        ]
    )


def estimate(units: Sequence[Unit[FinderTask]], jobs: int) -> Estimate:
    """Price a plan without sending anything."""
    primed: set[str | None] = set()
    total_in, alone, parallel = 0, 0.0, 0.0
    known = True
    for unit in units:
        spec = unit.payload.spec
        shared = estimate_tokens("".join([spec.brief.system, str(spec.brief.tools), spec.context]))
        own = estimate_tokens(spec.own)
        total_in += shared + own
        first = unit.prefix not in primed
        primed.add(unit.prefix)
        single = cost_usd(spec.model, full=shared + own, output=_EXPECTED_OUTPUT_TOKENS)
        cached = cost_usd(
            spec.model,
            full=own,
            cache_write=shared if first else 0,
            cache_read=0 if first else shared,
            output=_EXPECTED_OUTPUT_TOKENS,
        )
        known = known and single is not None
        alone += single or 0.0
        parallel += cached or 0.0
    worst = [unit.reserve_usd for unit in units]
    waves = -(-len(units) // jobs)
    return Estimate(
        units=len(units),
        input_tokens=total_in,
        output_tokens=len(units) * _EXPECTED_OUTPUT_TOKENS,
        alone_usd=alone if known else None,
        parallel_usd=parallel if known else None,
        worst_case_usd=None if None in worst else sum(w for w in worst if w is not None),
        seconds=waves * _EXPECTED_SECONDS,
    )
