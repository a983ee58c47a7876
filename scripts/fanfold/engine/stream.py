"""What the streaming patterns share: outcomes come as they end, and leaving ends all that still runs."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Generic, Self, TypeVar

from fanfold.models import Outcome

T = TypeVar("T")


class Stream(ABC, Generic[T]):
    """Outcomes as they end. `async with` bounds the life of everything behind it; `async for` alone does too.

        async with fan_out(units, worker) as outcomes:
            async for outcome in outcomes:
                ...

    Leaving the block, by its end, `break`, an exception or a cancellation, cancels what still runs and
    waits for that. Without the block, `break` lets go of the loop's generator, and asyncio ends the rest in
    the background right after.
    """

    def __init__(self, *, ahead: int = 0) -> None:
        self._ended: asyncio.Queue[Outcome[T] | None] = asyncio.Queue(ahead)
        self._driver: asyncio.Task[None] | None = None

    @abstractmethod
    async def _drive(self) -> None:
        """Do all the work, and `_tell` each outcome."""

    async def __aenter__(self) -> Self:
        if self._driver is not None:
            raise RuntimeError("outcomes stream once")
        self._driver = asyncio.get_running_loop().create_task(self._drive(), name=type(self).__name__)
        self._driver.add_done_callback(self._end)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._driver is None:
            return
        self._driver.cancel()
        await asyncio.wait([self._driver])
        if not self._driver.cancelled() and (error := self._driver.exception()):
            raise _sole(error)

    def __aiter__(self) -> AsyncIterator[Outcome[T]]:
        return self._owned() if self._driver is None else self

    async def __anext__(self) -> Outcome[T]:
        if self._driver is None or (self._driver.done() and self._ended.empty()):
            raise StopAsyncIteration
        outcome = await self._ended.get()
        if outcome is None:
            raise StopAsyncIteration
        return outcome

    async def _owned(self) -> AsyncIterator[Outcome[T]]:
        async with self:
            async for outcome in self:
                yield outcome

    async def _tell(self, outcome: Outcome[T]) -> None:
        await self._ended.put(outcome)

    def _end(self, _driver: object) -> None:
        """Wake whoever waits for one more outcome; nobody does while there is one."""
        if self._ended.empty():
            self._ended.put_nowait(None)


def _sole(error: BaseException) -> BaseException:
    """Return the one error in nested groups of one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
