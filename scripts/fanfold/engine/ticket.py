"""A unit on its way through the engine: what happened to it so far, and the outcome that this makes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fanfold.engine.retry import shown
from fanfold.models import Outcome, Status, Unit, Usage

NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Fold:
    """Why nothing new starts any more, and how what runs ends."""

    reason: str
    running: Status


@dataclass(slots=True, eq=False)
class Ticket:
    """One unit in the engine; times are loop times in seconds, `order` is its place among the units of the run."""

    unit: Unit[Any]
    order: int
    queued_at: float
    deadline: float = math.inf
    started_at: float | None = None
    clock_at: float | None = None
    scope: asyncio.Timeout | None = None
    grace: asyncio.Timeout | None = None
    needed: Mapping[str, Outcome[Any]] = field(default_factory=dict)
    failures: list[BaseException] = field(default_factory=list)
    correction: str | None = None
    enlarge: bool = False
    attempts: int = 0
    hedges: int = 0
    memory: dict[str, Any] = field(default_factory=dict)
    usage: Usage = NOTHING
    status: Status | None = None
    value: Any = None
    error: str | None = None
    stored: Outcome[Any] | None = None
    leads: bool = False

    @property
    def reserve_usd(self) -> float | None:
        """The worst case of its next attempt, in US dollars; None when it is unknown."""
        larger = self.unit.reserve_enlarged_usd if self.enlarge or self.correction else None
        return self.unit.reserve_usd if larger is None else larger

    def charge(self, usage: Usage) -> None:
        """Add what an attempt used."""
        if usage is not NOTHING:
            self.usage = usage if self.usage is NOTHING else self.usage + usage

    def succeed(self, value: Any) -> None:
        self.status, self.value, self.error = Status.OK, value, None

    def end(self, status: Status, error: str) -> None:
        self.status, self.error = status, error

    def give_up(self, status: Status, why: str) -> None:
        """End it for a reason that is not its last failure's; that is named as well."""
        self.end(status, f"{why}; before that: {shown(self.failures[-1])}" if self.failures else why)

    def fold(self, fold: Fold) -> None:
        """End it as the run does, unless it has ended."""
        if self.status is None:
            self.give_up(Status.NOT_RUN if self.started_at is None else fold.running, fold.reason)

    def reopen(self, deadline: float) -> None:
        """Forget how it ended, and the failures that led there: it is run again, with a new clock."""
        self.status = self.value = self.error = self.correction = self.clock_at = None
        self.enlarge, self.failures, self.stored, self.memory = False, [], None, {}
        self.deadline = deadline

    def ring(self) -> None:
        """Interrupt whatever the unit waits for; the second time, its cleaning up as well."""
        now = asyncio.get_running_loop().time()
        if self.scope and not self.scope.expired():
            self.scope.reschedule(now)
        elif self.grace and not self.grace.expired():
            self.grace.reschedule(now)

    def outcome(self, epoch: float, now: float) -> Outcome[Any]:
        """Return what became of it, in seconds from `epoch`."""
        queued_s, ended_s = self.queued_at - epoch, now - epoch
        if self.stored is not None:
            return replace(self.stored, label=self.unit.label, queued_s=queued_s, started_s=ended_s, ended_s=ended_s)
        if self.status is None:
            raise RuntimeError(f"{self.unit.label} has no outcome yet")
        started_s = ended_s if self.started_at is None else self.started_at - epoch
        usage = self.usage
        if self.attempts > 1:
            usage += Usage(retries=self.attempts - self.hedges - 1, hedges=self.hedges)
        return Outcome(
            key=self.unit.key,
            label=self.unit.label,
            kind=self.unit.kind,
            status=self.status,
            value=self.value,
            error=self.error,
            usage=usage,
            attempts=self.attempts,
            hedged=self.hedges > 0,
            queued_s=queued_s,
            started_s=started_s,
            ended_s=ended_s,
        )
