"""Supervisor and workers: a queue of units that depend on each other, grows, and splits what fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeAlias, TypeVar

from fanfold.engine.attempt import Worker
from fanfold.engine.hooks import Hooks
from fanfold.engine.needs import Needs
from fanfold.engine.retry import describe
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Status, Unit

P = TypeVar("P")
T = TypeVar("T")
Split: TypeAlias = Callable[[Unit[P], Outcome[T]], Sequence[Unit[P]] | None]
# A unit that its own split keeps handing back is given up after so many runs.
MOST_RUNS = 3
_SPLITTABLE = frozenset({Status.FAILED, Status.TIMED_OUT, Status.REFUSED, Status.OVER_BUDGET})


async def supervise(
    units: Iterable[Unit[P]],
    worker: Worker[P, T],
    *,
    split: Split[P, T] | None = None,
    supervisor: Supervisor | None = None,
    jobs: int = 8,
) -> list[Outcome[T]]:
    """Run units that need each other, may add further ones, and may be split when they fail.

        >>> async def write(unit: Unit[str], attempt: Attempt) -> str:
        ...     if unit.payload == "index":
        ...         attempt.add(Unit(key="c1", label="chapter 1", payload="one"))
        ...         attempt.add(Unit(key="book", label="the book", payload="book", needs=("c1",)))
        ...     parts = [outcome.value for outcome in attempt.needed.values()]
        ...     return " ".join([unit.payload, *parts])
        >>> async def main() -> None:
        ...     for outcome in await supervise([Unit(key="i", label="index", payload="index")], write):
        ...         print(outcome.label, "—", outcome.value)
        >>> asyncio.run(main())
        index — index
        chapter 1 — one
        the book — book one

    A unit starts when every unit that it `needs` is ok, and finds their outcomes in `attempt.needed`; it
    ends `not_run` when one of them is not, when one is unknown, or when they need each other in a circle;
    the reason names it. A worker adds units with `attempt.add`; a key that is known already is not added
    again.

    `split` is asked about every unit that ended `failed` or `timed_out`. It may return other units, which
    then stand for it (its outcome stays, and says into what it was split), the unit itself under the same
    key, which is run again (three times at most; the outcomes' usage adds up), or None to give it up.

    Returns one outcome a unit: those given first, in their order, then those that were added, in the order
    of adding.
    """
    return await _Queue(worker, split, supervisor or Supervisor(jobs=jobs)).run(units)


class _Queue(Generic[P, T]):
    """The units of one call of `supervise`, in order, and what became of them."""

    def __init__(self, worker: Worker[P, T], split: Split[P, T] | None, supervisor: Supervisor) -> None:
        self._worker = worker
        self._split = split
        self._supervisor = supervisor
        self._hooks = Hooks(ready=self._ready, judge=self._judge, adopt=self._add)
        self._units: dict[str, Unit[Any]] = {}
        self._outcomes: dict[str, Outcome[T]] = {}
        self._runs: Counter[str] = Counter()
        self._needs = Needs()
        self._group = asyncio.TaskGroup()

    async def run(self, units: Iterable[Unit[P]]) -> list[Outcome[T]]:
        with self._supervisor.engaged():
            async with self._group:
                for unit in units:
                    self._add(unit)
        return [self._outcomes[key] for key in self._units]

    def _add(self, unit: Unit[Any]) -> None:
        if unit.key not in self._units:
            self._units[unit.key] = unit
            self._needs.add(unit.key, unit.label)
            self._group.create_task(self._one(unit))

    async def _one(self, unit: Unit[Any]) -> None:
        """Run a unit; if it was split, it counts as done when its parts are."""
        outcome = await self._supervisor.run(unit, self._worker, self._hooks)
        self._outcomes[unit.key] = outcome
        if not outcome.split_into:
            self._needs.settle(unit.key, None if outcome.ok else f"needs {unit.label}, which ended {outcome.status}")
            return
        why = await self._needs.wait(unit.key, outcome.split_into)
        self._needs.settle(unit.key, why)

    async def _ready(self, unit: Unit[Any]) -> Mapping[str, Outcome[Any]] | str:
        why = await self._needs.wait(unit.key, unit.needs)
        return {key: self._outcomes[key] for need in unit.needs for key in self._parts(need)} if why is None else why

    def _parts(self, key: str) -> Iterator[str]:
        """Yield the keys of the units that stand for `key`."""
        parts = self._outcomes[key].split_into
        if not parts:
            yield key
        for part in parts:
            yield from self._parts(part)

    def _judge(self, outcome: Outcome[Any]) -> Outcome[Any] | None:
        """Split or re-queue a unit that failed, as `split` says."""
        if self._split is None or outcome.status not in _SPLITTABLE:
            return outcome
        self._runs[outcome.key] += 1
        try:
            parts = self._split(self._units[outcome.key], outcome) or ()
        except Exception as error:  # noqa: BLE001  the user's code
            return replace(outcome, error=f"{outcome.error}; splitting it: {describe(error)}")
        if not parts:
            return outcome
        if any(part.key == outcome.key for part in parts):
            if self._runs[outcome.key] < MOST_RUNS:
                return None
            return replace(outcome, error=f"{outcome.error} (given up after {MOST_RUNS} runs)")
        for part in parts:
            self._add(part)
        keys = tuple(part.key for part in parts)
        return replace(outcome, split_into=keys, error=f"{outcome.error}; split into {len(keys)}")
