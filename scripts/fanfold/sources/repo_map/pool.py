"""Reads many files on all cores, in processes that can be ended.

Each process reads one file after the other and is given a few ahead. When no answer comes in time, or the process ends,
the file that it was at gets a note, the others that it had go back, and another process takes its place. Processes and
no threads: parsing holds the interpreter's lock, and a parser that hangs can't be told to stop.

The largest files go first, so that none of them is left when the others are done (LPT, Graham 1969). Little work is
done right here: a process takes as long to start as half a megabyte of code to read.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fanfold.engine.process import Child, Head, start
from fanfold.errors import WorkerError
from fanfold.sources.files import Stamp
from fanfold.sources.repo_map.facts import bare_facts, encode
from fanfold.sources.repo_map.reading import Reading, content_key, load, read_file
from fanfold.sources.repo_map.worker import HEAD, READY, START
from fanfold.sources.text import decode

_LITTLE = 512 * 1024  # bytes that are read without starting a process
_LITTLE_EACH = 128 * 1024
_LONGEST_LINE = 2_000  # bytes; what no person wrote goes to a process that can be ended
_AHEAD = 256 * 1024  # bytes that a process is given ahead
_MOST_AHEAD = 32  # files
_MAX_ERRORS = 4_096  # bytes
_GRACE_S = 0.5
_START_S = 60.0


class Task(NamedTuple):
    """A file to be read, its size in bytes, and whether a person named it."""

    path: str
    size: int
    named: bool = False


Done = Callable[[str, Reading], object]


async def read_all(
    root: Path, tasks: Sequence[Task], done: Done, *, jobs: int | None = None, timeout_s: float = 20.0
) -> None:
    """Read files below a root and hand each to `done`, in any order, when it has been read.

    `jobs` is the number of processes, by default one for each core. A file that takes longer than `timeout_s` seconds,
    or takes its process down, is handed over with a note and without what can't be known.
    """
    if sum(task.size for task in tasks) <= _LITTLE and await asyncio.to_thread(_harmless, root, tasks):
        return await asyncio.to_thread(_read_here, root, tasks, done)
    largest_first = sorted(tasks, key=lambda task: (-task.size, task.path))
    crew = _Crew(root, deque(largest_first), done, timeout_s)
    members = min(jobs or cores(), len(tasks))
    async with asyncio.TaskGroup() as group:
        for _ in range(members):
            group.create_task(_member(crew))
    return await asyncio.to_thread(_read_here, root, tuple(crew.waiting), done)  # where no process could be started


def cores() -> int:
    """Return on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read_here(root: Path, tasks: Iterable[Task], done: Done) -> None:
    for task in tasks:
        done(task.path, read_file(root, task.path, named=task.named))


def _harmless(root: Path, tasks: Sequence[Task]) -> bool:
    """Tell whether all of these files look as if somebody wrote them by hand."""
    return all(task.size <= _LITTLE_EACH and _written(load(root, task.path)[0]) for task in tasks)


def _written(data: bytes | str) -> bool:
    return isinstance(data, str) or max(map(len, data.split(b"\n"))) <= _LONGEST_LINE


@dataclass(slots=True)
class _Crew:
    """What the processes have in common: where they read, and what is still to be read."""

    root: Path
    waiting: deque[Task]
    done: Done
    timeout_s: float


class _Answers:
    """Takes what a worker writes, and hands it out answer by answer."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.ready = False
        self._bytes = bytearray()

    def write(self, data: bytes) -> None:
        self._bytes += data
        if not self.ready and self._bytes.startswith(READY):
            del self._bytes[: len(READY)]
            self.ready = True
        self.came.set()

    def told(self, _: object) -> None:
        """Wake who waits for an answer: none will come any more."""
        self.came.set()

    def take(self) -> list[Reading]:
        """Return the whole answers that have come since the last time."""
        self.came.clear()
        taken: list[Reading] = []
        at = 0
        while len(self._bytes) >= at + HEAD.size:
            about, facts = HEAD.unpack_from(self._bytes, at)
            start, end = at + HEAD.size + about, at + HEAD.size + about + facts
            if len(self._bytes) < end:
                break
            content, size, stamp = json.loads(self._bytes[at + HEAD.size : start])
            taken.append(Reading(content, size, stamp and Stamp(*stamp), bytes(self._bytes[start:end])))
            at = end
        del self._bytes[:at]
        return taken


@dataclass(slots=True)
class _Worker:
    """One process, and the files that it has been given and not yet answered."""

    child: Child
    answers: _Answers
    given: deque[Task] = field(default_factory=deque)

    def fill(self, waiting: deque[Task]) -> None:
        """Give it files: one to read and one ahead at the least, more of small ones."""
        ahead = sum(task.size for task in self.given)
        while waiting and len(self.given) < _MOST_AHEAD and (ahead < _AHEAD or len(self.given) < 2):  # noqa: PLR2004  as said
            task = waiting.popleft()
            self.given.append(task)
            ahead += task.size
            self.child.send(json.dumps([task.path, task.named]).encode() + b"\n")


async def _member(crew: _Crew) -> None:
    """Keep one process at work, and another in its place if it ends, until there is nothing to read."""
    while crew.waiting:
        answers = _Answers()
        try:
            child = await _begun(crew.root, answers)
        except WorkerError:
            return
        worker = _Worker(child, answers)
        exited = asyncio.ensure_future(child.exited.wait())
        exited.add_done_callback(answers.told)
        try:
            if not await _ready(worker):
                return
            why = await _served(crew, worker)
        finally:
            exited.cancel()
            await child.stop(_GRACE_S)
        if worker.given:
            task = worker.given.popleft()
            crew.waiting.extendleft(reversed(worker.given))
            crew.done(task.path, await asyncio.to_thread(_noted, crew.root, task.path, why))


async def _begun(root: Path, answers: _Answers) -> Child:
    # No relative entry: it would lead into whatever repository is mapped.
    path = [entry for entry in sys.path if Path(entry).is_absolute()]
    argv = (sys.executable, "-I", "-c", START, *path)
    child = await start(argv, cwd=root, out=answers, err=Head(_MAX_ERRORS), piped=True)
    child.send(json.dumps(os.fspath(root)).encode() + b"\n")
    return child


async def _ready(worker: _Worker) -> bool:
    """Wait until a process has loaded what it needs, which is no file's time; False for one that does not come up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            while not (worker.answers.ready or worker.child.exited.is_set()):
                await worker.answers.came.wait()
                worker.answers.came.clear()
    return worker.answers.ready


async def _served(crew: _Crew, worker: _Worker) -> str:
    """Have a process read until nothing waits; returns why it was left with files that it did not answer."""
    while True:
        worker.fill(crew.waiting)
        if not worker.given:
            return ""
        try:
            async with asyncio.timeout(crew.timeout_s):
                await worker.answers.came.wait()
        except TimeoutError:
            return f"reading it took longer than {crew.timeout_s:g} s, so it was not parsed"
        if ended := worker.child.exited.is_set():
            await worker.child.within(_GRACE_S)
        for reading in worker.answers.take():
            crew.done(worker.given.popleft().path, reading)
        if ended:
            return "the process that parsed it ended, so it was not parsed"


def _noted(root: Path, path: str, why: str) -> Reading:
    """Return what can be said of a file that can't be parsed."""
    data, stamp = load(root, path)
    if isinstance(data, str):
        return Reading("", stamp.size if stamp else 0, stamp, encode(data))
    text = decode(data)
    facts = "binary" if text is None else bare_facts(path, text, why)
    return Reading(content_key(data), len(data), stamp, encode(facts))
