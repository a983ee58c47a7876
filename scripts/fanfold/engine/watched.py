"""A child process under watch: what it prints is bounded, what it takes is limited, what it starts ends with it."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from fanfold.engine.family import Family
from fanfold.engine.process import GRACE_S, LEAK_S, MAX_OUTPUT, Child, start

LOOK_S = 0.25
_CHUNK = 64 * 1024

Why: TypeAlias = Literal["exited", "timed_out", "out_of_memory"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take, in seconds and bytes; None is no limit.

    After `slow_s` it is said to be slow, after `timeout_s` it is ended, and so it is when it and its offspring have
    more than `memory_bytes` of memory. `grace_s` lies between SIGINT, SIGTERM and SIGKILL.
    """

    slow_s: float | None = None
    timeout_s: float | None = None
    memory_bytes: int | None = None
    grace_s: float = GRACE_S


@dataclass(frozen=True, slots=True)
class Watched:
    """A process that has ended, of itself or because of a limit.

    `returncode` is minus the signal's number when a signal ended it. Of an output that was too long the middle is
    missing. `strays` counts the processes that it left behind, which were killed.
    """

    returncode: int
    why: Why
    stdout: bytes
    stderr: bytes
    truncated: bool
    peak_bytes: int
    strays: int


class HeadAndTail:
    """Keeps the first and the last bytes of what is written, `limit` in all; never holds much more than that."""

    def __init__(self, limit: int) -> None:
        self.written = 0
        self._half = max(1, limit // 2)
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._in_tail = 0

    def write(self, data: bytes, /) -> None:
        self.written += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        for start_at in range(0, len(data), _CHUNK):
            self._append(data[start_at : start_at + _CHUNK])

    def _append(self, data: bytes) -> None:
        if self._tail and len(self._tail[-1]) + len(data) <= _CHUNK:
            self._tail[-1] += data
        else:
            self._tail.append(data)
        self._in_tail += len(data)
        while self._in_tail - len(self._tail[0]) >= self._half:
            self._in_tail -= len(self._tail.popleft())

    @property
    def truncated(self) -> bool:
        return self.written > len(self._head) + min(self._in_tail, self._half)

    def kept(self) -> bytes:
        """Return what is kept; in a line of its own it is said how much is missing."""
        tail = b"".join(self._tail)[-self._half :]
        missing = self.written - len(self._head) - len(tail)
        return bytes(self._head) + (b"\n[... %d bytes ...]\n" % missing if missing else b"") + tail

    def tail(self, size: int) -> bytes:
        """Return the last `size` bytes, or as many as there are."""
        return self.kept()[-size:]


async def run_watched(
    argv: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    limits: Limits = Limits(),
    mark: tuple[str, str] | None = None,
    slow: Callable[[float], object] | None = None,
    max_output: int = MAX_OUTPUT,
) -> Watched:
    """Run `argv` in `cwd` until it ends or breaks a limit; nothing of it is left when this returns.

    `mark` is a variable in `env` with a value that no other process has (see `Family`). `slow` is called, once, with
    the seconds that it has run when these are more than `limits.slow_s`. `max_output` bytes of either output are kept,
    half of them from its beginning and half from its end.

    Raises:
        FinalError: the program is missing or can't be started; `cwd` is no folder.
        TransientError: the machine is short of processes, memory or file descriptors.
    """
    out, err = HeadAndTail(max_output), HeadAndTail(max_output)
    child = await start(argv, cwd=cwd, env=env, out=out, err=err)
    family = Family(child.pid, mark)
    strays = 0
    try:
        why = await _until_over(child, family, limits, slow)
        if why != "exited":
            await family.end(child.within, limits.grace_s)
        await child.within(LEAK_S)
    finally:
        strays = await _ended(child, family, limits.grace_s)
    truncated = out.truncated or err.truncated
    return Watched(child.returncode, why, out.kept(), err.kept(), truncated, family.peak_bytes, strays)


async def _ended(child: Child, family: Family, grace_s: float) -> int:
    """Leave nothing behind, whatever happens meanwhile; returns how many had outlived the process itself."""
    try:
        strays = family.sweep() if child.exited.is_set() else 0
        await child.stop(grace_s)
    finally:
        family.sweep()
    return strays


async def _until_over(child: Child, family: Family, limits: Limits, slow: Callable[[float], object] | None) -> Why:
    """Wait for the end of the process, or for the limit that it breaks."""
    loop = asyncio.get_running_loop()
    began, told = loop.time(), limits.slow_s is None
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(_next_look(limits, loop.time() - began)):
                await child.exited.wait()
                return "exited"
        took = loop.time() - began
        used = family.look()
        if not told and limits.slow_s is not None and took >= limits.slow_s:
            told = True
            if slow:
                slow(took)
        if limits.timeout_s is not None and took >= limits.timeout_s:
            return "timed_out"
        if limits.memory_bytes is not None and used > limits.memory_bytes:
            return "out_of_memory"


def _next_look(limits: Limits, took: float) -> float:
    """Return how many seconds there are until something may have to be done."""
    due = [moment - took for moment in (limits.slow_s, limits.timeout_s) if moment is not None and moment > took]
    return min([LOOK_S, *due])
