"""The store: outcomes by content key, durable before anyone sees them.

    async with SqliteStore(root / ".fanfold", events=log) as store:
        outcomes = await fan_out(units, worker, supervisor=Supervisor(store=store))

SQLite works in one thread of its own. What is asked while it serves a group of requests makes up the next group, and a
group shares one commit: a put takes as long as the disk does, and a thousand of them little longer.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

from fanfold.engine.desk import Bug, Desk, Request
from fanfold.engine.ports import Events
from fanfold.engine.rows import REUSABLE, Unstorable, encode
from fanfold.models import Outcome, Unit, Usage


class SqliteStore:
    """Keeps outcomes in `folder`/store.db, which is opened when it is first needed.

    An outcome is on the disk when `put` returns. A key's first outcome stands, whichever run puts it; one that its
    unit's `returns` no longer accepts, or that was not sealed with the user's secret, is as good as absent. `fresh`
    reuses nothing from before and replaces it. `secret` stands in for the user's (`folder.user_secret`).

    A unit's `stands` is asked before a value is reused; one that doesn't stand any more gives way to the next.

    A store that can't be opened or written never stops the run: outcomes stay in memory, `problems` says why, once,
    and so does a `store.failed` event. `saved` adds up what the reused outcomes cost when they were made. A store
    belongs to one event loop, and is to be closed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        events: Events | None = None,
        fresh: bool = False,
        secret: bytes | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.problems: list[str] = []
        self.saved = Usage()
        self._events = events
        self._now = now
        self._desk = Desk(folder, secret, since=now() if fresh else None)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="fanfold-store")
        self._waiting: list[tuple[Request, asyncio.Future[Any]]] = []
        self._group: asyncio.Future[Any] | None = None
        self._closed = False
        self._unstorable = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def get(self, unit: Unit[Any]) -> Outcome[Any] | None:
        """Return the outcome that is kept for `unit`, marked as reused and free of charge, or None."""
        if unit.returns is None:
            return None
        found: tuple[Outcome[Any], Usage] | None = await self._ask(partial(self._desk.get, unit))
        if found is None:
            return None
        outcome, usage = found
        if not await _stands(unit, outcome):
            await self._ask(partial(self._desk.spoil, unit.key))
            return None
        self.saved += usage
        return outcome

    async def put(self, unit: Unit[Any], outcome: Outcome[Any]) -> None:
        """Keep `outcome` if it will be the same next time; it is durable when this returns."""
        if unit.returns is None or outcome.reused or outcome.status not in REUSABLE:
            return
        now = self._now()
        try:
            row = encode(unit, outcome, now)
        except Unstorable as error:
            self._tell_once(str(error))
            return
        took_s = outcome.ended_s - outcome.started_s
        seconds = took_s if outcome.ok and _is_duration(took_s) else None
        await self._ask(partial(self._desk.put, row, seconds, now), writes=True)

    async def durations(self, kind: str) -> dict[str, float]:
        """Return how long units of `kind` took, in seconds by label: moving averages over all runs."""
        known: dict[str, float] = await self._ask(partial(self._desk.durations, kind))
        return known

    async def note_durations(self, kind: str, seconds: Mapping[str, float]) -> None:
        """Take `seconds` by label into the moving averages; `put` does so for the unit itself."""
        usable = {label: value for label, value in seconds.items() if _is_duration(value)}
        await self._ask(partial(self._desk.note_durations, kind, usable, self._now()), writes=True)

    async def close(self) -> None:
        """Finish what was asked, write what could not be written before, and let go of file and thread."""
        if self._closed:
            return
        self._closed = True
        try:
            while self._group is not None:
                await asyncio.wait([self._group])
        finally:
            # Also when nobody waits any more: what was paid for is written before the thread ends.
            await self._close_desk()

    async def _close_desk(self) -> None:
        waiting, self._waiting = self._waiting, []
        for _, place in waiting:
            place.cancel()
        try:
            self._tell(await asyncio.get_running_loop().run_in_executor(self._thread, self._desk.close))
        finally:
            self._thread.shutdown()

    # -- groups of requests

    def _ask(self, answer: Callable[..., Any], *, writes: bool = False) -> asyncio.Future[Any]:
        if self._closed:
            raise RuntimeError("the store is closed")
        loop = asyncio.get_running_loop()
        place: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((Request(answer, writes), place))
        if self._group is None:
            # Not now but next: what else is asked in this step of the loop joins the group.
            self._group = loop.create_future()
            loop.call_soon(self._serve)
        return place

    def _serve(self) -> None:
        group, self._waiting = self._waiting, []
        served = asyncio.get_running_loop().run_in_executor(
            self._thread, self._desk.serve, [request for request, _ in group]
        )
        served.add_done_callback(partial(self._served, [place for _, place in group]))

    def _served(self, places: list[asyncio.Future[Any]], served: asyncio.Future[tuple[list[Any], list[str]]]) -> None:
        failure = served.exception()
        answers, notes = ([Bug(failure)] * len(places), []) if failure else served.result()
        for place, answer in zip(places, answers, strict=True):
            if place.done():
                continue
            if isinstance(answer, Bug):
                place.set_exception(answer.error)
            else:
                place.set_result(answer)
        if self._waiting:
            self._serve()
        elif self._group:
            self._group.set_result(None)
            self._group = None
        self._tell(notes)

    def _tell_once(self, note: str) -> None:
        """Tell of the first value that can't be kept: when one can't, its worker's others can't either."""
        if not self._unstorable:
            self._unstorable = True
            self._tell([note])

    def _tell(self, notes: list[str]) -> None:
        for note in notes:
            self.problems.append(note)
            if self._events:
                self._events.emit("store.failed", None, error=note)


async def _stands(unit: Unit[Any], outcome: Outcome[Any]) -> bool:
    """Ask whether a stored value still stands; when that can't be told it doesn't."""
    if unit.stands is None or not outcome.ok:
        return True
    try:
        return await unit.stands(outcome.value)
    except Exception:  # noqa: BLE001  whatever keeps it from being told, the work is done again
        return False


def _is_duration(seconds: float) -> bool:
    return 0 < seconds < math.inf
