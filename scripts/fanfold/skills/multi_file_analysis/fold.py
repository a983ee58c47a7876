"""Fold what an analysis came to into its result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from fanfold.models import Dropped, Status
from fanfold.reports.analysed import AnalysisResult, Unread
from fanfold.skills.multi_file_analysis.plan import AreaPlan
from fanfold.skills.multi_file_analysis.request import AnalysisRequest
from fanfold.skills.multi_file_analysis.staff import Answer
from fanfold.skills.multi_file_analysis.survey import Survey
from fanfold.skills.multi_file_analysis.work import Read
from fanfold.sources.repo_map.values import LeftOut, RepoMap


@dataclass(slots=True)
class Made:
    """What sub-agents have come to: who was to read what, what they noted, what was answered; and `notes` besides."""

    notes: tuple[str, ...] = ()
    plan: AreaPlan | None = None
    read: Read = field(default_factory=Read)
    answer: Answer = field(default_factory=Answer)

    @property
    def anybody(self) -> bool:
        """Did anybody read anything?"""
        return any(area.status is Status.OK for area in self.read.areas)

    def add(self, plan: AreaPlan, read: Read) -> None:
        """Take in what was read; what nobody read in the first round counts as left out unless a later one did."""
        self.plan = plan if self.plan is None else _both(self.plan, plan)
        self.read.notes += read.notes
        self.read.dropped += read.dropped
        self.read.areas += read.areas


@dataclass(frozen=True, slots=True)
class Folded:
    """What an analysis says, what of it was dropped, and what a person should know."""

    result: AnalysisResult
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()


def fold(request: AnalysisRequest, question: str, tree: RepoMap, survey: Survey, made: Made) -> Folded:
    """Return the result of an analysis. `question` is what was asked, also where only an analysis was chosen."""
    rendered, dropped = made.answer.rendered, made.read.dropped
    result = AnalysisResult(
        question=question,
        analysis=request.analysis,
        answer=rendered.answer,
        citations=tuple(rendered.citations),
        dropped_citations=rendered.dropped + len(dropped),
        unsupported_sentences=rendered.unsupported,
        contradictions=tuple(rendered.contradictions),
        notes=tuple(one.note for one in made.answer.notes),
        areas=tuple(made.read.areas),
        map=survey.summary,
        tables=survey.tables,
        graph=survey.graph,
        left_out=_unread(made.plan.left_out if made.plan else tree.left_out),
        continues=request.continues,
    )
    return Folded(result, _in_order(dropped), tuple(_told(tree, survey, made)))


def _both(first: AreaPlan, then: AreaPlan) -> AreaPlan:
    read = {path for area in then.areas for path in area.paths}
    left_out = tuple(one for one in first.left_out if one.path not in read)
    return replace(first, areas=(*first.areas, *then.areas), left_out=left_out, notes=(*first.notes, *then.notes))


def _told(tree: RepoMap, survey: Survey, made: Made) -> Iterator[str]:
    yield from made.notes
    yield from tree.notes
    yield from survey.said
    yield from made.plan.notes if made.plan else ()
    yield from made.answer.said


def _unread(left_out: Iterable[LeftOut]) -> tuple[Unread, ...]:
    return tuple(Unread(path=one.path, why=one.why, size=one.size) for one in left_out)


def _in_order(dropped: Sequence[Dropped]) -> tuple[Dropped, ...]:
    """Return what was dropped in an order that no race decides."""
    return tuple(sorted(dropped, key=lambda one: (one.path, one.line or 0, one.reason, one.title)))
