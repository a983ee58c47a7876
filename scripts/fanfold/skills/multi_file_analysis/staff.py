"""Those who work on an analysis: planner, workers, reducers, the synthesiser, and who looks their quotes up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fanfold.agents.roles import model_for
from fanfold.agents.said import one_line
from fanfold.agents.spec import Brief
from fanfold.models import Unit
from fanfold.skills.multi_file_analysis.analyses.prompts import Analysis
from fanfold.skills.multi_file_analysis.answer import Gap
from fanfold.skills.multi_file_analysis.citations import Checked, Checker
from fanfold.skills.multi_file_analysis.notes import ranked
from fanfold.skills.multi_file_analysis.plan import AreaPlan
from fanfold.skills.multi_file_analysis.planner import Planner, worth_planning
from fanfold.skills.multi_file_analysis.planning import AREA_TOKENS
from fanfold.skills.multi_file_analysis.reduce import Reducers
from fanfold.skills.multi_file_analysis.render import Rendered, render
from fanfold.skills.multi_file_analysis.request import AnalysisRequest
from fanfold.skills.multi_file_analysis.synthesis import Synthesiser
from fanfold.skills.multi_file_analysis.work import MOST_NOTES, Read, Reading, WorkerTask, read_units

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.supervisor import Supervisor


_NOTHING = "Nothing that was read answers the question."


@dataclass(slots=True)
class Answer:
    """What the question was answered with: the notes in the order of their ids, the text, what is still lacking."""

    notes: tuple[Checked, ...] = ()
    rendered: Rendered = field(default_factory=Rendered)
    lacking: tuple[Gap, ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Staff:
    """The sub-agents of one run."""

    request: AnalysisRequest
    reading: Reading
    analysis: Analysis | None
    checker: Checker
    supervisor: Supervisor
    backend: Backend

    async def look_over(self, plan: AreaPlan) -> AreaPlan:
        """Have a planner look over who reads what, where the effort is worth one."""
        if not worth_planning(self.request.effort, plan):
            return plan
        return await planner_of(self.request, self.reading).look_over(plan, self.supervisor, self.backend)

    async def read(self, plan: AreaPlan) -> Read:
        """Have the areas read, and keep enough money for an answer."""
        units = self.reading.units(plan.areas)
        answer = self._synthesiser.reserve_usd(most_notes(units))
        least = min((unit.reserve_usd or 0.0 for unit in units), default=0.0)
        with self.supervisor.holding(answer, beside=least):
            return await read_units(self.reading, units, self.checker, self.supervisor, self.backend)

    async def answer(self, found: Iterable[Checked]) -> Answer:
        """Have the question answered from what was found; whether or not somebody does, there are the notes."""
        notes = ranked(found)
        if not notes:
            return Answer(rendered=Rendered(answer=_NOTHING))
        reduced = await self._reducers.reduce(notes)
        outcome = await self._synthesiser.answer(reduced.items, reduced.conflicts, self.supervisor, self.backend)
        if outcome.value is None:
            return Answer(notes, said=(f"nobody wrote an answer: {outcome.error or outcome.status.value}",))
        said = outcome.value.answer
        rendered = render(said, notes, reduced.conflicts)
        rendered.dropped += reduced.unknown
        return Answer(notes, rendered, said.lacking, tuple(_about(said.lacking)))

    @property
    def _reducers(self) -> Reducers:
        brief = _brief(self.reading, model_for("reducer", self.request))
        return Reducers(brief, self.reading, self.supervisor, self.backend)

    @property
    def _synthesiser(self) -> Synthesiser:
        return synthesiser_of(self.request, self.reading, self.analysis)


def planner_of(request: AnalysisRequest, reading: Reading) -> Planner:
    """Return who looks the plan over."""
    return Planner(_brief(reading, model_for("planner", request)), reading, AREA_TOKENS)


def synthesiser_of(request: AnalysisRequest, reading: Reading, analysis: Analysis | None) -> Synthesiser:
    """Return who writes the answer."""
    instructions = analysis.for_synthesis if analysis else ""
    return Synthesiser(_brief(reading, model_for("synthesiser", request)), reading, instructions)


def most_notes(workers: Sequence[Unit[WorkerTask]]) -> int:
    """Return how many notes so many workers may hand in."""
    return MOST_NOTES * len(workers)


def _brief(reading: Reading, model: str) -> Brief:
    return replace(reading.brief, model=model)


def _about(lacking: Iterable[Gap]) -> Iterable[str]:
    """Say what the answer leaves open."""
    for gap in lacking:
        where = f" (perhaps in {', '.join(gap.paths)})" if gap.paths else ""
        yield one_line(f"not answered by what was read: {gap.question}{where}", 300)
