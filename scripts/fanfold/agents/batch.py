"""The `batch` backend: Message Batches at half price, for work that can wait.

What is asked within a moment is submitted together. A submission is recorded before anybody waits for it, so a run that
was stopped, or killed, finds its batch again, the next day as well: the same request is then waited for, not sent anew.
A batch is forgotten request by request, each when its answer was handed out, so nothing that was paid for gets lost.
A request that expired or failed on the server's side is asked again by the engine, and goes into the next batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fanfold import errors
from fanfold.agents.api_errors import error_of
from fanfold.agents.api_stream import foreign_errors_mapped, turn_of, usage_of
from fanfold.agents.batch_ledger import Ledger, Request, chunks, custom_id
from fanfold.agents.connection import Connection
from fanfold.agents.conversation import Turn
from fanfold.agents.loop import converse
from fanfold.agents.spec import A, AgentSpec, Answered
from fanfold.engine.attempt import Attempt
from fanfold.models import Usage

if TYPE_CHECKING:
    from fanfold.agents.backends import Premises

# What comes within so many seconds of the last request goes into the same batch.
GATHER_S = 0.5
FIRST_POLL_S = 1.0
MOST_POLL_S = 60.0
_POLL_GROWTH = 1.5
# How long the end of a run waits for the server's word that it has taken a batch, which is paid for from then on.
SETTLE_S = 30.0
_PULSE_S = 20.0


@dataclass(slots=True)
class _Waiting:
    """Who waits for the results of one batch, by custom id, and whose answer was handed out."""

    places: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    handed: set[str] = field(default_factory=set)
    poller: asyncio.Task[None] | None = None

    def deliver(self, name: str, result: Any) -> None:
        """Give a result to whoever waits for it."""
        place = self.places.get(name)
        if place is not None and not place.done():
            place.set_result((self, result))


class BatchBackend:
    """Single-turn sub-agents in Message Batches."""

    name = "batch"
    interactive = False
    most = None

    def __init__(self, premises: Premises) -> None:
        self._ledger = Ledger(premises.folder / "batches")
        self._connection = Connection()
        self._gathered: dict[str, tuple[Request, asyncio.Future[Any]]] = {}
        self._under_way: dict[str, asyncio.Future[Any]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._submitting: set[asyncio.Task[None]] = set()
        self._batches: dict[str, _Waiting] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the models, and of batches that go on without this process."""
        return self._connection.notes

    async def ask(self, spec: AgentSpec[A], attempt: Attempt) -> Answered[A]:
        """Have the spec answered in a batch; see `Backend.ask`."""
        return await converse(spec, attempt, self._speak, None)

    async def close(self) -> None:
        """Stop waiting; what is under way is picked up by the next run, what was handed out is forgotten."""
        if self._timer:
            self._timer.cancel()
        await self._settle()
        pollers = [waiting.poller for waiting in self._batches.values() if waiting.poller]
        for task in pollers:
            task.cancel()
        await asyncio.gather(*pollers, return_exceptions=True)
        for batch, waiting in self._batches.items():
            self._ledger.strike(batch, waiting.handed)
            if any(self._ledger.has(batch, name) for name in waiting.places):
                self._connection.note([f"batch {batch} goes on: run the same command again to take up its answers"])
        await self._connection.close()

    async def _settle(self) -> None:
        """Let submissions come to their end: the server may have taken a batch that nothing has recorded yet."""
        if not self._submitting:
            return
        _, late = await asyncio.wait(self._submitting, timeout=SETTLE_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if late:
            said = "the server did not say whether it took the last batch: it may be paid for, and asked anew"
            self._connection.note([said])

    async def _speak(self, request: dict[str, Any], attempt: Attempt, spend: Callable[[Usage], None]) -> Turn:
        """Wait for the result of a request, which may be in a batch already."""
        attempt.began()  # there is no cache entry to wait for, and nothing to hedge
        # By its name a request is found again, whether or not the model can be asked then what it knows.
        name = custom_id(request)
        place = self._place(name, await self._connection.fit(request))
        while not place.done():
            await asyncio.wait([place], timeout=_PULSE_S)
            attempt.alive()
        waiting, result = place.result()
        turn = _turn(result, request["model"], spend)
        waiting.handed.add(name)
        return turn

    def _place(self, name: str, request: Request) -> asyncio.Future[Any]:
        """Return where the result will be: in a batch that was submitted, or in the next one."""
        for batch in self._ledger.holding(name):
            return self._wait(batch, name)
        if name in self._under_way:
            return self._under_way[name]
        if name not in self._gathered:
            self._gathered[name] = (request, asyncio.get_running_loop().create_future())
            self._again()
        return self._gathered[name][1]

    def _wait(self, batch: str, name: str) -> asyncio.Future[Any]:
        """Return where a batch's result will be; where asking for it failed, it is asked for again."""
        loop = asyncio.get_running_loop()
        waiting = self._batches.setdefault(batch, _Waiting())
        place = waiting.places.get(name)
        if place is None or (place.done() and place.exception()):
            place = waiting.places[name] = loop.create_future()
        if not place.done() and (waiting.poller is None or waiting.poller.done()):
            waiting.poller = loop.create_task(self._poll(batch, waiting))
        return place

    # -- submitting

    def _again(self) -> None:
        """Wait a moment for others."""
        loop = asyncio.get_running_loop()
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_later(GATHER_S, self._start)

    def _start(self) -> None:
        self._timer = None
        gathered, self._gathered = self._gathered, {}
        for group in chunks({name: request for name, (request, _) in gathered.items()}):
            places = {name: gathered[name][1] for name in group}
            self._under_way |= places
            task = asyncio.get_running_loop().create_task(self._submit(group, places))
            self._submitting.add(task)
            task.add_done_callback(self._submitting.discard)

    async def _submit(self, group: dict[str, Request], places: dict[str, asyncio.Future[Any]]) -> None:
        """Submit one batch, and record it before anybody waits for it."""
        requests: Any = [{"custom_id": name, "params": request} for name, request in group.items()]
        try:
            with foreign_errors_mapped():
                batch = await self._connection.client().messages.batches.create(requests=requests)
            self._ledger.note(batch.id, group)
        except errors.WorkerError as error:
            _fail(places, error)
            return
        finally:
            # From here on the ledger knows them, or nobody does.
            for name in group:
                del self._under_way[name]
        waiting = self._batches.setdefault(batch.id, _Waiting())
        waiting.places.update(places)
        waiting.poller = asyncio.get_running_loop().create_task(self._poll(batch.id, waiting))

    # -- collecting

    async def _poll(self, batch: str, waiting: _Waiting) -> None:
        """Ask until the batch has ended, ever more rarely; then hand out its results."""
        try:
            await self._until_ended(batch)
            await self._collect(batch, waiting)
        except errors.NotFound:
            # The server keeps results for a month.
            self._ledger.forget(batch)
            self._batches.pop(batch, None)
            _fail(waiting.places, errors.ConnectionLost(f"the batch {batch} is gone"))
            return
        except errors.WorkerError as error:
            _fail(waiting.places, error)
            return
        _fail(waiting.places, errors.Overloaded("the batch ended without a result for this request"))

    async def _until_ended(self, batch: str) -> None:
        pause_s = FIRST_POLL_S
        while True:
            try:
                with foreign_errors_mapped():
                    state = await self._connection.client().messages.batches.retrieve(batch)
                if state.processing_status == "ended":
                    return
            except errors.TransientError:
                pass  # the batch goes on whether or not it can be asked for
            await asyncio.sleep(pause_s)
            pause_s = min(MOST_POLL_S, pause_s * _POLL_GROWTH)

    async def _collect(self, batch: str, waiting: _Waiting) -> None:
        """Hand out what the batch has; what failed in it is struck from the ledger first, so that it is asked again."""
        failed = {}
        with foreign_errors_mapped():
            async for told in await self._connection.client().messages.batches.results(batch):
                if told.result.type == "succeeded":
                    waiting.deliver(told.custom_id, told.result)
                else:
                    failed[told.custom_id] = told.result
        self._ledger.strike(batch, failed)
        for name, result in failed.items():
            waiting.deliver(name, result)


def _turn(result: Any, model: str, spend: Callable[[Usage], None]) -> Turn:
    """Return a result as a turn. Raises WorkerError when it is none."""
    if result.type == "succeeded":
        spend(usage_of(result.message, model, batch=True))
        return turn_of(result.message, model, batch=True)
    if result.type == "errored":
        raise error_of(result.error.error.type, result.error.error.message)
    if result.type == "expired":
        raise errors.Overloaded("the request expired before its batch came to it")
    raise errors.ConnectionLost(f"the request was {result.type}")


def _fail(places: Mapping[str, asyncio.Future[Any]], error: errors.WorkerError) -> None:
    """Fail whoever has no result; the engine asks again."""
    for place in places.values():
        if not place.done():
            place.set_exception(error)
            # Nobody may look at it any more: a run that is being stopped.
            place.exception()
