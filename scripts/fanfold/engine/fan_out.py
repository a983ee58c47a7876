"""Fan-out and fan-in: all units at once, outcomes as they end or all together."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

from fanfold.engine.attempt import Worker
from fanfold.engine.stream import Stream
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Unit

P = TypeVar("P")
T = TypeVar("T")


def fan_out(
    units: Iterable[Unit[P]],
    worker: Worker[P, T],
    *,
    supervisor: Supervisor | None = None,
    jobs: int = 8,
) -> FanOut[T]:
    """Run all `units` at once; a straggler holds nobody, and every unit has one outcome.

    Await it for all outcomes in the order of the units, or iterate to have each as it ends:

        >>> async def square(unit: Unit[int], attempt: Attempt) -> int:
        ...     await asyncio.sleep(0.01 * unit.payload)
        ...     return unit.payload ** 2
        >>> units = [Unit(key=f"{n}", label=f"square of {n}", payload=n) for n in (3, 1, 2)]
        >>> async def together() -> None:
        ...     print([outcome.value for outcome in await fan_out(units, square, jobs=3)])
        >>> asyncio.run(together())
        [9, 1, 4]
        >>> async def as_they_end() -> None:
        ...     async with fan_out(units, square, jobs=3) as outcomes:
        ...         async for outcome in outcomes:
        ...             print(outcome.label, outcome.value)
        >>> asyncio.run(as_they_end())
        square of 1 1
        square of 2 4
        square of 3 9

    `supervisor` holds the limits, by default `jobs` slots and nothing else. At its deadline what is there is
    there, and what is missing is named:

        >>> async def in_time() -> None:
        ...     limits = Supervisor(jobs=2, deadline_s=0.015)
        ...     for outcome in await fan_out(units, square, supervisor=limits):
        ...         print(outcome.label, outcome.status, outcome.error)
        >>> asyncio.run(in_time())
        square of 3 timed_out the run's deadline of 0.015 s passed
        square of 1 ok None
        square of 2 timed_out the run's deadline of 0.015 s passed
    """
    return FanOut(units, worker, supervisor or Supervisor(jobs=jobs))


class FanOut(Stream[T]):
    """The outcomes of `fan_out`, to come."""

    def __init__(self, units: Iterable[Unit[Any]], worker: Worker[Any, T], supervisor: Supervisor) -> None:
        super().__init__()
        self._units = tuple(units)
        self._worker = worker
        self._supervisor = supervisor

    def __await__(self) -> Generator[Any, None, list[Outcome[T]]]:
        return self._together().__await__()

    async def _together(self) -> list[Outcome[T]]:
        with self._supervisor.engaged():
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._supervisor.run(unit, self._worker)) for unit in self._units]
        return [task.result() for task in tasks]

    async def _drive(self) -> None:
        with self._supervisor.engaged():
            async with asyncio.TaskGroup() as group:
                for unit in self._units:
                    group.create_task(self._one(unit))

    async def _one(self, unit: Unit[Any]) -> None:
        await self._tell(await self._supervisor.run(unit, self._worker))
