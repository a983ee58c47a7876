"""Pipeline: items go through stages one after the other, and overlap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fanfold.engine.attempt import Worker
from fanfold.engine.retry import describe
from fanfold.engine.stream import Stream
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Status, Unit

Items: TypeAlias = Iterable[Unit[Any]] | AsyncIterable[Unit[Any]]
WIDTH = 4


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a pipeline: `worker` on up to `width` items at a time.

    `unit` makes the unit of this stage from that of the stage before and its value. By default it is the same
    unit with the value as payload, which is not stored and has no prefix. The first stage takes the items as
    they are.
    """

    worker: Worker[Any, Any]
    width: int = WIDTH
    unit: Callable[[Unit[Any], Any], Unit[Any]] | None = None

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"a stage is 1 or more wide; this is {self.width}")


def pipeline(
    items: Items,
    *stages: Stage | Worker[Any, Any],
    supervisor: Supervisor | None = None,
) -> Pipeline:
    """Send `items` through `stages`; the outcomes come as they end, in no order.

        >>> async def parse(unit: Unit[str], attempt: Attempt) -> int:
        ...     return int(unit.payload)
        >>> async def invert(unit: Unit[int], attempt: Attempt) -> float:
        ...     return 1 / unit.payload
        >>> items = (Unit(key=text, label=text, payload=text) for text in ("4", "none", "0"))
        >>> async def main() -> None:
        ...     async with pipeline(items, parse, Stage(invert, width=2)) as outcomes:
        ...         async for outcome in outcomes:
        ...             print(outcome.label, outcome.status, outcome.value or outcome.error)
        >>> asyncio.run(main())
        none failed ValueError: invalid literal for int() with base 10: 'none' (...)
        4 ok 0.25
        0 failed ZeroDivisionError: division by zero (...)

    An item is a unit, and its outcome has its key and label, the last stage's value, and the usage and
    attempts of all stages; a stage that fails ends it. `items` may be lazy, asynchronous and endless: each
    stage takes an item only when it has room, and the first pulls one only then, so memory holds a few per
    stage however many there are. When the run is stopped or its deadline passes nothing more is pulled from a
    lazy source; the items of a list or another collection that did not start end `not_run`, by name.

    Without a `supervisor`, all stages together may have as many units in flight as they are wide.
    """
    rooms = tuple(stage if isinstance(stage, Stage) else Stage(stage) for stage in stages)
    if not rooms:
        raise ValueError("a pipeline has one stage or more")
    return Pipeline(items, rooms, supervisor or Supervisor(jobs=sum(stage.width for stage in rooms)))


class Pipeline(Stream[Any]):
    """The outcomes of `pipeline`, to come."""

    def __init__(self, items: Items, stages: tuple[Stage, ...], supervisor: Supervisor) -> None:
        super().__init__(ahead=stages[-1].width)
        self._items = items
        self._stages = stages
        self._supervisor = supervisor

    async def _drive(self) -> None:
        queues = [asyncio.Queue[_Item | None](stage.width) for stage in self._stages]
        with self._supervisor.engaged():
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed(queues[0], group))
                for number, stage in enumerate(self._stages):
                    room = _Room(number, stage, stage.width, queues[number : number + 2])
                    for _ in range(stage.width):
                        group.create_task(self._work(room))

    # -- items in

    async def _feed(self, queue: asyncio.Queue[_Item | None], group: asyncio.TaskGroup) -> None:
        """Pull items until there are no more, or no more are wanted; then say so."""
        source = _Source(self._items, self._supervisor)
        pulling = group.create_task(source.pull_into(queue))
        folding = group.create_task(self._supervisor.folding.wait())
        await asyncio.wait([pulling, folding], return_when=asyncio.FIRST_COMPLETED)
        folding.cancel()
        if source.waiting:
            pulling.cancel()
        await asyncio.wait([pulling])
        await queue.put(None)

    # -- through the stages

    async def _work(self, room: _Room) -> None:
        """Take items through one stage until there are no more; the last to leave tells the next stage."""
        while (item := await room.queues[0].get()) is not None:
            outcome = await self._pass(room, item)
            if outcome.ok and len(room.queues) > 1:
                await room.queues[1].put(item)
            else:
                await self._tell(outcome)
        room.open -= 1
        if room.open:
            room.queues[0].put_nowait(None)
        elif len(room.queues) > 1:
            await room.queues[1].put(None)

    async def _pass(self, room: _Room, item: _Item) -> Outcome[Any]:
        """Take one item through one stage; what goes wrong in making its unit fails the item alone."""
        try:
            unit = room.unit_of(item)
        except Exception as error:  # noqa: BLE001  the user's code
            return item.fail(describe(error))
        return item.advance(unit, await self._supervisor.run(unit, room.stage.worker))


class _Source:
    """Items, pulled one by one; `waiting` while it is the source that is waited for, not the queue."""

    def __init__(self, items: Items, supervisor: Supervisor) -> None:
        self.waiting = False
        self._items = items
        self._supervisor = supervisor
        self._lazy = not isinstance(items, Collection)

    async def pull_into(self, queue: asyncio.Queue[_Item | None]) -> None:
        if not isinstance(self._items, AsyncIterable):
            for unit in self._items:
                await queue.put(_Item(unit))
                if self._lazy and self._supervisor.stopped:
                    return
            return
        units = aiter(self._items)
        try:
            await self._pull_lazily(units, queue)
        finally:
            if isinstance(units, AsyncGenerator):
                await units.aclose()

    async def _pull_lazily(self, units: AsyncIterator[Unit[Any]], queue: asyncio.Queue[_Item | None]) -> None:
        while not self._supervisor.stopped:
            self.waiting = True
            unit = await anext(units, None)
            self.waiting = False
            if unit is None:
                return
            await queue.put(_Item(unit))


@dataclass(slots=True)
class _Room:
    """A stage at work: its queue and that of the next one, and how many of its workers are still there."""

    number: int
    stage: Stage
    open: int
    queues: list[asyncio.Queue[_Item | None]]

    def unit_of(self, item: _Item) -> Unit[Any]:
        """Return the unit of this stage for `item`."""
        if item.outcome is None:
            return item.unit
        if self.stage.unit:
            return self.stage.unit(item.unit, item.outcome.value)
        key = f"{item.first.key}/{self.number + 1}"
        return replace(item.unit, key=key, payload=item.outcome.value, returns=None, prefix=None)


class _Item:
    """One item on its way: its first unit, that of the stage it is in, and what became of it so far."""

    def __init__(self, unit: Unit[Any]) -> None:
        self.first = unit
        self.unit = unit
        self.outcome: Outcome[Any] | None = None

    def advance(self, unit: Unit[Any], outcome: Outcome[Any]) -> Outcome[Any]:
        """Add a stage's outcome to those before."""
        if self.outcome is not None:
            outcome = _joined(self.outcome, outcome)
        self.unit, self.outcome = unit, outcome
        return outcome

    def fail(self, error: str) -> Outcome[Any]:
        """End the item between two stages."""
        if self.outcome is None:
            raise RuntimeError("an item has an outcome once it has passed a stage")
        return replace(self.outcome, status=Status.FAILED, value=None, error=error)


def _joined(before: Outcome[Any], after: Outcome[Any]) -> Outcome[Any]:
    """Return one outcome of two stages: the item's name and start, the later end, the sum of what was used."""
    return replace(
        after,
        key=before.key,
        label=before.label,
        kind=before.kind,
        usage=before.usage + after.usage,
        attempts=before.attempts + after.attempts,
        hedged=before.hedged or after.hedged,
        reused=before.reused and after.reused,
        queued_s=before.queued_s,
        started_s=before.started_s,
    )
