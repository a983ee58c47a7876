"""Money: the worst case is reserved before a call is sent, and settled after."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# Amounts are counted in whole nano-dollars: ten times 0.1 is 1.0.
_PER_USD = 1_000_000_000


def _nanos(usd: float) -> int:
    return round(usd * _PER_USD)


def reservable(usd: float | None) -> bool:
    """Tell whether `usd` bounds a cost: a finite amount, 0 or more."""
    return usd is not None and math.isfinite(usd) and usd >= 0


class Budget:
    """An amount in US dollars that a run never exceeds, under any interleaving of its calls.

    That holds as long as no call costs more than it reserved. What a call costs that it did not reserve is
    counted, and what is left is then 0 for everybody else. Waiting for room is by amount, smallest first,
    so that cheap units still go; the heaps keep each step at O(log n).
    """

    def __init__(self, limit_usd: float) -> None:
        if not reservable(limit_usd):
            raise ValueError(f"a budget is a finite amount of US dollars, 0 or more; it is {limit_usd!r}")
        self._limit = _nanos(limit_usd)
        self._spent = 0
        self._reserved = 0
        self._kept = 0
        self._held = 0
        self._order = itertools.count()
        self._smallest: list[tuple[int, int, _Wait]] = []
        self._largest: list[tuple[int, int, _Wait]] = []

    @property
    def limit_usd(self) -> float:
        return self._limit / _PER_USD

    @property
    def spent_usd(self) -> float:
        """What was settled, reservations kept for calls of unknown cost included."""
        return self._spent / _PER_USD

    @property
    def kept_usd(self) -> float:
        """The part of what was spent that is an upper bound: the cost of those calls is not known."""
        return self._kept / _PER_USD

    @property
    def reserved_usd(self) -> float:
        return self._reserved / _PER_USD

    @property
    def remaining_usd(self) -> float:
        """What can still be reserved."""
        return max(0, self._free()) / _PER_USD

    def reserve(self, usd: float) -> Reservation | None:
        """Set `usd` aside, or return None when it does not fit now."""
        amount = _nanos(usd)
        if amount > max(0, self._free()):
            return None
        self._reserved += amount
        return Reservation(self, amount)

    async def room(self, usd: float) -> Reservation | None:
        """Wait until `usd` fits; None once nothing outstanding could make room for it."""
        if reservation := self.reserve(usd):
            return reservation
        wait = _Wait(_nanos(usd), asyncio.get_running_loop().create_future())
        if self._hopeless(wait.amount):
            return None
        order = next(self._order)
        heapq.heappush(self._smallest, (wait.amount, order, wait))
        heapq.heappush(self._largest, (-wait.amount, order, wait))
        try:
            return await wait.answer
        except asyncio.CancelledError:
            if wait.answer.done() and not wait.answer.cancelled() and (granted := wait.answer.result()):
                granted.release()
            raise

    @contextmanager
    def holding(self, usd: float, *, beside: float = 0.0) -> Iterator[None]:
        """Keep `usd` from everybody while this lasts, for what comes afterwards; nobody waits for it to be given back.

        Where it does not leave `beside`, what one of them needs at least, nothing is held: it would be of no use.
        """
        amount = _nanos(usd)
        amount = amount if amount + _nanos(beside) <= self._free() else 0
        self._held += amount
        try:
            yield
        finally:
            self._held -= amount

    def _free(self) -> int:
        return self._limit - self._spent - self._reserved - self._held

    def _hopeless(self, amount: int) -> bool:
        return self._spent + self._held + amount > self._limit

    def _settled(self, amount: int, cost: int) -> None:
        self._reserved -= amount
        self._spent += cost
        while self._largest and (self._largest[0][2].over or self._hopeless(self._largest[0][2].amount)):
            heapq.heappop(self._largest)[2].give(None)
        while self._smallest and (self._smallest[0][2].over or self._smallest[0][2].amount <= self._free()):
            wait = heapq.heappop(self._smallest)[2]
            if not wait.over:
                self._reserved += wait.amount
                wait.give(Reservation(self, wait.amount))

    def keep(self, amount: int) -> None:
        """Count `amount` among what is an upper bound."""
        self._kept += amount


@dataclass(slots=True)
class _Wait:
    amount: int
    answer: asyncio.Future[Reservation | None]

    @property
    def over(self) -> bool:
        return self.answer.done()

    def give(self, reservation: Reservation | None) -> None:
        if not self.over:
            self.answer.set_result(reservation)


class Reservation:
    """An amount set aside for one attempt, until it is settled or released; either happens once."""

    def __init__(self, budget: Budget, amount: int) -> None:
        self._budget = budget
        self._amount = amount
        self._open = True

    @property
    def usd(self) -> float:
        return self._amount / _PER_USD

    def settle(self, cost_usd: float | None) -> None:
        """Replace the reservation by what the attempt cost; an unknown cost keeps all of it as spent."""
        if cost_usd is None or not math.isfinite(cost_usd):
            self._budget.keep(self._amount)
            self._close(self._amount)
        else:
            self._close(max(0, _nanos(cost_usd)))

    def release(self) -> None:
        """Give all of it back: nothing was sent."""
        self._close(0)

    def _close(self, cost: int) -> None:
        if not self._open:
            raise RuntimeError("a reservation is settled once")
        self._open = False
        self._budget._settled(self._amount, cost)  # noqa: SLF001  one account, two halves
