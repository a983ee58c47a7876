"""Condense notes in a tree, level by level, until they fit into one answer's allowance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fanfold.agents.fence import fence
from fanfold.agents.said import one_line
from fanfold.agents.spec import AgentSpec, Allowance, Answered, Brief
from fanfold.agents.units import AgentWorker, agent_unit
from fanfold.engine.fan_out import fan_out
from fanfold.models import Outcome, Unit
from fanfold.skills.multi_file_analysis.answer import Conflict, ReducerAnswer
from fanfold.skills.multi_file_analysis.brief import HAND_IN_POINTS
from fanfold.skills.multi_file_analysis.citations import MOST_RELEVANT, Checked
from fanfold.skills.multi_file_analysis.notes import Item, item, items_of, known_ids
from fanfold.skills.multi_file_analysis.work import Reading

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.supervisor import Supervisor

# What one synthesiser weighs, and what one reducer reads, in tokens of notes.
ANSWER_TOKENS = 40_000
GROUP_TOKENS = 20_000
# A reducer keeps at least this share of its group, and at most that one: each level is less than half of the last.
_LEAST_SHARE = 0.1
_MOST_SHARE = 0.4
_MAX_TOKENS = 16_000
_LONGEST_POINT = 600
_MOST_NOTES = 12
# What is lacking is said, not looked up: the notes are all that counts.
_ALLOWANCE = Allowance(turns=1)


@dataclass(frozen=True, slots=True)
class ReducerTask:
    """The payload of a reducer's unit; `room` is what its points may take, in tokens."""

    spec: AgentSpec[ReducerAnswer]
    items: tuple[Item, ...]
    room: int


@dataclass(slots=True)
class Reduced:
    """What the synthesiser is shown; `left_out` counts notes that no point stands on, `unknown` ids that name none."""

    items: tuple[Item, ...]
    conflicts: list[Conflict] = field(default_factory=list)
    levels: int = 0
    left_out: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Reducers:
    """Reducers of one run."""

    brief: Brief
    reading: Reading
    supervisor: Supervisor
    backend: Backend

    async def reduce(self, notes: Sequence[Checked]) -> Reduced:
        """Return the notes as items of at most ANSWER_TOKENS tokens; all of them as they are when they fit.

        The reducers of a level work side by side. Where one fails, the most relevant items of its group go on.
        """
        reduced = Reduced(items_of(notes))
        while _tokens(reduced.items) > ANSWER_TOKENS:
            units = self._level(reduced, notes)
            outcomes: Sequence[Outcome[Answered[ReducerAnswer]]] = await fan_out(
                units, AgentWorker(self.backend), supervisor=self.supervisor
            )
            tasks = {unit.key: unit.payload for unit in units}
            kept = [
                one for outcome in outcomes for one in _points(tasks[outcome.key], outcome.value, len(notes), reduced)
            ]
            reduced.items = tuple(sorted(kept, key=lambda one: (-one.relevance, one.notes)))
            reduced.levels += 1
        reduced.left_out = len(notes) - len({index for one in reduced.items for index in one.notes})
        return reduced

    def _level(self, reduced: Reduced, notes: Sequence[Checked]) -> list[Unit[ReducerTask]]:
        share = min(_MOST_SHARE, max(_LEAST_SHARE, 0.9 * ANSWER_TOKENS / _tokens(reduced.items)))
        # What stands side by side in the code is read together.
        by_place = sorted(reduced.items, key=lambda one: _place(notes[one.notes[0]]))
        groups = grouped(by_place, GROUP_TOKENS)
        level = reduced.levels + 1
        return [
            self._unit(group, share, f"condense notes {number} of {len(groups)}, level {level}")
            for number, group in enumerate(groups, 1)
        ]

    def _unit(self, group: tuple[Item, ...], share: float, label: str) -> Unit[ReducerTask]:
        most = max(1, int(len(group) * share))
        spec = AgentSpec(
            role="reducer",
            brief=self.brief,
            context=self.reading.context,
            task=f"You are a reducer. Hand in at most {most} points. The notes:\n\n{fence('notes', shown(group))}",
            answer=HAND_IN_POINTS,
            max_tokens=_MAX_TOKENS,
            allowance=_ALLOWANCE,
        )
        task = ReducerTask(spec, group, max(1, int(_tokens(group) * share)))
        return agent_unit(spec, task, kind="reducer", label=label, stands=self.reading.stands)


def shown(items: Iterable[Item]) -> str:
    """Return items as sub-agents see them."""
    return "\n".join(one.text for one in items)


def grouped(items: Iterable[Item], most: int) -> list[tuple[Item, ...]]:
    """Return the items in their order in groups of at most so many tokens; one that is larger stands alone."""
    groups: list[list[Item]] = []
    room = 0
    for one in items:
        if not groups or one.tokens > room:
            groups.append([])
            room = most
        groups[-1].append(one)
        room -= one.tokens
    return [tuple(group) for group in groups]


def _place(one: Checked) -> tuple[str, int]:
    return one.note.path, one.note.line


def _tokens(items: Iterable[Item]) -> int:
    return sum(one.tokens for one in items)


def _points(task: ReducerTask, answered: Answered[ReducerAnswer] | None, count: int, reduced: Reduced) -> list[Item]:
    """Return what goes on to the next level: what a reducer says, or else its most relevant items, within its room."""
    if answered is None:
        return fitting(task.items, task.room)
    given = {index for one in task.items for index in one.notes}
    points = []
    for point in answered.answer.points:
        found, unknown = known_ids(point.notes, count)
        own = [index for index in found if index in given]
        reduced.unknown += unknown + len(found) - len(own)
        statement = one_line(point.statement, _LONGEST_POINT)
        if own and statement:
            points.append(
                item(statement, own[:_MOST_NOTES], min(max(point.relevance, 0), MOST_RELEVANT) / MOST_RELEVANT)
            )
    reduced.conflicts += answered.answer.contradictions
    return fitting(points, task.room)


def fitting(items: Iterable[Item], room: int) -> list[Item]:
    """Return the most relevant items that fit, at least one of them."""
    kept: list[Item] = []
    for one in sorted(items, key=lambda one: (-one.relevance, one.notes)):
        if kept and one.tokens > room:
            break
        kept.append(one)
        room -= one.tokens
    return kept
