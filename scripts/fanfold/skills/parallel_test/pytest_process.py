"""The processes that run a pytest suite: one that collects, and workers.

The process that collects becomes the server of the others: they are made from it by fork, with everything imported and
collected, in milliseconds. Where a fork would share what must not be shared (the reporter says so), it becomes the
first worker itself, and the others are started like it, each with the files of its shard to collect.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fanfold.engine.family import Family
from fanfold.engine.process import Child, start
from fanfold.engine.watched import HeadAndTail
from fanfold.errors import FinalError
from fanfold.runners.pytest.collection import Collection, CollectionReader
from fanfold.skills.parallel_test.conversation import Conversation, Message
from fanfold.skills.parallel_test.isolation import Seat, Seats

INJECTED = Path(__file__).parents[2] / "runners" / "pytest" / "injected"
PLUGIN = "fanfold_reporter"
OUTPUT = 256 * 1024
_CAPTURED = 8 * 1024 * 1024
_TAIL = 4_000
_INTERNAL = 300
# The end of a session may have containers to stop.
_QUIT_S = 30.0
_KILL_S = 1.0
# What a run that is stopped waits for tests to tear down what they have set up: servers, containers, files.
_STOP_S = 3.0


@dataclass(frozen=True, slots=True)
class Launch:
    """How pytest is called for a suite: `variables` are the whole environment, `root` the repository's.

    `coverage` is as in `Settings`, and `put_there` says how pytest gets there, "" for by pip.
    """

    argv: tuple[str, ...]
    folder: Path
    root: Path
    variables: Mapping[str, str]
    coverage: Path | None = None
    put_there: str = ""


@dataclass
class Worker:
    """A process that runs tests, one shard after the other.

    `exited` is done, with the return code, when the process has ended. `output` is what it prints outside of tests.
    `indices` translates the suite's index of a test into the process's own, None when they are the same.
    """

    seat: Seat
    talk: Conversation
    family: Family
    exited: asyncio.Future[int]
    output: HeadAndTail
    forked: bool
    indices: Mapping[int, int] | None = None
    last_tests: list[int] = field(default_factory=list)
    late: list[Message] = field(default_factory=list)

    def look(self) -> int:
        """Look after the process: returns its memory in bytes, and cuts what it has captured too much of."""
        for suffix in (".out", ".err"):
            path = self.seat.captures + suffix
            with suppress(OSError):
                if os.path.getsize(path) > _CAPTURED:  # noqa: PTH202
                    os.truncate(path, 0)
        return self.family.look()

    def tail(self) -> str:
        """Return the last that was printed: by the test that was running, then by the process."""
        parts = []
        for title, suffix in (("stdout", ".out"), ("stderr", ".err")):
            with suppress(OSError), Path(self.seat.captures + suffix).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                parts.append((f"captured {title}", file.read()))
        parts.append(("output of the process", self.output.tail(_TAIL)))
        return "\n".join(
            f"--- {title} ---\n{data.decode('utf-8', 'replace').strip()}" for title, data in parts if data.strip()
        )

    async def until(self, told: asyncio.Future[Any]) -> None:
        """Wait until something is told, or the process has ended without telling it."""
        await asyncio.wait([told, self.exited], return_when=asyncio.FIRST_COMPLETED)
        self.talk.read()

    async def within(self, seconds: float) -> None:
        """Wait until the process has ended, at most so long."""
        await asyncio.wait([self.exited], timeout=seconds)

    async def leave(self) -> None:
        """Let it tear down and go; whoever does not, or has left something behind, is ended."""
        self.talk.hear = self.hear_late
        self.talk.tell({"do": "end"})
        await self.within(_QUIT_S)
        await self.ended()

    def hear_late(self, message: Message) -> None:
        """Keep what is told once the tests are over."""
        if message["event"] == "phase":
            self.late.append(message)

    async def ended(self) -> int:
        """See to it that nothing of it is left; returns its return code."""
        self.family.sweep()
        await self.within(_KILL_S)
        self.talk.close()
        return self.exited.result() if self.exited.done() else -signal.SIGKILL


class PytestSuite:
    """The processes of one suite in one environment."""

    def __init__(self, launch: Launch, seats: Seats) -> None:
        self.launch = launch
        self.notes: list[str] = []
        self._seats = seats
        self._first: Worker | None = None
        self._serves = False
        self._forking = asyncio.Lock()
        self._forked: dict[int, asyncio.Future[int]] = {}
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._transports: list[asyncio.BaseTransport] = []
        self._stopping: list[asyncio.Task[None]] = []

    @property
    def can_fork(self) -> bool:
        """Tell whether a new worker costs next to nothing."""
        return self._serves

    # -- collecting

    async def collect(self, limit_s: float | None) -> Collection:
        """Start pytest and return what it collects, in at most `limit_s` seconds.

        Raises:
            FinalError: it can't be started, or ends without a collection; the message has its last words.
            TimeoutError: it takes too long.
        """
        self._first, collection = await self._started(None, limit_s)
        if collection.no_fork is None:
            self._serves = True
            self._seats.share(self._first.seat)
            self._first.talk.hear = self._hear_of_children
        else:
            self.notes.append(f"workers start one by one, and not by fork: {collection.no_fork}")
        return collection

    async def _started(self, files: Sequence[str] | None, limit_s: float | None) -> tuple[Worker, Collection]:
        """Start a pytest of its own in a new place, and wait for its collection."""
        reader = CollectionReader(self.launch.root, self.launch.folder)
        found: asyncio.Future[Collection] = asyncio.get_running_loop().create_future()

        def hear(message: Message) -> None:
            collection = reader.hear(message)
            if collection is not None and not found.done():
                found.set_result(collection)

        worker = await self._spawn(files, hear)
        try:
            async with asyncio.timeout(limit_s):
                await worker.until(found)
            collection = _collected(found, worker, self.launch.put_there)
        except BaseException:
            await self.drop(worker)
            raise
        return worker, collection

    async def _spawn(self, files: Sequence[str] | None, hear: Callable[[Message], object]) -> Worker:
        seat = self._seats.take()
        talk, theirs = await Conversation.open(hear)
        with theirs:
            ends = (talk.messages, theirs.fileno())
            settings = self._settings(seat, ends, files)
            variables = {**self.launch.variables, **self._seats.variables(seat, self.launch.variables), **settings}
            output = HeadAndTail(OUTPUT)
            argv = (*self.launch.argv, "-p", PLUGIN)
            try:
                child = await start(
                    argv,
                    cwd=self.launch.folder,
                    env=variables,
                    out=output,
                    err=output,
                    pass_fds=ends,
                )
            except BaseException:
                talk.close()
                self._seats.leave(seat)
                raise
        exited = asyncio.ensure_future(_exit_of(child))
        return Worker(seat, talk, Family(child.pid, seat.mark), exited, output, forked=False)

    def _settings(self, seat: Seat, ends: tuple[int, int], files: Sequence[str] | None) -> dict[str, str]:
        """Write the reporter's settings; returns the variables by which it comes in."""
        before = self.launch.variables.get("PYTHONPATH")
        said = {
            "messages": ends[0],
            "socket": ends[1],
            "files": files,
            "capture": seat.captures,
            "worker": self._seats.workerinput(seat),
            "python_path": before,
            "ports": str(self._seats.folder),
            "coverage": str(self.launch.coverage) if self.launch.coverage else None,
        }
        path = seat.folder / "pytest.json"
        path.write_text(json.dumps(said), encoding="utf-8")
        python_path = os.pathsep.join([before, str(INJECTED)] if before else [str(INJECTED)])
        return {"FANFOLD_PYTEST": str(path), "PYTHONPATH": python_path}

    # -- workers

    async def worker(self, tests: Sequence[tuple[int, str, int, str]], *, new: bool = False) -> Worker:
        """Return a worker that can run `tests`, given as index, node id, number among those of its name, and file.

        `new` asks for a process that has run nothing.

        Raises:
            FinalError: the process does not start, or its tests are not there.
        """
        if self._serves and self._first and not self._first.exited.done():
            return await self._fork(self._first)
        if self._serves:
            self._serves, self._first = False, None
            self.notes.append("the process that had collected the tests ended, so that workers start one by one")
        if self._first and not new and not self._first.exited.done():
            worker, self._first = self._first, None
            return worker
        worker, collection = await self._started(list(dict.fromkeys(path for *_, path in tests)), None)
        places = {(test.nodeid, test.nth): test.index for test in collection.tests}
        worker.indices = {index: places[node, nth] for index, node, nth, _ in tests if (node, nth) in places}
        return worker

    async def _fork(self, server: Worker) -> Worker:
        """Have the server make a worker."""
        seat = self._seats.take()
        async with self._forking:
            talk, theirs = await Conversation.open()
            output = HeadAndTail(OUTPUT)
            reading, writing = os.pipe()
            with theirs:
                self._forked[seat.number] = told = asyncio.get_running_loop().create_future()
                command = {
                    "do": "fork",
                    "worker": seat.number,
                    "variables": self._seats.variables(seat, self.launch.variables),
                    "input": self._seats.workerinput(seat),
                    "capture": seat.captures,
                }
                server.talk.tell(command, [talk.messages, theirs.fileno(), writing])
                os.close(writing)
                await self._read(reading, output)
                await server.until(told)
            if not told.done():
                self._seats.leave(seat)
                raise FinalError(f"the process that collected the tests ended: {server.tail()}")
            pid = told.result()
        return Worker(seat, talk, Family(pid, seat.mark), self._exits[pid], output, forked=True)

    async def _read(self, descriptor: int, output: HeadAndTail) -> None:
        """Keep what comes out of a pipe."""
        pipe = os.fdopen(descriptor, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: _Reading(output), pipe)
        self._transports.append(transport)

    def _hear_of_children(self, message: Message) -> None:
        if message["event"] == "forked":
            self._exits[message["pid"]] = asyncio.get_running_loop().create_future()
            told = self._forked.pop(message["worker"], None)
            if told and not told.done():
                told.set_result(message["pid"])
        elif message["event"] == "exit" and not self._exits[message["pid"]].done():
            self._exits[message["pid"]].set_result(message["code"])

    async def leave(self, worker: Worker) -> None:
        """Let a worker tear down and end."""
        await worker.leave()
        self._seats.leave(worker.seat)

    async def drop(self, worker: Worker) -> None:
        """End a worker at once."""
        await worker.ended()
        self._seats.leave(worker.seat)

    def stop(self, worker: Worker) -> None:
        """Begin to end a worker in the middle of its tests, which `close` waits for."""
        worker.talk.hear = worker.hear_late
        self._stopping.append(asyncio.get_running_loop().create_task(self._torn_down(worker)))

    async def _torn_down(self, worker: Worker) -> None:
        """Interrupt a worker as Ctrl-C does a plain pytest, which then tears down what is set up; end it after that."""
        try:
            if not worker.exited.done():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(worker.family.pid, signal.SIGINT)
                await worker.within(_STOP_S)
        finally:
            await self.drop(worker)

    async def close(self, *, politely: bool) -> None:
        """End the process that collected: let it tear down, or at once, which ends the waiting for it as well."""
        # Who tears down is a child of the process that collected, which would take it along.
        await asyncio.gather(*self._stopping)
        if self._first is not None:
            await (self.leave(self._first) if politely else self.drop(self._first))
            self._first = None
        for transport in self._transports:
            transport.close()


class _Reading(asyncio.Protocol):
    def __init__(self, output: HeadAndTail) -> None:
        self._output = output

    def data_received(self, data: bytes) -> None:
        self._output.write(data)


async def _exit_of(child: Child) -> int:
    """Wait for a child's own end, and release what belongs to it."""
    try:
        await child.exited.wait()
        await child.within(0.2)
    finally:
        await child.stop(0)
    return child.returncode


def _collected(found: asyncio.Future[Collection], worker: Worker, put_there: str) -> Collection:
    if not found.done():
        raise FinalError(_why_not_collected(worker, put_there or _BY_PIP))
    return found.result()


_BY_PIP = (
    "install the project and its tests' packages into .venv, as with"
    " `python3 -m venv .venv && .venv/bin/pip install -e . pytest`, or activate the environment that has them"
)
_FRAME = re.compile(r'^\s+File "')
_RAISED = re.compile(r"^[\w.]+: ")
_NO_PYTEST = re.compile(r"^(.+): No module named pytest$", re.MULTILINE)


def _why_not_collected(worker: Worker, put_there: str) -> str:
    if lacking := _NO_PYTEST.search(worker.tail()):
        return f"{lacking[1]} has no pytest: {put_there}"
    code = worker.exited.result() if worker.exited.done() else None
    how = "ended" if code is None else f"ended with {code}" if code >= 0 else f"was ended by {signal_name(-code)}"
    return f"pytest {how} before it had collected its tests{_said_last(worker.tail())}"


def _said_last(tail: str) -> str:
    """Return what is worth repeating: of an error inside of pytest, or a traceback, the line that says what it was."""
    stack = [line.partition("INTERNALERROR>")[2].strip() for line in tail.splitlines() if "INTERNALERROR>" in line]
    said = [line for line in stack if line]
    if not said:
        lines = [line for line in tail.splitlines() if line.strip()]
        raised = _RAISED.match(lines[-1]) if lines and any(_FRAME.match(line) for line in lines) else None
        return f": {lines[-1][:_INTERNAL]}" if raised else f"\n{tail}".rstrip()
    places = [line for line in said if line.startswith('File "')]
    return f": INTERNALERROR: {said[-1][:_INTERNAL]}" + (f" ({places[-1]})" if places else "")


def signal_name(number: int) -> str:
    """Return `SIGSEGV` for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
