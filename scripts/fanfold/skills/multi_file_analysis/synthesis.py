"""Have the question answered from the notes: one sub-agent, after those that condense them when there are too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fanfold.agents.fence import fence
from fanfold.agents.spec import AgentSpec, Allowance, Answered, Brief
from fanfold.agents.units import AgentTask, AgentWorker, agent_unit, reserve_usd
from fanfold.models import Outcome, Unit
from fanfold.skills.multi_file_analysis.answer import Conflict, SynthesisAnswer
from fanfold.skills.multi_file_analysis.brief import ANSWER
from fanfold.skills.multi_file_analysis.notes import Item
from fanfold.skills.multi_file_analysis.reduce import ANSWER_TOKENS, shown
from fanfold.skills.multi_file_analysis.work import Reading

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.supervisor import Supervisor

_MAX_TOKENS = 16_000
# What is lacking is said, not looked up: the notes are all that counts.
_ALLOWANCE = Allowance(turns=1)
# What a note has about, and how many characters a token; for what is set aside before there are any.
_NOTE_TOKENS = 150
_CHARACTERS = 2.2


@dataclass(frozen=True, slots=True)
class Synthesiser:
    """Who writes the answer of a run; `instructions` are those of a ready-made analysis for this."""

    brief: Brief
    reading: Reading
    instructions: str = ""

    async def answer(
        self, items: Sequence[Item], conflicts: Sequence[Conflict], supervisor: Supervisor, backend: Backend
    ) -> Outcome[Answered[SynthesisAnswer]]:
        """Ask for the answer."""
        return await supervisor.run(self.unit(items, conflicts), AgentWorker(backend))

    def unit(self, items: Sequence[Item], conflicts: Sequence[Conflict] = ()) -> Unit[AgentTask[SynthesisAnswer]]:
        """Return the unit that answers from `items`; `conflicts` are those that reducers have seen."""
        spec = self._spec(shown(items), conflicts)
        return agent_unit(
            spec, AgentTask(spec), kind="synthesiser", label="write the answer", stands=self.reading.stands
        )

    def reserve_usd(self, notes: int) -> float:
        """Return what an answer from so many notes may cost at its worst, in US dollars; 0 when that is not known."""
        tokens = min(ANSWER_TOKENS, notes * _NOTE_TOKENS)
        return reserve_usd(self._spec("x" * int(tokens * _CHARACTERS), ())) or 0.0

    def _spec(self, notes: str, conflicts: Sequence[Conflict]) -> AgentSpec[SynthesisAnswer]:
        seen = "\n".join(f"{' '.join(one.notes)}: {one.about}" for one in conflicts)
        told = ["Those who condensed them saw these contradictions:", fence("contradictions", seen)] if seen else []
        wanted = [self.instructions] if self.instructions else []
        return AgentSpec(
            role="synthesiser",
            brief=self.brief,
            context=self.reading.context,
            task="\n\n".join(
                ["You are the synthesiser.", *wanted, "The notes:", fence("notes", notes), *told],
            ),
            answer=ANSWER,
            max_tokens=_MAX_TOKENS,
            allowance=_ALLOWANCE,
        )
