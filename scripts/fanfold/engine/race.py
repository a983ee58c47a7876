"""One try at a unit: an attempt, and a hedge beside it when its answer is late to begin."""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fanfold.engine.admission import Grant, grant_now
from fanfold.engine.attempt import Attempt, Patience, Worker
from fanfold.engine.lanes import EARLY
from fanfold.engine.limits import RateHeaders
from fanfold.engine.machinery import Machinery
from fanfold.engine.racer import Racer
from fanfold.engine.ticket import Ticket
from fanfold.errors import Overloaded, RateLimited, TransientError
from fanfold.models import Unit

# A worker that does not end when it is cancelled is cancelled once more after this share of the grace.
_FIRST_SHARE = 0.7


class Race:
    """Runs one try of `ticket`: the first answer to begin wins, the other attempt is called off and charged."""

    def __init__(
        self,
        machinery: Machinery,
        ticket: Ticket,
        worker: Worker[Any, Any],
        adopt: Callable[[Unit[Any]], None] | None,
    ) -> None:
        self._m = machinery
        self._ticket = ticket
        self._unit: Unit[Any] = ticket.unit
        self._worker = worker
        self._adopt = adopt
        self._stragglers = machinery.stragglers_of(ticket.unit.lane)
        self._racers: list[Racer] = []
        self._hedging: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None

    async def run(self, grant: Grant) -> BaseException | None:
        """Put the value on the ticket and return None, or return why there is none.

        Whatever was started has ended when this returns or raises, or was abandoned; all of it is settled.
        """
        self._launch(grant, hedge=False)
        try:
            await self._until_decided()
        finally:
            await self._clear()
        return self._failure

    # -- what attempts tell

    def began(self, attempt: Attempt) -> None:
        """The answer of `attempt` begins: it has won, unless the other one has."""
        winner = self._of(attempt)
        if winner.called_off:
            return
        self._m.emit("attempt.began", self._unit.key, number=attempt.number, hedge=attempt.hedge)
        self._m.lanes.let_in(winner.grant.slot)
        if turn := self._racers[0].grant.turn:
            turn.began()
        if winner.late and self._stragglers:
            self._stragglers.began(winner.late)
        self._call_off(but=winner)

    def limits(self, attempt: Attempt, rate: RateHeaders) -> None:
        """The server said what is left of its rate limits."""
        self._m.lanes.reported(self._of(attempt).grant.slot, rate)

    def overdue(self, attempt: Attempt) -> None:
        """Its patience is over and it was cancelled; see that this ends it."""
        loop, racer = asyncio.get_running_loop(), self._of(attempt)
        loop.call_later(self._m.grace_s * _FIRST_SHARE, self._nudge, racer)
        loop.call_later(self._m.grace_s, self._give_up, racer)

    def send_again(self, attempt: Attempt, tokens: int) -> float:
        """Return how long a further request of `attempt` must wait; 0 counts it as sent."""
        wait_s = self._m.lanes.again(self._of(attempt).grant.slot, tokens)
        if wait_s == math.inf:
            raise TransientError(f"{self._unit.lane} takes nothing more before the deadline")
        return wait_s

    def _of(self, attempt: Attempt) -> Racer:
        return next(racer for racer in self._racers if racer.attempt is attempt)

    # -- starting

    def _launch(self, grant: Grant, *, hedge: bool) -> None:
        loop = asyncio.get_running_loop()
        attempt = self._attempt(grant, hedge=hedge)
        late = self._stragglers.watch() if self._stragglers and not hedge else None
        if late:
            late.add_done_callback(self._wake)
        self._ticket.attempts += 1
        self._m.attempts += 1
        # What listeners make current, such as a span, holds inside of the attempt and nowhere else.
        context = contextvars.copy_context()
        context.run(self._m.emit, "attempt.started", self._unit.key, number=attempt.number, hedge=hedge)
        if grant.turn:
            grant.turn.sent()
        racer = Racer(attempt, grant, loop.time(), late)
        self._racers.append(racer)
        racer.task = loop.create_task(self._run(racer), name=f"attempt {self._unit.label}", context=context)

    def _attempt(self, grant: Grant, *, hedge: bool) -> Attempt:
        ticket, limits = self._ticket, grant.slot.lane.limits
        timeout_s = limits.attempt_timeout_s
        ends_at = asyncio.get_running_loop().time() + timeout_s if timeout_s else ticket.deadline
        return Attempt(
            number=len(ticket.failures) + 1,
            hedge=hedge,
            deadline=min(ticket.deadline, ends_at),
            correction=ticket.correction,
            enlarge=ticket.enlarge,
            needed=ticket.needed,
            memory=ticket.memory,
            patience=Patience(timeout_s, limits.first_event_s, limits.silence_s),
            watcher=self,
            adopt=self._adopt,
        )

    async def _run(self, racer: Racer) -> None:
        """Let the worker work. What it held goes to the next in the very step in which it ends."""
        try:
            value = await racer.attempt.call(self._worker, self._unit)
        except (KeyboardInterrupt, SystemExit) as error:
            racer.error = error
            raise
        except BaseException as error:  # noqa: BLE001  kept for the verdict, which raises what is not the worker's
            racer.error = error
        else:
            # Whatever a worker returns after it has swallowed its cancellation is not what it was asked for.
            racer.value = None if racer.called_off else (value,)
        finally:
            self._changed.set()
            self._settle(racer)

    async def _hedge(self) -> None:
        """Start a second attempt as soon as there is a slot and money for it, if it is still wanted then."""
        slot = await self._m.lanes.slot(self._unit, self._ticket.order, EARLY)
        if slot and (grant := grant_now(self._m, self._ticket, slot)):
            self._ticket.hedges += 1
            self._m.emit("hedge.started", self._unit.key)
            self._launch(grant, hedge=True)

    # -- deciding

    async def _until_decided(self) -> None:
        """Wait until an attempt has its value, or every one has failed."""
        first = self._racers[0]
        while not all(racer.ended for racer in self._racers):
            await self._changed.wait()
            self._changed.clear()
            if any(racer.value for racer in self._racers):
                return
            if self._is_straggling(first) and not self._hedging:
                self._hedging = asyncio.get_running_loop().create_task(self._hedge())

    def _is_straggling(self, racer: Racer) -> bool:
        late = racer.late is not None and racer.late.done()
        return late and not racer.ended and not racer.attempt.has_begun

    def _wake(self, _done: object) -> None:
        self._changed.set()

    def _verdict(self) -> BaseException | None:
        """Put the value on the ticket, or return the failure that counts: the last one of an attempt's own.

        Raises what is no business of the engine's, and what is a defect of its own.
        """
        for task in [racer.task for racer in self._racers] + [self._hedging]:
            _raise_defect(task)
        failures = [failure for racer in self._racers if (failure := racer.failure)]
        for failure in failures:
            if not isinstance(failure, Exception):
                raise failure
        for racer in self._racers:
            if value := racer.value:
                self._ticket.succeed(value[0])
                return None
        return failures[-1] if failures else None

    # -- ending

    def _call_off(self, but: Racer | None = None) -> None:
        """Cancel every attempt and the preparation of one, except `but`."""
        if self._hedging:
            self._hedging.cancel()
        for racer in self._racers:
            if racer is not but and racer.task and not racer.ended:
                racer.called_off = True
                racer.task.cancel()

    def _nudge(self, racer: Racer) -> None:
        if racer.task and not racer.settled:
            racer.task.cancel()

    def _give_up(self, racer: Racer) -> None:
        if racer.task and not racer.settled:
            racer.given_up = True
            self._settle(racer)
            self._m.abandon(racer.task)
            self._changed.set()

    async def _clear(self) -> None:
        """End what still runs, within the grace, and settle all of it."""
        self._call_off()
        tasks = [racer.task for racer in self._racers if racer.task and not racer.ended]
        if self._hedging and not self._hedging.done():
            tasks.append(self._hedging)
        try:
            if tasks:
                await self._within_grace(tasks)
        finally:
            for racer in self._racers:
                self._settle(racer)
            if self._racers[0].late and self._racers[0].late.done() and len(self._racers) == 1:
                self._m.hedges -= 1  # leave for one was given, and it did not go
            self._failure = self._verdict()

    async def _within_grace(self, tasks: list[asyncio.Task[Any]]) -> None:
        """Wait for cancelled tasks; cancel once more those that take no notice, and then abandon them."""
        try:
            for share in (_FIRST_SHARE, 1 - _FIRST_SHARE):
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._m.grace_s * share) as self._ticket.grace:
                        await asyncio.wait(tasks)
                        return
                for task in tasks:
                    task.cancel()
        finally:
            self._ticket.grace = None
            for task in tasks:
                if not task.done():
                    task.cancel()
                    self._m.abandon(task)

    def _settle(self, racer: Racer) -> None:
        """Count what an attempt used and give back what it held; once."""
        if racer.settled:
            return
        racer.settled = True
        racer.attempt.close()
        usage = racer.usage(self._unit)
        self._ticket.charge(usage)
        self._tell_lane(racer)
        if racer.late and self._stragglers:
            self._stragglers.forget(racer.late)
        racer.grant.settle(self._m, usage.cost_usd)
        self._m.emit(
            "attempt.ended",
            self._unit.key,
            number=racer.attempt.number,
            hedge=racer.attempt.hedge,
            status=racer.status,
            error=type(racer.failure).__name__ if racer.failure else None,
            usage=usage,
        )

    def _tell_lane(self, racer: Racer) -> None:
        """Let the lane learn from how the attempt ended."""
        slot, failure = racer.grant.slot, racer.failure
        if racer.value:
            self._m.lanes.let_in(slot)
            self._m.note_duration(self._unit, asyncio.get_running_loop().time() - racer.started_at)
        elif isinstance(failure, RateLimited):
            self._m.lanes.rate_limited(slot, failure.retry_after_s)
        elif isinstance(failure, Overloaded):
            self._m.lanes.overloaded(slot)


def _raise_defect(task: asyncio.Task[None] | None) -> None:
    """Raise what ended a task of the engine's own; whatever a worker raises is kept beside it.

    KeyboardInterrupt and SystemExit have left the loop by the task itself; raised once more they would break off the
    loop's tidying up.
    """
    if task is None or not task.done() or task.cancelled() or (error := task.exception()) is None:
        return
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise asyncio.CancelledError from error
    raise error
