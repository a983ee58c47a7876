"""A worker that does what its script says: the engine's counterpart in tests.

    worker = ScriptedWorker({
        "a": [Step(error=Overloaded("529"), delay_s=0.2), Step(value=1, delay_s=1.0, first_event_s=0.3)],
        "b": [Step(delay_s=math.inf)],          # hangs before its first event until it is cancelled
    })

Nothing here waits on the wall: run it under `fanfold.testing.virtual_time`.
"""

from __future__ import annotations

import asyncio
import copy
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fanfold.engine.attempt import Attempt
from fanfold.engine.limits import RateHeaders
from fanfold.models import Unit, Usage


@dataclass(frozen=True)
class Step:
    """What one attempt does.

    It ends after `delay_s` seconds with `value`, or raises a copy of `error`; infinite means it never ends
    by itself. Its first event comes after `first_event_s` (None: just before a value, and never before an
    error), further ones every `alive_every_s`. `usage` is charged with the first event, or else before the
    end. `rate` is what it reports of the server's limits, at its start.
    """

    value: Any = None
    error: BaseException | None = None
    delay_s: float = 0.0
    first_event_s: float | None = None
    alive_every_s: float | None = None
    usage: Usage | None = None
    rate: RateHeaders | None = None

    def __post_init__(self) -> None:
        if self.first_event_s is not None and self.first_event_s > self.delay_s:
            raise ValueError(f"the first event at {self.first_event_s} s comes after the end at {self.delay_s} s")
        if self.alive_every_s is not None and self.first_event_s is None:
            raise ValueError("further events (alive_every_s) need a first one (first_event_s)")


@dataclass
class Call:
    """One attempt as the worker saw it, in loop time; it ends (`how`) ok, error or cancelled."""

    label: str
    number: int
    hedge: bool
    correction: str | None
    enlarge: bool
    started_s: float
    ended_s: float | None = None
    how: str | None = None


Script = Mapping[str, Sequence[Step]] | Callable[[Unit[Any], int], Step]


@dataclass
class ScriptedWorker:
    """A worker for the engine whose attempts follow a script, and which remembers every call.

    The script gives the steps of a unit by its label, or is a function of the unit and of how often it was
    called before. The last step repeats, whoever calls: a retry, a hedge, a second run. A unit without a step
    does `default`, and raises LookupError when there is none.
    """

    script: Script = field(default_factory=dict)
    default: Step | None = None
    calls: list[Call] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    _seen: Counter[str] = field(default_factory=Counter)

    async def __call__(self, unit: Unit[Any], attempt: Attempt) -> Any:
        """Do the next step of `unit`."""
        step = self._next_step(unit)
        call = _call_of(unit, attempt)
        self.calls.append(call)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            value = await _perform(step, attempt)
        except BaseException as error:
            call.how = "cancelled" if isinstance(error, asyncio.CancelledError) else "error"
            raise
        else:
            call.how = "ok"
            return value
        finally:
            call.ended_s = _now()
            self.running -= 1

    def calls_of(self, label: str) -> list[Call]:
        """Return the calls of one unit in their order."""
        return [call for call in self.calls if call.label == label]

    def _next_step(self, unit: Unit[Any]) -> Step:
        before = self._seen[unit.label]
        self._seen[unit.label] += 1
        if callable(self.script):
            return self.script(unit, before)
        steps = self.script.get(unit.label) or ([self.default] if self.default else [])
        if not steps:
            raise LookupError(f"the script has no step for unit {unit.label!r}, and there is no default")
        return steps[min(before, len(steps) - 1)]


def _call_of(unit: Unit[Any], attempt: Attempt) -> Call:
    return Call(
        label=unit.label,
        number=attempt.number,
        hedge=attempt.hedge,
        correction=attempt.correction,
        enlarge=attempt.enlarge,
        started_s=_now(),
    )


async def _perform(step: Step, attempt: Attempt) -> Any:
    if step.rate is not None:
        attempt.limits(step.rate)
    started_s = _now()
    if step.first_event_s is not None:
        await _sleep_until(started_s + step.first_event_s)
        _begin(step, attempt)
        await _stream(step, attempt, started_s + step.delay_s)
    else:
        await _sleep_until(started_s + step.delay_s)
    if step.error is not None:
        _charge(step, attempt)
        raise copy.copy(step.error)
    if step.first_event_s is None:
        _begin(step, attempt)
    return step.value


async def _stream(step: Step, attempt: Attempt, end_s: float) -> None:
    """Report further events until `end_s`."""
    pace_s = step.alive_every_s or math.inf
    while _now() + pace_s < end_s:
        await _sleep_until(_now() + pace_s)
        attempt.alive()
    await _sleep_until(end_s)


def _begin(step: Step, attempt: Attempt) -> None:
    attempt.began()
    _charge(step, attempt)


def _charge(step: Step, attempt: Attempt) -> None:
    if step.usage is not None:
        attempt.charge(step.usage)


async def _sleep_until(end_s: float) -> None:
    if math.isinf(end_s):
        await asyncio.Event().wait()
    await asyncio.sleep(end_s - _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
