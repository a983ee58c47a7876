"""Who needs whom: waiting for other units, and finding out that a wait can never end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


class Needs:
    """The units of one run by key, each open until it is settled: with None when it is ok, else with a reason.

    When every open unit waits for another one, nothing can move any more: a unit that waits for an unknown
    key, or a circle of units, is then settled with a reason that names it. Each wait is for one unit at a
    time, so that finding the circle is following one pointer.
    """

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._open: set[str] = set()
        self._settled: dict[str, str | None] = {}
        self._waits: dict[str, str] = {}
        self._waiting_for: dict[str, dict[str, asyncio.Future[None]]] = {}

    def add(self, key: str, label: str) -> None:
        """Take note of a unit."""
        self._labels[key] = label
        self._open.add(key)

    def settle(self, key: str, why_not: str | None) -> None:
        """Say what became of a unit; the first word stands."""
        self._open.discard(key)
        self._answer(key, why_not)
        self._check()

    async def wait(self, key: str, needs: Iterable[str]) -> str | None:
        """Let unit `key` wait until all of `needs` are ok; return None, or the reason why that can't be."""
        for need in needs:
            if need not in self._settled:
                await self._wait_for(key, need)
            if why_not := self._settled[need]:
                return why_not
        return None

    async def _wait_for(self, key: str, need: str) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waits[key] = need
        self._waiting_for.setdefault(need, {})[key] = answer
        self._check()
        try:
            await answer
        finally:
            self._waits.pop(key, None)
            self._waiting_for.get(need, {}).pop(key, None)

    def _answer(self, key: str, why_not: str | None) -> None:
        self._settled.setdefault(key, why_not)
        for waiter, answer in self._waiting_for.pop(key, {}).items():
            self._waits.pop(waiter, None)
            if not answer.done():
                answer.set_result(None)

    def _check(self) -> None:
        """If nothing can move any more, settle what keeps it from moving."""
        if not self._open or len(self._waits) < len(self._open):
            return
        path = [next(iter(self._waits))]
        while (need := self._waits[path[-1]]) in self._waits and need not in path:
            path.append(need)
        if need not in path:
            self._answer(need, f"needs {need}, which is no unit of this run")
            return
        circle = path[path.index(need) :]
        names = " → ".join(self._labels[key] for key in [*circle, need])
        for key in circle:
            self._answer(key, f"needs itself: {names}")
