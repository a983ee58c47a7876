"""Workers read the areas of a plan side by side, and note what answers the question.

One that could not finish because its part was too long is split in two; anything else ends with its reason.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fanfold.agents.fence import fence
from fanfold.agents.prices import estimate_tokens
from fanfold.agents.spec import AgentSpec, Allowance, Answered, Brief
from fanfold.agents.units import agent_unit
from fanfold.engine.supervise import supervise
from fanfold.errors import BadRequest, Truncated, WorkerError
from fanfold.models import Dropped, Outcome, Status, Unit
from fanfold.reports.analysed import Area
from fanfold.skills.multi_file_analysis.answer import WorkerAnswer
from fanfold.skills.multi_file_analysis.brief import HAND_IN_NOTES
from fanfold.skills.multi_file_analysis.citations import Checked, Checker, sorted_out
from fanfold.skills.multi_file_analysis.plan import AreaTask, Part
from fanfold.sources.repo_map.values import RepoMap
from fanfold.sources.secrets import read_out
from fanfold.sources.snapshot import Snapshot
from fanfold.sources.text import printable, split_lines

if TYPE_CHECKING:
    from fanfold.agents.backends import Backend
    from fanfold.engine.attempt import Attempt
    from fanfold.engine.supervisor import Supervisor

Stands = Callable[[Answered[Any]], Awaitable[bool]]

# For workers that can look nothing up: outlines of what their part imports.
PACKED_TOKENS = 8_000
_MAX_TOKENS = 12_000
_ALLOWANCE = Allowance(turns=8)
_LONGEST_LINE = 2_000
MOST_NOTES = 40
_NAMED = 60
# How often a part may be halved, and the fewest lines that are worth halving.
_MOST_HALVINGS = 3
_LEAST_LINES = 40
# Before a deadline so many seconds are left for the answer, or this share of the time where that is more.
_ANSWER_S = 120.0
_READING_SHARE = 0.6
_TOO_LONG = ("(413)", "too long", "too large", "maximum context", "context window", "exceed")


@dataclass(frozen=True, slots=True)
class WorkerTask:
    """The payload of a worker's unit; `halvings` counts how often it was split."""

    spec: AgentSpec[WorkerAnswer]
    area: AreaTask
    halvings: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What workers read from, and how they are told: the texts, the map around them, the shared prefix."""

    snapshot: Snapshot
    repo_map: RepoMap
    brief: Brief
    context: str
    stands: Stands | None = None

    def units(self, areas: Sequence[AreaTask]) -> tuple[Unit[WorkerTask], ...]:
        """One unit an area; under a limit the first ones are started first."""
        units = [self.unit(area) for area in areas]
        # Areas are about as long as each other. What is not known to take longest would go by its size.
        return tuple(replace(unit, expected_s=float(len(units) - place)) for place, unit in enumerate(units))

    def unit(self, area: AreaTask, halvings: int = 0) -> Unit[WorkerTask]:
        """Return the unit that reads `area`."""
        spec = AgentSpec(
            role="worker",
            brief=self.brief,
            context=self.context,
            task=self._task(area),
            answer=HAND_IN_NOTES,
            max_tokens=_MAX_TOKENS,
            allowance=_ALLOWANCE,
        )
        task = WorkerTask(spec, area, halvings)
        return agent_unit(spec, task, kind="worker", label=f"read {area.label}", stands=self.stands)

    def _task(self, area: AreaTask) -> str:
        narrower = ["Of the question, your part is asked this:", fence("question", area.question)]
        around = self._around(area)
        return "\n\n".join(
            [
                f"You are a worker. Hand in at most {MOST_NOTES} notes.",
                *(narrower if area.question else []),
                *(["What your part imports from elsewhere:", fence("around", around)] if around else []),
                "Your part:",
                fence("code", "\n\n".join(self._shown(part) for part in area.parts)),
            ]
        )

    def _shown(self, part: Part) -> str:
        """Return the lines of a part as a worker sees them."""
        name = printable(part.path)
        text = self.snapshot.read(part.path)
        if text is None:
            return f"=== {name} ===\n(no text any more; not shown)"
        readable = read_out(part.path, text)
        if readable is None:
            return f"=== {name} ===\n(it holds secrets, so its lines are not shown)"
        lines = split_lines(readable)
        last = len(lines) if part.whole else min(part.end_line, len(lines))
        which = "" if part.whole else f" (lines {part.line} to {last} of {len(lines)})"
        shown = (_numbered(number, lines[number - 1]) for number in range(part.line, last + 1))
        return "\n".join([f"=== {name}{which} ===", *shown])

    def _around(self, area: AreaTask) -> str:
        """Name the files that the part imports; for those who can't look them up, with what they define."""
        own = set(area.paths)
        imported = dict.fromkeys(o for path in area.paths for o in self.repo_map.imports.get(path, ()) if o not in own)
        if self.brief.lookups:
            return "\n".join(printable(path) for path in list(imported)[:_NAMED])
        return "\n".join(self._outlines(imported))

    def _outlines(self, paths: Mapping[str, None]) -> Iterator[str]:
        room = PACKED_TOKENS
        for path in paths:
            text = "\n".join(_outline(self.repo_map, path))
            room -= estimate_tokens(text)
            if room < 0:
                return
            yield text


def _outline(repo_map: RepoMap, path: str) -> Iterator[str]:
    """Yield what a file defines, without line numbers: an edit that defines nothing new changes nothing here."""
    file = repo_map.files.get(path)
    yield printable(path)
    for symbol in file.facts.symbols if file else ():
        yield f"  {symbol.kind} {printable(symbol.qualified)}{f': {printable(symbol.doc)}' if symbol.doc else ''}"


def _numbered(number: int, text: str) -> str:
    text = text.removesuffix("\r")
    if len(text) > _LONGEST_LINE:
        text = f"{text[:_LONGEST_LINE]} [{len(text) - _LONGEST_LINE} more characters not shown]"
    return f"{number:>5}| {text}"


@dataclass(slots=True)
class Read:
    """What came of reading: the notes that stand, what was dropped, and what became of each area."""

    notes: list[Checked] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)


async def read_units(
    reading: Reading, units: Sequence[Unit[WorkerTask]], checker: Checker, supervisor: Supervisor, backend: Backend
) -> Read:
    """Have every unit's area read; each worker's notes are looked up in the files as soon as it has handed in."""
    readers = _Readers(reading, checker, backend, _until(supervisor.remaining_s()))
    readers.tasks.update({unit.key: unit.payload for unit in units})
    outcomes = await supervise(units, readers, split=readers.split, supervisor=supervisor)
    by_key = {outcome.key: outcome for outcome in outcomes}
    read = Read()
    for unit in units:
        for outcome in _ended(by_key, unit.key):
            readers.fold(outcome, read)
    return read


def _until(remaining_s: float) -> float | None:
    """Return the loop time at which reading ends, so that there is time to answer; None without a deadline."""
    if math.isinf(remaining_s):
        return None
    return asyncio.get_running_loop().time() + max(remaining_s - _ANSWER_S, _READING_SHARE * remaining_s)


def _ended(outcomes: Mapping[str, Outcome[Any]], key: str) -> Iterator[Outcome[Any]]:
    """Yield the outcome of a unit, or of those into which it was split."""
    if not outcomes[key].split_into:
        yield outcomes[key]
    for part in outcomes[key].split_into:
        yield from _ended(outcomes, part)


@dataclass(slots=True)
class _Readers:
    """The workers, and what is known of each unit by its key: its task, its notes, why it failed.

    `until` is the loop time at which they end, whatever they have.
    """

    reading: Reading
    checker: Checker
    backend: Backend
    until: float | None = None
    tasks: dict[str, WorkerTask] = field(default_factory=dict)
    checked: dict[str, list[Checked | Dropped]] = field(default_factory=dict)
    failures: dict[str, WorkerError] = field(default_factory=dict)

    async def __call__(self, unit: Unit[WorkerTask], attempt: Attempt) -> Answered[WorkerAnswer]:
        try:
            async with asyncio.timeout_at(self.until) as reading:
                answered = await self.backend.ask(unit.payload.spec, attempt)
        except WorkerError as error:
            self.failures[unit.key] = error
            raise
        except TimeoutError as error:
            if not reading.expired():
                raise
            raise TimeoutError("the run's deadline is near, and the rest of the time is for the answer") from error
        self.checked[unit.key] = self._check(unit.payload.area, answered.answer)
        return answered

    def _check(self, area: AreaTask, answer: WorkerAnswer) -> list[Checked | Dropped]:
        return [self.checker.check(note, area.label) for note in answer.notes[: 2 * MOST_NOTES]]

    def split(self, unit: Unit[WorkerTask], outcome: Outcome[Any]) -> Sequence[Unit[WorkerTask]] | None:
        """Return two units for one whose part was too long; None gives it up."""
        task = unit.payload
        if task.halvings >= _MOST_HALVINGS or not self._too_long(outcome):
            return None
        units = [self.reading.unit(half, task.halvings + 1) for half in halves(task.area)]
        self.tasks.update({unit.key: unit.payload for unit in units})
        return units

    def _too_long(self, outcome: Outcome[Any]) -> bool:
        """Tell whether less to read may help: it took too long, or the request or its answer had no room."""
        if outcome.status is Status.TIMED_OUT:
            return outcome.attempts > 0 and self.until is None
        error = self.failures.get(outcome.key)
        rejected = isinstance(error, BadRequest) and any(words in str(error).lower() for words in _TOO_LONG)
        return isinstance(error, Truncated) or rejected

    def fold(self, outcome: Outcome[Answered[WorkerAnswer]], read: Read) -> None:
        """Take in what became of a unit; what comes from the store is checked against the files as they are now."""
        area = self.tasks[outcome.key].area
        checked = self.checked.get(outcome.key, [])
        if outcome.value is not None and outcome.key not in self.checked:
            checked = self._check(area, outcome.value.answer)
        notes, dropped = sorted_out(checked if outcome.ok else [])
        read.notes += notes
        read.dropped += dropped
        read.areas.append(
            Area(
                label=area.label,
                files=area.paths,
                tokens=area.tokens,
                status=outcome.status,
                notes=len(notes),
                question=area.question,
            )
        )


def halves(area: AreaTask) -> tuple[AreaTask, ...]:
    """Return two areas of about half the tokens each; () for what is too short to be worth it."""
    parts = area.parts if len(area.parts) > 1 else _halved(area.parts[0])
    if len(parts) < 2:  # noqa: PLR2004  two halves
        return ()
    at, size = 1, parts[0].tokens
    while at < len(parts) - 1 and size + parts[at].tokens <= area.tokens / 2:
        size += parts[at].tokens
        at += 1
    return (
        replace(area, parts=parts[:at], label=f"{area.label}, first half"),
        replace(area, parts=parts[at:], label=f"{area.label}, second half"),
    )


def _halved(part: Part) -> tuple[Part, ...]:
    lines = part.end_line - part.line + 1
    if lines < _LEAST_LINES:
        return (part,)
    middle, tokens = part.line + lines // 2, part.tokens // 2
    return (
        replace(part, end_line=middle - 1, tokens=tokens, whole=False),
        replace(part, line=middle, tokens=tokens, whole=False),
    )
