"""A process and all that it has started: found, weighed, and ended together.

A signal to a process group misses whoever has left it: a daemon in a session of its own, a child of a child that has
ended. Three nets catch those: the offspring is looked at again and again while it is alive, and remembered; everything
in the process's session belongs to it; and so does whatever carries `mark`, a variable that a process inherits by
being started. Processes are known by number and time of start, so that a number which is used again is not mistaken.
"""

from __future__ import annotations

import os
import signal
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_FAMILIES: weakref.WeakSet[Family] = weakref.WeakSet()


def sweep_all() -> None:
    """Kill every family that is left, at once, and wait for nobody: for who leaves without an end of its own."""
    for family in list(_FAMILIES):
        family.sweep()


class Family:
    """The process `pid`, which leads a session of its own, and its offspring.

    `mark` is the name and the value of an environment variable that only this family has, None when there is none.
    """

    def __init__(self, pid: int, mark: tuple[str, str] | None = None) -> None:
        self.pid = pid
        self.peak_bytes = 0
        self._mark = mark
        self._known: dict[int, psutil.Process] = {}
        _FAMILIES.add(self)

    def look(self) -> int:
        """Remember the offspring; returns the memory of all, in bytes, each counted with what it shares."""
        total = 0
        for pid in (self.pid, *_offspring(self.pid)):
            with suppress(psutil.Error):
                process = self._known.get(pid) or psutil.Process(pid)
                self._known[pid] = process
                total += process.memory_info().rss
        self.peak_bytes = max(self.peak_bytes, total)
        return total

    def signal(self, number: int) -> None:
        """Signal everyone in the group, and whoever is remembered outside of it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
        for process in self._known.values():
            with suppress(psutil.Error, ProcessLookupError):
                if os.getpgid(process.pid) != self.pid:
                    process.send_signal(number)

    async def end(self, within: Callable[[float], Awaitable[object]], grace_s: float) -> None:
        """End it: SIGINT to the process itself, SIGTERM, SIGKILL to all, each `grace_s` seconds after the other.

        `within` waits until the process has ended, at most so many seconds. SIGINT comes first because test runners
        then still say where they were.
        """
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGINT)
        await within(grace_s)
        if self._is_alive():
            self.look()
            self.signal(signal.SIGTERM)
            await within(grace_s)
        self.sweep()
        await within(grace_s)

    def sweep(self) -> int:
        """Kill whoever is left, wherever they went; returns how many there were."""
        gone: set[int] = set()
        # Killing one may leave others behind that it had just started: look until nobody is found.
        while left := [process for process in self._left() if process.pid not in gone]:
            for process in left:
                gone.add(process.pid)
                with suppress(psutil.Error):
                    process.kill()
        _FAMILIES.discard(self)
        return len(gone)

    def _is_alive(self) -> bool:
        try:
            return psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def _left(self) -> Iterator[psutil.Process]:
        for pid in psutil.pids():
            if pid == os.getpid():
                continue
            with suppress(psutil.Error, OSError):
                process = psutil.Process(pid)
                if self._belongs(process) and process.status() != psutil.STATUS_ZOMBIE:
                    yield process

    def _belongs(self, process: psutil.Process) -> bool:
        if self._known.get(process.pid) == process or os.getsid(process.pid) == self.pid:
            return True
        return self._mark is not None and process.environ().get(self._mark[0]) == self._mark[1]


def _offspring(pid: int) -> Iterator[int]:
    """Yield the children of `pid`, their children, and so on."""
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:  # it has ended, or this is not Linux
        with suppress(psutil.Error):
            yield from (child.pid for child in psutil.Process(pid).children(recursive=True))
        return
    for child in children:
        yield child
        yield from _offspring(child)
