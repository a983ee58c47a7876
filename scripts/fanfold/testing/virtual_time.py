"""An asyncio event loop on which waiting costs nothing: its time jumps on when nothing is ready.

    outcome = run_virtual(supervisor.run(unit, worker))   # an hour of timeouts in a millisecond

Time starts at 0.0 seconds and stands still while callbacks run, so a program without real input gives the
same times in every run. What happens outside of the loop can't be hurried: time passes as on the wall while
something real is in play, which is a call in `run_in_executor` or `asyncio.to_thread`, a subprocess, or a
socket or pipe that the loop watches. Threads started in another way are not seen; bring their answers in
through an executor. When nothing is ready, no timer is set and nothing real is in play, the coroutine can
never end: that raises `Deadlock` and names the tasks that wait.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(RuntimeError):
    """Every task waits for something that can't happen any more."""


class LeakedTasks(RuntimeError):
    """The coroutine ended and left tasks behind that had not."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A selector event loop with virtual time; `advanced_s` is how much of it was jumped over, in seconds."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.advanced_s = 0.0
        self._calls_in_threads = 0
        self._processes: list[asyncio.SubprocessTransport] = []
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.now_s

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # typeshed's is wider
        """Run `func` in a thread or process; time does not jump until its result is here."""
        future = super().run_in_executor(executor, func, *args)
        self._calls_in_threads += 1
        future.add_done_callback(self._call_ended)
        return future

    async def shutdown_default_executor(self, *args: Any, **options: Any) -> None:
        """Join the executor's threads, which is waited for in a thread as well."""
        self._calls_in_threads += 1
        try:
            await super().shutdown_default_executor(*args, **options)
        finally:
            self._calls_in_threads -= 1

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        """Start a process; time does not jump while it lives."""
        transport, protocol = await super().subprocess_exec(*args, **options)
        self._processes.append(transport)
        return transport, protocol

    async def subprocess_shell(self, *args: Any, **options: Any) -> Any:
        """Start a shell; time does not jump while it lives."""
        transport, protocol = await super().subprocess_shell(*args, **options)
        self._processes.append(transport)
        return transport, protocol

    def outside_in_play(self) -> bool:
        """Tell whether a thread or process that this loop started is still at work."""
        self._processes = [process for process in self._processes if process.get_returncode() is None]
        return bool(self._calls_in_threads or self._processes)

    def _call_ended(self, _future: asyncio.Future[Any]) -> None:
        self._calls_in_threads -= 1


class _JumpingSelector(selectors.DefaultSelector):
    """Polls for what is ready; moves the loop's time on instead of waiting when nothing is."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self._loop.outside_in_play() or self._watches_files():
            return self._wait(timeout)
        if timeout is None:
            raise Deadlock(_deadlock_message(self._loop))
        self._loop.now_s += timeout
        self._loop.advanced_s += timeout
        return []

    def _watches_files(self) -> bool:
        """Tell whether anything is watched beside the pipe by which the loop wakes itself."""
        return len(self.get_map()) > 1

    def _wait(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        started = time.monotonic()
        ready = super().select(timeout)
        waited_s = time.monotonic() - started
        self._loop.now_s += waited_s if ready or timeout is None else max(waited_s, timeout)
        return ready


def run_virtual(coroutine: Coroutine[Any, Any, T], *, check_leaks: bool = True) -> T:
    """Run `coroutine` to its end on a new `VirtualTimeLoop` and return what it returns.

    Raises `Deadlock` when it can't end, and `LeakedTasks` when it returns and leaves tasks that have not
    ended (they are cancelled then), unless `check_leaks` is off.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        result = runner.run(coroutine)
        left = [] if not check_leaks else sorted(map(_where, asyncio.all_tasks(runner.get_loop())))
    if left:
        raise LeakedTasks(f"{len(left)} tasks had not ended: " + "; ".join(left))
    return result


def _deadlock_message(loop: asyncio.AbstractEventLoop) -> str:
    waiting = sorted(map(_where, asyncio.all_tasks(loop)))
    return "nothing is ready and no timer is set; waiting: " + ("; ".join(waiting) or "no task")


def _where(task: asyncio.Task[Any]) -> str:
    """Return a task's name and the innermost line of its own code that it waits on."""
    stack = task.get_stack(limit=1)
    place = f"{stack[-1].f_code.co_filename}:{stack[-1].f_lineno}" if stack else "not started"
    return f"{task.get_name()} at {place}"
