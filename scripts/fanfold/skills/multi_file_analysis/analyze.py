"""The analysis' whole story: map, plan, read, check, answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fanfold.agents.roles import model_for
from fanfold.agents.spec import Answered
from fanfold.agents.units import AgentTask
from fanfold.engine.database import NAME as STORE
from fanfold.engine.folder import FOLDER
from fanfold.models import Unit
from fanfold.reports.analysed import Note
from fanfold.skills.multi_file_analysis.analyses.impact import subject_of
from fanfold.skills.multi_file_analysis.analyses.parts import FOR_ANY_QUESTION
from fanfold.skills.multi_file_analysis.analyses.prompts import Analysis
from fanfold.skills.multi_file_analysis.analyses.sources import Subject
from fanfold.skills.multi_file_analysis.answer import PlannerAnswer
from fanfold.skills.multi_file_analysis.brief import brief_of, shared_context
from fanfold.skills.multi_file_analysis.citations import Checker
from fanfold.skills.multi_file_analysis.fold import Folded, Made, fold
from fanfold.skills.multi_file_analysis.plan import AreaPlan
from fanfold.skills.multi_file_analysis.planner import worth_planning
from fanfold.skills.multi_file_analysis.planning import GAP_TOKENS, planned, planned_for
from fanfold.skills.multi_file_analysis.request import AnalysisRequest
from fanfold.skills.multi_file_analysis.scope import Scope
from fanfold.skills.multi_file_analysis.staff import Staff, most_notes, planner_of, synthesiser_of
from fanfold.skills.multi_file_analysis.survey import MAP, Survey, map_scope, mapped, survey_of, surveyed
from fanfold.skills.multi_file_analysis.work import Reading, WorkerTask
from fanfold.sources.change import FileChange, change_text
from fanfold.sources.repo_map.values import RepoMap
from fanfold.sources.text import counted

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.agents.tools.toolbox import Toolbox
    from fanfold.engine.supervisor import Supervisor


_THOROUGH = frozenset({"high", "xhigh", "max"})


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What an analysis knows besides the files.

    `analysis` is the ready-made one that was chosen, `change` the changes that it is about. `toolbox` is what
    sub-agents may look things up with, `earlier` are the notes of the run that is continued.
    """

    analysis: Analysis | None = None
    change: tuple[FileChange, ...] = ()
    toolbox: Toolbox | None = None
    earlier: tuple[Note, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> Sequence[str]:
        """The facts that are found out without a model."""
        return self.analysis.facts if self.analysis else FOR_ANY_QUESTION

    def asked(self, request: AnalysisRequest) -> str:
        """Return the question: the person's own, or that of the analysis."""
        return request.question or (self.analysis.question if self.analysis else "")

    def subject(self, request: AnalysisRequest, tree: RepoMap) -> Subject:
        """Return what a question about a change is about: what it names, and the lines that change."""
        if self.analysis is None or not self.analysis.about_change:
            return Subject()
        named = subject_of(request.question, tree)
        lines = {one.path: tuple((span.start, span.stop - 1) for span in one.added) for one in self.change}
        missing = () if self.change else named.missing  # what a revision is called is nothing in the code
        return replace(named, changed={**named.changed, **lines}, missing=missing)


@dataclass(frozen=True, slots=True)
class DryRun:
    """What an analysis would do: the map, who reads what, the units of those who read.

    `planner` looks that over, where one is asked. `answer_usd` is what the answer may cost at its worst, in US dollars;
    None when that is not known.
    """

    tree: RepoMap
    plan: AreaPlan
    workers: tuple[Unit[WorkerTask], ...]
    notes: tuple[str, ...]
    planner: Unit[AgentTask[PlannerAnswer]] | None = None
    answer_usd: float | None = None


async def analyze(
    request: AnalysisRequest, scope: Scope, supervisor: Supervisor, backend: Backend | None, knowledge: Knowledge
) -> Folded:
    """Answer a question about what is in `scope`; every statement of the answer stands on lines that were looked up.

    The files are mapped, and what is true without a model is told whatever else happens. A plan says who reads what.
    Workers read side by side and note what they see; notes whose quotes stand in the files are ranked, condensed when
    there are too many, and answered from. A run that is continued answers from its notes first: only what lacks is
    read.
    """
    tree = await mapped(scope, supervisor, fresh=request.fresh)
    if tree is None:
        return fold(request, knowledge.asked(request), RepoMap({}), Survey(), Made(knowledge.notes))
    subject = await asyncio.to_thread(knowledge.subject, request, tree)
    known = subject.symbols or subject.changed  # what it reaches is the answer
    unanswered = request.question if backend is None and not known else ""
    facts = asyncio.create_task(surveyed(tree, scope, knowledge.parts, subject, supervisor, unanswered=unanswered))
    made = Made(knowledge.notes)
    if backend is not None:
        reading = _reading(request, scope, tree, knowledge, interactive=backend.interactive)
        staff = Staff(request, reading, knowledge.analysis, Checker(scope.target), supervisor, backend)
        made = await _answered(request, tree, staff, knowledge, facts)
    return fold(request, knowledge.asked(request), tree, await facts, made)


async def _answered(
    request: AnalysisRequest, tree: RepoMap, staff: Staff, knowledge: Knowledge, facts: asyncio.Task[Survey]
) -> Made:
    """Have the question answered: from earlier notes as far as they go, from what is read for the rest.

    From high effort on, what an answer lacks is read once more, where nobody has read it yet.
    """
    made = Made(knowledge.notes)
    # What was true of the map then need not be now, whatever its lines say.
    before = (staff.checker.again(note) for note in knowledge.earlier if note.area != MAP)
    found = [checked for checked in before if checked]
    made.answer = await staff.answer(found) if found else made.answer
    for _ in range(2 if request.effort in _THOROUGH else 1):
        if made.answer.notes and not made.answer.lacking:
            break
        leads = (await facts).leads if knowledge.analysis and not made.answer.lacking else {}
        plan = await asyncio.to_thread(_plan, request, tree, staff, knowledge, made, leads=leads)
        if made.plan is not None and not plan.areas:
            break
        if not made.answer.lacking:
            plan = await staff.look_over(plan)
        made.add(plan, await staff.read(plan))
        if not (found or made.anybody):
            break
        # What is true without a model belongs to a ready-made analysis, and may be cited; alone it is no answer.
        stated = (await facts).notes(staff.checker) if knowledge.analysis and made.anybody else []
        made.answer = await staff.answer([*found, *made.read.notes, *stated])
    return made


def _plan(
    request: AnalysisRequest,
    tree: RepoMap,
    staff: Staff,
    knowledge: Knowledge,
    made: Made,
    *,
    leads: Mapping[str, float],
) -> AreaPlan:
    """Say who reads what: for the question, or for what its answer lacks and nobody has read."""
    if not made.answer.lacking:
        return planned(request, tree, staff.reading.snapshot, knowledge.analysis, leads)
    read = {path for area in made.read.areas for path in area.files}
    unread = replace(tree, files={path: file for path, file in tree.files.items() if path not in read})
    return planned_for(made.answer.lacking, request, unread, staff.reading.snapshot)


async def dry_run(request: AnalysisRequest, scope: Scope, knowledge: Knowledge, *, interactive: bool | None) -> DryRun:
    """Plan an analysis; nothing is sent. `interactive` is that of the backend, None when no sub-agent is asked."""
    # A dry run makes no store.
    tree = await map_scope(scope, fresh=not (scope.found.root / FOLDER / STORE).exists())
    leads = await asyncio.to_thread(_leads, request, scope, tree, knowledge)
    plan = planned(request, tree, scope.target.snapshot, knowledge.analysis, leads)
    reading = _reading(request, scope, tree, knowledge, interactive=bool(interactive))
    workers = () if interactive is None else reading.units(plan.areas)
    notes = (*tree.notes, *knowledge.notes, *_answered_first(knowledge))
    if not workers:
        return DryRun(tree, plan, workers, notes)
    planner = planner_of(request, reading).unit(plan) if worth_planning(request.effort, plan) else None
    answer = synthesiser_of(request, reading, knowledge.analysis).reserve_usd(most_notes(workers))
    return DryRun(tree, plan, workers, notes, planner, answer or None)


def _leads(request: AnalysisRequest, scope: Scope, tree: RepoMap, knowledge: Knowledge) -> Mapping[str, float]:
    """Return the files at which the facts of an analysis point."""
    if knowledge.analysis is None:
        return {}
    return survey_of(tree, scope, knowledge.parts, knowledge.subject(request, tree)).leads


def _answered_first(knowledge: Knowledge) -> Iterator[str]:
    """Say what a plan does not: a run that is continued has the question answered before anything is read."""
    if knowledge.earlier:
        yield (
            f"it is answered from {counted(len(knowledge.earlier), 'earlier note')} first, and of the files only what "
            f"that answer lacks is read, at most {GAP_TOKENS:,} tokens; all of the above if no note stands any more"
        )


def _reading(
    request: AnalysisRequest, scope: Scope, tree: RepoMap, knowledge: Knowledge, *, interactive: bool
) -> Reading:
    toolbox = knowledge.toolbox if interactive else None

    async def stands(answered: Answered[Any]) -> bool:
        return toolbox is None or await toolbox.stands(answered.lookups)

    lookups = toolbox.definitions if toolbox else ()
    return Reading(
        snapshot=scope.target.snapshot,
        repo_map=tree,
        brief=brief_of(model_for("worker", request), request.effort, lookups),
        context=shared_context(request.question, knowledge.analysis, change_text(knowledge.change)),
        stands=stands,
    )
