"""One try at one unit, as its worker sees it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from fanfold.engine.limits import RateHeaders
from fanfold.models import Outcome, Unit, Usage

P = TypeVar("P")
T = TypeVar("T")


class Watcher(Protocol):
    """What an attempt tells the engine."""

    def began(self, attempt: Attempt) -> None:
        """The first event of its answer is here."""

    def limits(self, attempt: Attempt, rate: RateHeaders) -> None:
        """The server said what is left of its rate limits."""

    def overdue(self, attempt: Attempt) -> None:
        """Its patience is over, and it has been cancelled."""

    def send_again(self, attempt: Attempt, tokens: int) -> float:
        """Return 0 when a further request of `tokens` may go, which counts it; else in how many seconds to ask again.

        Raises TransientError when that is not before the run's deadline.
        """


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an attempt may take, in seconds: all of it, until its first event, between two events."""

    timeout_s: float | None = None
    first_event_s: float | None = None
    silence_s: float | None = None


_ENDLESS = Patience()


class Attempt:
    """What a worker is told about its try, and what it tells the engine while it works.

    `number` counts from 1 and `hedge` marks the second of two at the same time. `deadline` is a loop time
    in seconds. `correction` says what was wrong with the previous answer, `enlarge` that the token limit
    ended it. `needed` holds the outcomes of the units that this one needs, by key. `memory` is the worker's own:
    what one attempt leaves there the next one at the same unit finds, and it goes when the unit has ended.
    `Attempt()` alone serves to call a worker in a test.
    """

    def __init__(
        self,
        *,
        number: int = 1,
        hedge: bool = False,
        deadline: float = math.inf,
        correction: str | None = None,
        enlarge: bool = False,
        needed: Mapping[str, Outcome[Any]] | None = None,
        memory: dict[str, Any] | None = None,
        patience: Patience = _ENDLESS,
        watcher: Watcher | None = None,
        adopt: Callable[[Unit[Any]], None] | None = None,
    ) -> None:
        self.number = number
        self.hedge = hedge
        self.deadline = deadline
        self.correction = correction
        self.enlarge = enlarge
        self.needed = needed or {}
        self.memory = {} if memory is None else memory
        self.usage: Usage | None = None
        self.has_begun = False
        self.late: str | None = None
        self._patience = patience
        self._watcher = watcher
        self._adopt = adopt
        self._closed = False
        self._asked = False
        self._heard_at = 0.0
        self._ends_at = math.inf
        self._alarm: asyncio.Timeout | None = None
        self._timer: asyncio.TimerHandle | None = None

    def remaining_s(self) -> float:
        """Seconds until the deadline; infinite when there is none, never below 0."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    def began(self) -> None:
        """Say that the first event of the answer is here: others may use the prefix, and nobody hedges any more."""
        if self.has_begun or self._closed:
            return
        self.has_begun = True
        self.alive()
        self._watch()
        if self._watcher:
            self._watcher.began(self)

    def alive(self) -> None:
        """Say that a further event is here."""
        self._asked = False
        if self._alarm:
            self._heard_at = asyncio.get_running_loop().time()

    async def next_request(self, tokens: int) -> None:
        """Wait for leave to send one more request within this attempt, of about `tokens` that no cache holds.

        It waits at the gate and for the pace of its lane, as the first request did; it keeps its slot. That wait is no
        silence, and after it the answer has as long to begin as the first one had. Raises TransientError when the lane
        opens too late.
        """
        loop = asyncio.get_running_loop()
        while self._watcher and (wait_s := self._watcher.send_again(self, tokens)):
            self._heard_at = loop.time() + wait_s
            self._watch()
            await asyncio.sleep(wait_s)
        self.alive()
        self._asked = True
        self._watch()

    def charge(self, usage: Usage) -> None:
        """Say what this attempt has used so far; replaces what was said before, and counts however it ends."""
        if not isinstance(usage, Usage):
            raise TypeError(f"an attempt is charged a Usage, not {usage!r}")
        if not self._closed:
            self.usage = usage

    def limits(self, rate: RateHeaders) -> None:
        """Pass on what the server said about its rate limits."""
        if self._watcher and not self._closed:
            self._watcher.limits(self, rate)

    def add(self, unit: Unit[Any]) -> None:
        """Add a discovered unit to the run; one whose key is known already is not added again.

        Raises RuntimeError outside of `supervise`.
        """
        if self._adopt is None:
            raise RuntimeError(f"{unit.label} can't be added: only a worker of supervise may add units")
        if not self._closed:
            self._adopt(unit)

    async def call(self, worker: Worker[P, T], unit: Unit[P]) -> T:
        """Let `worker` turn `unit` into its value; TimeoutError with `late` set when patience ended first."""
        if self._patience == _ENDLESS:
            return await worker(unit, self)
        async with asyncio.timeout(None) as alarm:
            self._alarm = alarm
            self._heard_at = asyncio.get_running_loop().time()
            self._ends_at = self._heard_at + (self._patience.timeout_s or math.inf)
            self._watch()
            try:
                value = await worker(unit, self)
            finally:
                self._disarm()
        if alarm.expired():
            raise TimeoutError(f"{unit.label} swallowed its cancellation")
        return value

    def close(self) -> None:
        """Stop listening: what an abandoned worker still says counts no more."""
        self._closed = True
        self._watcher = self._adopt = None

    def _disarm(self) -> None:
        self._alarm = None
        if self._timer:
            self._timer.cancel()

    def _watch(self) -> None:
        """Ring the alarm if patience is over, else look again when it may be."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._alarm is None:
            return
        loop = asyncio.get_running_loop()
        begins = self._asked or not self.has_begun
        silent_s = self._patience.first_event_s if begins else self._patience.silence_s
        due = min(self._ends_at, self._heard_at + (silent_s or math.inf))
        if due > loop.time():
            self._timer = None if due == math.inf else loop.call_at(due, self._watch)
            return
        self.late = self._lateness(due)
        self._alarm.reschedule(due)
        if self._watcher:
            self._watcher.overdue(self)

    def _lateness(self, due: float) -> str:
        if due == self._ends_at:
            return f"no whole answer within {self._patience.timeout_s:g} s"
        if self.has_begun and not self._asked:
            return f"the answer fell silent for {self._patience.silence_s:g} s"
        return f"no first event within {self._patience.first_event_s:g} s"


Worker: TypeAlias = Callable[[Unit[P], Attempt], Awaitable[T]]
