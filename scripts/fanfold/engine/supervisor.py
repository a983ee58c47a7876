"""The supervisor: takes units through reuse, limits, attempts and retries to exactly one outcome each."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from enum import Enum
from typing import Any, Self, TypeVar

from fanfold.engine.admission import admit
from fanfold.engine.attempt import Worker
from fanfold.engine.budget import Budget
from fanfold.engine.hedge import HedgePolicy
from fanfold.engine.hooks import NO_HOOKS, Hooks
from fanfold.engine.lanes import Lanes
from fanfold.engine.limits import LaneLimits
from fanfold.engine.machinery import Machinery
from fanfold.engine.ports import Events, Store
from fanfold.engine.priming import WAIT_S, Primers
from fanfold.engine.race import Race
from fanfold.engine.retry import Again, End, RetryPolicy, decide, describe
from fanfold.engine.ticket import Fold, Ticket
from fanfold.models import Outcome, Status, Unit, Usage

P = TypeVar("P")
T = TypeVar("T")
GRACE_S = 0.3
_REUSABLE = frozenset({Status.OK, Status.REFUSED})


class Supervisor:
    """Keeps workers inside the limits of one run.

    `jobs` is the most units in flight over all lanes, `lanes` the limits of each; those under `model:*` hold for every
    lane `model:…` that has none of its own. `deadline_s` counts from the first unit, `unit_timeout_s` from a unit's
    first attempt unless the unit has its own. `grace_s` is how long a worker may take to end once it is cancelled; one
    that ignores that is abandoned: its outcome is reported, its slot is given on, and its task is left to end by itself
    (`abandoned` tells how many such there are).

        supervisor = Supervisor(jobs=16, deadline_s=600, budget=Budget(2.0))
        outcomes = await fan_out(units, worker, supervisor=supervisor)
    """

    def __init__(
        self,
        *,
        jobs: int = 8,
        deadline_s: float | None = None,
        unit_timeout_s: float | None = None,
        budget: Budget | None = None,
        store: Store | None = None,
        events: Events | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008  frozen
        hedge: HedgePolicy | None = None,
        lanes: Mapping[str, LaneLimits] | None = None,
        rng: random.Random | None = None,
        grace_s: float = GRACE_S,
        prime_wait_s: float = WAIT_S,
    ) -> None:
        if jobs < 1:
            raise ValueError(f"jobs must be 1 or more; it is {jobs}")
        self.jobs = jobs
        self._deadline_s = deadline_s
        self._unit_timeout_s = unit_timeout_s
        self._store = store
        self._retry = retry
        self._rng = rng or random.Random()  # noqa: S311  jitter, not a secret
        self._m = Machinery(
            lanes=Lanes(jobs, lanes or {}, self._rng, self._tell),
            budget=budget,
            primers=Primers(self._tell, wait_s=prime_wait_s),
            hedge=hedge,
            events=events,
            grace_s=grace_s,
        )
        self._order = itertools.count()
        self._epoch: float | None = None
        self._deadline = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._active: dict[Ticket, None] = {}
        self._flights: dict[str, asyncio.Future[Outcome[Any] | None]] = {}
        self._engaged = 0
        self._fold: Fold | None = None
        self.folding = asyncio.Event()

    # -- the run as a whole

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._m.emit("run.ended", stopped=self._fold.reason if self._fold else None)

    @property
    def stopped(self) -> str | None:
        """Why nothing new starts any more, None while it does."""
        return self._fold.reason if self._fold else None

    @property
    def abandoned(self) -> int:
        """How many workers ignored their cancellation and still run."""
        return len(self._m.abandoned)

    def remaining_s(self) -> float:
        """Seconds until the run's deadline; infinite when there is none."""
        self._begin()
        return max(0.0, self._deadline - asyncio.get_running_loop().time())

    def holding(self, usd: float, *, beside: float = 0.0) -> AbstractContextManager[None]:
        """Keep `usd` US dollars of the budget for units that come after those that are run while this lasts.

        Nothing is kept where it would not leave `beside`, what one of these needs at least.
        """
        return self._m.budget.holding(usd, beside=beside) if self._m.budget else nullcontext()

    def stop(self, reason: str) -> None:
        """Start nothing new and cancel what runs; the second time, wait no longer for what is ending."""
        self._stop(Fold(reason, Status.CANCELLED))

    def _stop(self, fold: Fold) -> None:
        self._fold = self._fold or fold
        self.folding.set()
        for ticket in list(self._active):
            ticket.ring()

    def _at_deadline(self) -> None:
        self._stop(Fold(f"the run's deadline of {self._deadline_s:g} s passed", Status.TIMED_OUT))

    @contextmanager
    def engaged(self) -> Iterator[None]:
        """Watch the run's deadline while this lasts, even when no unit is under way."""
        self._engage()
        try:
            yield
        finally:
            self._disengage()

    def _engage(self) -> None:
        self._begin()
        self._engaged += 1
        if self._timer is None and self._deadline < math.inf:
            self._timer = asyncio.get_running_loop().call_at(self._deadline, self._at_deadline)

    def _disengage(self) -> None:
        self._engaged -= 1
        if self._timer and not self._engaged:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        """Take the run's first moment, once."""
        if self._epoch is None:
            self._epoch = asyncio.get_running_loop().time()
            if self._deadline_s is not None:
                self._deadline = self._m.lanes.last_moment = self._epoch + self._deadline_s
            self._m.emit("run.started", jobs=self.jobs)

    # -- one unit

    async def run(
        self,
        unit: Unit[P],
        worker: Worker[P, T],
        hooks: Hooks = NO_HOOKS,
    ) -> Outcome[T]:
        """Take `unit` to its outcome; every way to end but the caller's own cancellation is an outcome.

        An outcome in the store stands. Else the unit waits for what it needs, for its turn at the shared
        prefix, a slot, the gate and the pace of its lane, and room in the budget. Then it is tried, asked
        again as the retry policy says, and kept in the store before anyone sees what became of it. While
        another unit of the same key is under way, this one gets the outcome of that.
        """
        ticket = self._enter(unit)
        try:
            while True:
                await self._until_ended(ticket, worker, hooks)
                outcome = ticket.outcome(self._epoch or 0.0, asyncio.get_running_loop().time())
                judged = outcome if outcome.ok or self._fold else hooks.judge(outcome)
                if judged is not None:
                    return await self._ended(ticket, judged)
                ticket.reopen(self._deadline)
        finally:
            self._leave(ticket)

    async def _until_ended(self, ticket: Ticket, worker: Worker[P, T], hooks: Hooks) -> None:
        """Take the ticket to its end, which is at once when the run is folding."""
        try:
            async with asyncio.timeout(None) as ticket.scope:
                if self._fold:
                    ticket.fold(self._fold)
                elif not await self._reused(ticket) and await self._unblocked(ticket, hooks):
                    await self._work(ticket, worker, hooks)
        except TimeoutError:
            self._interrupted(ticket)
        finally:
            ticket.scope = None

    async def _work(self, ticket: Ticket, worker: Worker[P, T], hooks: Hooks) -> None:
        """Try until the ticket has its end."""
        self._m.emit("unit.queued", ticket.unit.key)
        while ticket.status is None and (grant := await admit(self._m, ticket)):
            if self._fold:  # the run was stopped in this very step, and the interruption is still on its way
                grant.settle(self._m, 0.0)
                ticket.fold(self._fold)
                return
            self._start(ticket)
            failure = await Race(self._m, ticket, worker, hooks.adopt).run(grant)
            if failure:
                await self._fail(ticket, failure)

    def _start(self, ticket: Ticket) -> None:
        """The first try starts the unit's clock."""
        if ticket.clock_at is not None:
            return
        ticket.clock_at = asyncio.get_running_loop().time()
        ticket.started_at = ticket.clock_at if ticket.started_at is None else ticket.started_at
        timeout_s = self._timeout_s(ticket.unit)
        if timeout_s is not None and ticket.scope:
            moment = ticket.clock_at + timeout_s
            ticket.deadline = min(ticket.deadline, moment)
            ticket.scope.reschedule(moment)

    async def _reused(self, ticket: Ticket) -> bool:
        """Take what the store has, or what another unit of the same key gets."""
        if ticket.unit.returns is None or ticket.leads:
            return False
        while flight := self._flights.get(ticket.unit.key):
            await asyncio.wait([flight])
            if outcome := flight.result():
                ticket.stored = _shared(outcome)
                return True
        self._flights[ticket.unit.key] = asyncio.get_running_loop().create_future()
        ticket.leads = True
        ticket.stored = await self._from_store(ticket.unit)
        return ticket.stored is not None

    async def _unblocked(self, ticket: Ticket, hooks: Hooks) -> bool:
        """Wait for what the unit needs."""
        needed = await hooks.ready(ticket.unit)
        if isinstance(needed, str):
            ticket.end(Status.NOT_RUN, needed)
            return False
        ticket.needed = needed
        return True

    async def _fail(self, ticket: Ticket, failure: BaseException) -> None:
        """Note a failed try; end the unit, or wait until it may be tried again."""
        ticket.failures.append(failure)
        remaining_s = ticket.deadline - asyncio.get_running_loop().time()
        match decide(self._retry, ticket.failures, remaining_s=remaining_s, draw=self._rng.random()):
            case End(status, error):
                ticket.end(status, error)
            case Again(wait_s, gated, correction, enlarge):
                ticket.correction = correction or ticket.correction
                ticket.enlarge = enlarge or ticket.enlarge
                if not gated:
                    await asyncio.sleep(wait_s)

    def _interrupted(self, ticket: Ticket) -> None:
        """Its time was up, or the run's; an answer that came in that very moment stands."""
        if self._fold:
            ticket.fold(self._fold)
        elif ticket.status is None:
            ticket.give_up(Status.TIMED_OUT, f"the unit's limit of {self._timeout_s(ticket.unit):g} s passed")

    async def _ended(self, ticket: Ticket, outcome: Outcome[Any]) -> Outcome[Any]:
        """Make the outcome durable, and known."""
        if outcome.reused:
            self._m.emit("unit.reused", outcome.key)
        elif ticket.leads and self._store:
            await self._keep(self._store, ticket.unit, outcome)
        if ticket.leads:
            self._flights.pop(outcome.key).set_result(outcome)
            ticket.leads = False
        self._m.emit(
            "unit.ended",
            outcome.key,
            status=outcome.status,
            error=outcome.error,
            attempts=outcome.attempts,
            usage=outcome.usage,
            hedged=outcome.hedged,
            reused=outcome.reused,
            **({"split_into": outcome.split_into} if outcome.split_into else {}),
            # One word is worth telling: what a test came to when it was rerun.
            **({"value": outcome.value} if isinstance(outcome.value, Enum) else {}),
        )
        return outcome

    # -- the edges of a unit

    def _tell(self, name: str, **attributes: Any) -> None:
        self._m.emit(name, None, **attributes)

    def _enter(self, unit: Unit[Any]) -> Ticket:
        """Give the unit its place in the run."""
        self._engage()
        ticket = Ticket(unit, next(self._order), asyncio.get_running_loop().time(), deadline=self._deadline)
        self._active[ticket] = None
        self._m.emit(
            "unit.planned",
            unit.key,
            label=unit.label,
            kind=unit.kind,
            lane=unit.lane,
            needs=unit.needs,
            prefix=unit.prefix,
            expected_s=unit.expected_s,
        )
        return ticket

    def _leave(self, ticket: Ticket) -> None:
        del self._active[ticket]
        if ticket.leads:
            self._flights.pop(ticket.unit.key).set_result(None)
        self._disengage()

    async def _from_store(self, unit: Unit[Any]) -> Outcome[Any] | None:
        if self._store is None:
            return None
        try:
            return await self._store.get(unit)
        except Exception as error:  # noqa: BLE001  a store that fails must not cost the run its work
            self._m.emit("store.failed", unit.key, error=describe(error))
            return None

    async def _keep(self, store: Store, unit: Unit[Any], outcome: Outcome[Any]) -> None:
        """Put the outcome into the store, even if the caller is cancelled meanwhile: it is paid."""
        task = asyncio.get_running_loop().create_task(store.put(unit, outcome))
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            await asyncio.wait([task], timeout=self._m.grace_s)
            raise
        finally:
            if not task.done():
                task.cancel()
                self._m.abandon(task)
            elif not task.cancelled() and (error := task.exception()):
                self._m.emit("store.failed", unit.key, error=describe(error))

    def _timeout_s(self, unit: Unit[Any]) -> float | None:
        return self._unit_timeout_s if unit.timeout_s is None else unit.timeout_s


def _shared(outcome: Outcome[Any]) -> Outcome[Any]:
    """Return what another unit of the same key gets: the same, and nothing to pay."""
    reused = outcome.status in _REUSABLE
    return replace(outcome, reused=reused, usage=Usage(), attempts=0, hedged=False)
