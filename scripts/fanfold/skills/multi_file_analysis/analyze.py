"""The analysis' whole story: map, plan, read, check, answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fanfold.agents.roles import model_for
from fanfold.agents.spec import Answered, Brief
from fanfold.models import Outcome, Unit, content_key
from fanfold.reports.analysed import AnalysisResult, Note
from fanfold.skills.multi_file_analysis.answer import Gap, SynthesisAnswer
from fanfold.skills.multi_file_analysis.brief import brief_of, shared_context
from fanfold.skills.multi_file_analysis.citations import Checked, Checker
from fanfold.skills.multi_file_analysis.fold import Folded, in_order, summary, unread
from fanfold.skills.multi_file_analysis.notes import ranked
from fanfold.skills.multi_file_analysis.plan import AreaPlan
from fanfold.skills.multi_file_analysis.planning import planned, planned_for
from fanfold.skills.multi_file_analysis.reduce import Reducers
from fanfold.skills.multi_file_analysis.render import Rendered, render, render_notes
from fanfold.skills.multi_file_analysis.request import AnalysisRequest
from fanfold.skills.multi_file_analysis.scope import Scope
from fanfold.skills.multi_file_analysis.synthesis import Synthesiser
from fanfold.skills.multi_file_analysis.work import MOST_NOTES, Read, Reading, WorkerTask, read_units
from fanfold.sources.repo_map.mapping import map_tree
from fanfold.sources.repo_map.values import RepoMap
from fanfold.sources.target import Target

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.agents.tools.toolbox import Toolbox
    from fanfold.engine.attempt import Attempt
    from fanfold.engine.supervisor import Supervisor

# Notes that are shown where nobody could write an answer from them.
_MOST_NOTES = 50


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What an analysis knows besides the files.

    `toolbox` is what sub-agents may look things up with, `earlier` the notes of the run that is continued.
    """

    toolbox: Toolbox | None = None
    earlier: tuple[Note, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DryRun:
    """What an analysis would do: the map, who reads what, and the units of those who read."""

    tree: RepoMap
    plan: AreaPlan
    workers: tuple[Unit[WorkerTask], ...]
    notes: tuple[str, ...]


async def analyze(
    request: AnalysisRequest, scope: Scope, supervisor: Supervisor, backend: Backend | None, knowledge: Knowledge
) -> Folded:
    """Answer a question about what is in `scope`; every statement of the answer stands on lines that were looked up.

    The files are mapped, and what is true without a model is told whatever else happens. A plan says who reads what.
    Workers read side by side and note what they see; notes whose quotes stand in the files are ranked, condensed when
    there are too many, and answered from. A run that is continued answers from its notes first: only what lacks is
    read.
    """
    target = scope.target
    tree = await _mapped(scope, supervisor)
    made = _Made(request, target, knowledge, tree)
    if tree is None or backend is None:
        return made.folded()
    reading = _reading(request, target, tree, knowledge, interactive=backend.interactive)
    staff = _Staff(request, reading, Checker(target), supervisor, backend)
    made.found = [checked for note in knowledge.earlier if (checked := staff.checker.again(note))]
    if made.found:
        await made.answer(staff)
    if not made.found or made.lacking:
        made.plan = staff.plan(made.lacking)
        made.take(await staff.read(made.plan))
        await made.answer(staff)
    return made.folded()


async def dry_run(request: AnalysisRequest, scope: Scope, knowledge: Knowledge, *, interactive: bool | None) -> DryRun:
    """Plan an analysis; nothing is sent. `interactive` is that of the backend, None when no sub-agent is asked."""
    tree = await map_tree(scope.found)
    plan = planned(request, tree)
    reading = _reading(request, scope.target, tree, knowledge, interactive=bool(interactive))
    workers = () if interactive is None else reading.units(plan.areas)
    return DryRun(tree, plan, workers, (*tree.notes, *knowledge.notes))


async def _mapped(scope: Scope, supervisor: Supervisor) -> RepoMap | None:
    """Map the files: a unit like any other, so that the run says whether it was done."""

    async def work(unit: Unit[None], attempt: Attempt) -> RepoMap:
        del unit, attempt
        return await map_tree(scope.found)

    key = content_key("map", str(scope.found.root), list(scope.found.files.items()))
    outcome = await supervisor.run(Unit(key=key, label="map", payload=None, kind="map", lane="process"), work)
    return outcome.value


def _reading(
    request: AnalysisRequest, target: Target, tree: RepoMap, knowledge: Knowledge, *, interactive: bool
) -> Reading:
    toolbox = knowledge.toolbox if interactive else None

    async def stands(answered: Answered[Any]) -> bool:
        return toolbox is None or await toolbox.stands(answered.lookups)

    lookups = toolbox.definitions if toolbox else ()
    context = shared_context(request.question, "")
    return Reading(
        target.snapshot, tree, brief_of(model_for("worker", request), request.effort, lookups), context, stands
    )


@dataclass(frozen=True, slots=True)
class _Staff:
    """Those who work on an analysis: planner, workers, reducers, the synthesiser, and who looks their quotes up."""

    request: AnalysisRequest
    reading: Reading
    checker: Checker
    supervisor: Supervisor
    backend: Backend

    @property
    def reducers(self) -> Reducers:
        """Those who condense notes."""
        return Reducers(self._brief(model_for("reducer", self.request)), self.reading, self.supervisor, self.backend)

    @property
    def synthesiser(self) -> Synthesiser:
        """The one who writes the answer."""
        return Synthesiser(self._brief(model_for("synthesiser", self.request)), self.reading)

    def _brief(self, model: str) -> Brief:
        return replace(self.reading.brief, model=model)

    def plan(self, lacking: Sequence[Gap]) -> AreaPlan:
        """Say who reads what: for the question, or for what is lacking in an answer."""
        tree = self.reading.repo_map
        if not lacking:
            return planned(self.request, tree)
        return planned_for(lacking, self.request, tree)

    async def read(self, plan: AreaPlan) -> Read:
        """Have the areas read, and keep enough money for an answer."""
        units = self.reading.units(plan.areas)
        answer = self.synthesiser.reserve_usd(MOST_NOTES * len(units))
        least = min((unit.reserve_usd or 0.0 for unit in units), default=0.0)
        with self.supervisor.holding(answer, beside=least):
            return await read_units(self.reading, units, self.checker, self.supervisor, self.backend)


@dataclass(slots=True)
class _Made:
    """What an analysis has come to so far."""

    request: AnalysisRequest
    target: Target
    knowledge: Knowledge
    tree: RepoMap | None
    plan: AreaPlan | None = None
    found: list[Checked] = field(default_factory=list)
    read: Read = field(default_factory=Read)
    notes: tuple[Checked, ...] = ()
    rendered: Rendered = field(default_factory=Rendered)
    lacking: tuple[Gap, ...] = ()
    said: list[str] = field(default_factory=list)

    def take(self, read: Read) -> None:
        """Take in what workers noted."""
        self.read = read
        self.found += read.notes

    async def answer(self, staff: _Staff) -> None:
        """Have the question answered from what was found; without an answer, the notes stand in its place."""
        self.notes = ranked(self.found)
        self.lacking = ()
        if not self.notes:
            return
        reduced = await staff.reducers.reduce(self.notes)
        outcome = await staff.synthesiser.answer(reduced.items, reduced.conflicts, staff.supervisor, staff.backend)
        if outcome.value is None:
            self.rendered = self._unanswered(outcome)
        else:
            said = outcome.value.answer
            self.rendered, self.lacking = render(said, self.notes, reduced.conflicts), said.lacking
        self.rendered.dropped += reduced.unknown

    def _unanswered(self, outcome: Outcome[Answered[SynthesisAnswer]]) -> Rendered:
        shown = self.notes[:_MOST_NOTES]
        more = f", the {len(shown)} most relevant of {len(self.notes)}" if len(shown) < len(self.notes) else ""
        self.said.append(f"nobody wrote an answer ({outcome.error}): what was noted stands in its place{more}")
        return render_notes(shown)

    def folded(self) -> Folded:
        """Return the result."""
        tree, plan = self.tree or RepoMap({}), self.plan
        result = AnalysisResult(
            question=self.request.question,
            analysis=self.request.analysis,
            answer=self.rendered.answer,
            citations=tuple(self.rendered.citations),
            dropped_citations=self.rendered.dropped + len(self.read.dropped),
            unsupported_sentences=self.rendered.unsupported,
            contradictions=tuple(self.rendered.contradictions),
            notes=tuple(one.note for one in self.notes),
            areas=tuple(self.read.areas),
            map=summary(tree),
            left_out=unread(plan.left_out if plan else tree.left_out),
            continues=self.request.continues,
        )
        return Folded(result, in_order(self.read.dropped), tuple(self._told()))

    def _told(self) -> Sequence[str]:
        gaps = [f"not answered by what was read: {gap.question}" for gap in self.lacking]
        planned = self.plan.notes if self.plan else ()
        return [*self.target.notes, *self.knowledge.notes, *planned, *self.said, *gaps]
