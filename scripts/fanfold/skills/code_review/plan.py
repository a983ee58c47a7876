"""Plan a review: which analyzers, which finders on which parts, which verifiers for a claim."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from fanfold.agents.fence import FENCE_RULE, fence
from fanfold.agents.roles import model_for
from fanfold.agents.spec import AgentSpec, Answered, AnswerTool, Brief, Tool
from fanfold.agents.units import agent_unit
from fanfold.analyzers.base import Analysis, Analyzer
from fanfold.models import Finding, Unit, content_key
from fanfold.skills.code_review.answer import FinderAnswer, VerifierAnswer
from fanfold.skills.code_review.aspects import Aspect, ChangeFacts, prompts_folder
from fanfold.skills.code_review.claims import Claim
from fanfold.skills.code_review.context import Surroundings
from fanfold.skills.code_review.guidance import Guidance
from fanfold.skills.code_review.parts import split
from fanfold.skills.code_review.request import ReviewRequest
from fanfold.skills.code_review.strategy import Strategy, strategy
from fanfold.skills.code_review.view import FileView, Part, evidence_label, view_evidence, view_target
from fanfold.sources.setaside import set_aside
from fanfold.sources.target import Target
from fanfold.sources.text import printable

# A change that fits into this is read in one piece. Beyond it a context starts to lose things.
PART_TOKENS = 40_000
SURROUNDINGS_TOKENS = 8_000
# For sub-agents that can look nothing up.
PACKED_TOKENS = 24_000
REPORT_FINDINGS = AnswerTool("report_findings", "A finder's hand-in: all that it found. Ends its work.", FinderAnswer)
GIVE_VERDICT = AnswerTool(
    "give_verdict", "A verifier's hand-in: its verdict on the claim. Ends its work.", VerifierAnswer
)
_FINDER_MAX_TOKENS = 16_000
_VERIFIER_MAX_TOKENS = 8_000

Stands = Callable[[Answered[FinderAnswer] | Answered[VerifierAnswer]], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class AnalyzerTask:
    """The payload of an analyzer's unit."""

    analyzer: Analyzer
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FinderTask:
    """The payload of a finder's unit; `evidence` are the analyzer results it is shown, in the order of their labels."""

    spec: AgentSpec[FinderAnswer]
    aspects: tuple[str, ...]
    part: int
    evidence: tuple[Finding, ...]
    sample: str = ""


@dataclass(frozen=True, slots=True)
class VerifierTask:
    """The payload of a verifier's unit."""

    spec: AgentSpec[VerifierAnswer]
    lens: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A part as its sub-agents see it: the shared context, and the analyzer results in the order of their labels."""

    part: Part
    context: str
    evidence: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ReviewPlan:
    """What sub-agents will do.

    `readings` are the parts, counted from 0 where something refers to them. `skipped` are files that nobody reads, with
    the reason. `finders` are the units of the first round; the others are made when it is known what for.
    """

    request: ReviewRequest
    strategy: Strategy
    brief: Brief
    readings: tuple[Reading, ...]
    skipped: tuple[tuple[str, str], ...]
    finders: tuple[Unit[FinderTask], ...]
    stands: Stands | None = None

    def verifiers(self, claim: Claim, lenses: Iterable[str]) -> tuple[Unit[VerifierTask], ...]:
        """One unit a lens, on the same prefix as the finder that made the claim."""
        return tuple(self._verifier(claim, lens) for lens in lenses)

    def sweeps(self, claims: Sequence[Claim]) -> tuple[Unit[FinderTask], ...]:
        """One unit a part and model that looks for what is not on the list; none unless the effort is high."""
        if not self.strategy.sweep:
            return ()
        alike: dict[tuple[str | None, str | None], list[Aspect]] = {}
        for aspect in self.strategy.aspects:
            alike.setdefault((aspect.model, aspect.effort), []).append(aspect)
        groups = [(_brief_for(self.brief, group), [aspect.name for aspect in group]) for group in alike.values()]
        parts = range(len(self.readings))
        known = {index: _listed([claim for claim in claims if claim.part == index]) for index in parts}
        return tuple(
            _finder_unit(self, index, names, brief=brief, name="sweep", extra=known[index])
            for index in parts
            for brief, names in groups
        )

    def _verifier(self, claim: Claim, lens: str) -> Unit[VerifierTask]:
        finding = claim.finding
        spec = AgentSpec(
            role="verifier",
            brief=replace(self.brief, model=model_for("verifier", self.request)),
            context=self.readings[claim.part].context,
            task=_verifier_task(claim, lens),
            answer=GIVE_VERDICT,
            max_tokens=_VERIFIER_MAX_TOKENS,
        )
        label = f"verify {printable(finding.path)}:{finding.line} {finding.aspect} ({lens})"
        return agent_unit(spec, VerifierTask(spec, lens), kind="verifier", label=label, stands=self.stands)


def plan_analyzers(target: Target, analyzers: Iterable[Analyzer]) -> tuple[Unit[AnalyzerTask], ...]:
    """One unit for each analyzer that has a file to look at."""
    hashes = _Hashes(target)
    units = []
    for analyzer in analyzers:
        paths = tuple(path for path in target.paths if analyzer.wants(path))
        if paths or (analyzer.beyond and any(analyzer.wants(c.old_path or c.path) for c in target.changes)):
            read = [(path, hashes[path]) for path in [*paths, *settings_of(target, analyzer, paths)]]
            units.append(_analyzer_unit(analyzer, paths, [*read, *_beyond(target, analyzer, hashes)]))
    return tuple(units)


def _beyond(target: Target, analyzer: Analyzer, hashes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what else decides what an analyzer says that looks beyond the changed files: the tree, on both sides."""
    if not analyzer.beyond:
        return
    yield from ((change.path, hashes[change.path]) for change in target.changes)
    everything = target.snapshot.paths()
    digest = hashlib.sha256("\0".join([target.base or "", *everything]).encode("utf-8", "surrogatepass"))
    for _, text in target.snapshot.each(path for path in everything if analyzer.wants(path)):
        digest.update((text or "").encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    yield "", digest.hexdigest()


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


def plan_review(
    request: ReviewRequest,
    target: Target,
    aspects: Sequence[Aspect],
    evidence: Sequence[Finding] = (),
    *,
    guidance: Guidance = Guidance(),  # noqa: B008  frozen
    lookups: tuple[Tool, ...] = (),
    stands: Stands | None = None,
) -> ReviewPlan:
    """Plan the sub-agents of a review.

    `aspects` are those to choose from, `guidance` the repository's own rules for reviews, `lookups` the tools that the
    backend offers; `stands` tells whether a stored answer still does.
    """
    skipped = dict(_skipped(target, guidance))
    views = view_target(target, evidence, without=skipped)
    facts = facts_of(target, views, has_guidance=bool(guidance.text))
    chosen = strategy(request.effort, aspects, facts, chosen=bool(request.aspects))
    parts = split(views, PART_TOKENS, target.snapshot.read)
    told, answers = system_prompt(chosen.aspects), (REPORT_FINDINGS, GIVE_VERDICT)
    brief = Brief(model_for("finder", request), request.effort, told, answers, lookups)
    around = Surroundings.of(target, evidence)
    allowance = SURROUNDINGS_TOKENS if lookups else PACKED_TOKENS
    readings = tuple(
        _reading(part, evidence, purpose_of(target), guidance.text, around.text(part, allowance)) for part in parts
    )
    plan = ReviewPlan(request, chosen, brief, readings, tuple(skipped.items()), (), stands)
    return replace(plan, finders=tuple(_finders(plan)))


def _skipped(target: Target, guidance: Guidance) -> Iterator[tuple[str, str]]:
    """Yield the files that are set aside, and why."""
    for path in target.paths if target.whole else [change.path for change in target.changes]:
        generated = None if target.whole else set_aside(path, target.snapshot.read(path))
        if why := generated or guidance.skips(path):
            yield path, why


_PROSE = frozenset([".md", ".rst", ".txt", ".adoc", ""])


def facts_of(target: Target, views: Sequence[FileView], *, has_guidance: bool) -> ChangeFacts:
    """Return what decides which aspects the change needs."""
    paths = tuple(view.path for view in views)
    read = set(paths)
    lines = [line for c in target.changes if c.path in read for hunk in c.hunks for line in hunk.lines]
    changed = [line.text for line in lines if line.kind != " "]
    if target.whole:
        changed = [target.snapshot.read(path) or "" for path in paths]
    return ChangeFacts(
        paths=paths,
        changed="\n".join(changed),
        removes=any(line.kind == "-" for line in lines),
        has_guidance=has_guidance,
        has_code=any(PurePosixPath(path).suffix.lower() not in _PROSE for path in paths),
    )


def system_prompt(aspects: Iterable[Aspect]) -> str:
    """Return what every sub-agent of a review is told, byte for byte the same: rules, roles, and the aspects in use."""
    rules = (prompts_folder() / "system.md").read_text(encoding="utf-8").rstrip()
    told = [f"# Aspect `{aspect.name}`: {aspect.hunts}\n\n{aspect.instructions}" for aspect in aspects]
    return "\n\n".join([rules, *told, FENCE_RULE]) + "\n"


def _reading(part: Part, evidence: Sequence[Finding], purpose: str, guidance: str, surroundings: str) -> Reading:
    own = tuple(finding for finding in evidence if finding.path in part.paths)
    return Reading(part, shared_context(part, own, purpose, guidance=guidance, surroundings=surroundings), own)


_COMMIT = re.compile(r"^commit [0-9a-f]{7,40} ")
_COUNTS = re.compile(r" \(\d+ (?:files?|commits?)\)$")


def purpose_of(target: Target) -> str:
    """Return what the change is said to be, without ids and counts.

    A part that stays the same is then not paid again when a file or commit is added elsewhere.
    """
    return _COUNTS.sub("", _COMMIT.sub("commit: ", target.description))


def shared_context(
    part: Part, evidence: Sequence[Finding], purpose: str, *, guidance: str = "", surroundings: str = ""
) -> str:
    """Return what the sub-agents of a part all read, every piece of it fenced."""
    # Without numbers: a part that stays the same is not paid again when others come or go.
    which = " This is a part of it; others read the rest." if part.count > 1 else ""
    beside = ["What stands around it:", fence("surroundings", surroundings)] if surroundings else []
    rules = ["This repository's guidance for reviews:", fence("guidance", guidance)] if guidance else []
    return "\n\n".join(
        [
            f"The change under review.{which}",
            fence("purpose", purpose),
            fence("change", part.text),
            *beside,
            "What static analyzers reported on these files:",
            fence("analyzer-results", view_evidence(evidence)),
            *rules,
        ]
    )


def _finders(plan: ReviewPlan) -> Iterable[Unit[FinderTask]]:
    """Yield the first round: for each part one finder a group of aspects, and the second sample."""
    for index, reading in enumerate(plan.readings):
        for group in plan.strategy.finders:
            yield _finder_unit(plan, index, [aspect.name for aspect in group], brief=_brief_for(plan.brief, group))
        if plan.strategy.second_sample and len(reading.part.views) > 1:
            turned = _turned(reading)
            brief = _brief_for(plan.brief, [a for a in plan.strategy.aspects if a.name == "correctness"])
            yield _finder_unit(
                plan, index, ["correctness"], reading=turned, brief=brief, name="correctness again", sample="#2"
            )


def _brief_for(brief: Brief, group: Sequence[Aspect]) -> Brief:
    """An aspect with a model or an effort of its own has a prefix of its own."""
    first = group[0]
    return replace(brief, model=first.model or brief.model, effort=first.effort or brief.effort)


def _turned(reading: Reading) -> Reading:
    """Return the same files in the opposite order: what is found in both orders is surer."""
    part = replace(reading.part, views=reading.part.views[::-1])
    context = reading.context.replace(fence("change", reading.part.text), fence("change", part.text))
    return replace(reading, part=part, context=context)


def _finder_unit(
    plan: ReviewPlan,
    index: int,
    aspects: Sequence[str],
    *,
    reading: Reading | None = None,
    brief: Brief | None = None,
    name: str = "",
    extra: str = "",
    sample: str = "",
) -> Unit[FinderTask]:
    """Make the unit that reads part `index` for `aspects`; `extra` is what it is told besides."""
    reading = reading or plan.readings[index]
    task = f"You are a finder. Your aspects: {', '.join(aspects)}."
    spec = AgentSpec(
        role=name or "finder",
        brief=brief or plan.brief,
        context=reading.context,
        task=f"{task}\n\n{extra}" if extra else task,
        answer=REPORT_FINDINGS,
        max_tokens=_FINDER_MAX_TOKENS,
    )
    part = reading.part
    where = f", part {part.number} of {part.count}" if part.count > 1 else ""
    payload = FinderTask(spec, tuple(aspects), index, reading.evidence, sample)
    label = f"{name or ' + '.join(aspects)}{where}"
    return agent_unit(spec, payload, kind="finder", label=label, stands=plan.stands)


_SWEEP = (
    "Others have read before you and reported what stands below. Look for what is not on the list, where they looked "
    "least: report only that. An empty list is the likely answer."
)


def _listed(claims: Sequence[Claim]) -> str:
    known = (f"- {printable(c.finding.path)}:{c.finding.line} {c.finding.title}" for c in claims)
    return f"{_SWEEP}\n\n{fence('reported', chr(10).join(known) or '(nothing)')}"


def _verifier_task(claim: Claim, lens: str) -> str:
    """State the claim, not the reasoning behind it; short, since this part of the prompt is paid in full."""
    finding = claim.finding
    stated = [f"{printable(finding.path)}:{finding.line}-{finding.end_line}", finding.title, finding.failure_scenario]
    return "\n".join([f"You are a verifier. Lens: {lens}. The claim:", fence("claim", "\n".join(filter(None, stated)))])


def labelled(evidence: Sequence[Finding]) -> dict[str, Finding]:
    """Return analyzer results by the labels under which sub-agents know them."""
    return {evidence_label(index): finding for index, finding in enumerate(evidence)}
