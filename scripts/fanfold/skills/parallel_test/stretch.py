"""A stretch of tests in one process: heard test by test, watched, and ended when one of them does not end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fanfold.engine.watched import LOOK_S, Limits
from fanfold.runners.pytest.attempts import attempts_of, failed_by
from fanfold.skills.parallel_test.conversation import Message
from fanfold.skills.parallel_test.pytest_process import Worker, signal_name
from fanfold.suites import Conditions, TestAttempt, TestVerdict

_MEGABYTE = 1024 * 1024
_WAITING_S = 1.0
_LAST_WORDS_S = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one test: `attempts` in order, `wall_s` from its start to its end."""

    attempts: tuple[TestAttempt, ...]
    wall_s: float


@dataclass(slots=True)
class Stretch:
    """What one process makes of tests that it is given, in their order.

    `done` is what became of them by index. When the process did not get through, `why` says so, and `culprit` is the
    test that it was in, None when it was in none. `ends_runs` tells that it was asked to end by `pytest.exit`, which
    whatever asks for it is likely to do again. `began_s` is the loop's time of the first test's start, `waited_at` that
    of the last moment at which it waited for a port that another worker had.
    """

    root: Path
    worker: Worker
    tests: Sequence[int]
    conditions: Conditions
    heard: Callable[[int, Told], object]
    done: dict[int, Told] = field(default_factory=dict)
    why: str | None = None
    culprit: int | None = None
    ends_runs: bool = False
    began_s: float | None = None
    waited_at: float | None = None
    _current: int | None = None
    _since: float = 0.0
    _at: float = 0.0
    _slow: bool = False
    _phases: list[Message] = field(default_factory=list)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _through: bool = False
    _mine: dict[int, int] = field(default_factory=dict)
    _broken: tuple[TestVerdict, dict[str, Any]] | None = None

    @property
    def is_waiting(self) -> bool:
        """Tell whether it waits for a port."""
        return self.waited_at is not None and _now() - self.waited_at < _WAITING_S

    @property
    def left(self) -> list[int]:
        """The tests that the process did not get to."""
        return [index for index in self.tests if index not in self.done]

    async def run(self, limits: Limits, slow: Callable[[int, float], object]) -> None:
        """Run the tests; every limit is for one of them. What is left over is in `left`."""
        worker, self._since = self.worker, _now()
        worker.seat.ready()
        places = worker.indices
        self._mine = {its: mine for mine, its in (places or {}).items()}
        known = [index for index in self.tests if places is None or index in places]
        worker.talk.hear = self._hear
        worker.talk.tell({"do": "run", "tests": known if places is None else [places[index] for index in known]})
        ends = [asyncio.ensure_future(event.wait()) for event in (self._over, worker.talk.ended)]
        try:
            await self._until_over([*ends, worker.exited], limits, slow)
        finally:
            for end in ends:
                end.cancel()
        if not self._through:
            await self._account_for_the_end()
        worker.last_tests += [index for index in self.tests if index in self.done]

    # -- hearing

    def _hear(self, message: Message) -> None:
        event = message["event"]
        if event == "start":
            self._current = self._own(message["index"])
            self._since, self._at, self._slow = message["at"], message["at"], False
            self.began_s = self._since if self.began_s is None else self.began_s
            self._phases = []
        elif event == "phase":
            self._phases.append(message)
        elif event == "end":
            self._end(message["at"])
        elif event == "waiting":
            # For a port that another worker has: none of the test's own time.
            self.waited_at = self._since = _now()
            self._at += message["seconds"]
        elif event in {"interrupted", "exit"}:
            self._stopped(message)
        elif event == "done":
            self._through = True
            self._over.set()

    def _own(self, index: int) -> int:
        places = self.worker.indices
        return index if places is None else self._mine[index]

    def _end(self, at: float) -> None:
        if self._current is not None:
            # What a test takes is all that passes between its start and its end, not what its phases add up to.
            wall_s = max(0.0, at - self._at)
            self._tell(self._current, self._attempts(self._phases, duration_s=wall_s), wall_s)
        self._current, self._since = None, at

    def _tell(self, index: int, attempts: Sequence[TestAttempt], wall_s: float) -> None:
        self.done[index] = told = Told(tuple(attempts), wall_s)
        self.heard(index, told)

    def _attempts(self, phases: Sequence[Message], **common: Any) -> tuple[TestAttempt, ...]:
        return attempts_of(phases, self.root, worker=self.worker.seat.number, conditions=self.conditions, **common)

    def _stopped(self, message: Message) -> None:
        """A test has raised what would have ended the whole of a plain pytest run."""
        told = failed_by(message["failure"], self.root)
        self.ends_runs = message["event"] == "exit"
        if self._broken is None:
            what = "KeyboardInterrupt" if message["event"] == "interrupted" else "pytest.exit"
            told["message"] = f"{what}, which ends a plain pytest run: {told['message']}"
            self._broken = (TestVerdict.FAILED, {**told, "error_type": what})
        else:
            # It was interrupted because it took too long: where it was then is worth knowing.
            verdict, said = self._broken
            self._broken = (verdict, {**told, **said, "trace": _stack(told["frames"])})

    # -- watching

    async def _until_over(
        self, ends: Sequence[asyncio.Future[Any]], limits: Limits, slow: Callable[[int, float], object]
    ) -> None:
        """Wait until the stretch is through or the process has ended; end it when it breaks a limit."""
        while True:
            done, _ = await asyncio.wait(ends, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            self.worker.talk.read()
            if done or self._over.is_set():
                return
            used, took = self.worker.look(), _now() - self._since
            if limits.memory_bytes is not None and used > limits.memory_bytes:
                said = f"took {used // _MEGABYTE} MB of memory; the limit is {limits.memory_bytes // _MEGABYTE} MB"
                self._broken = (TestVerdict.CRASHED, {"error_type": "out of memory", "message": said})
                return
            if self._current is None and (limits.timeout_s is None or took < limits.timeout_s):
                continue
            if limits.slow_s is not None and took >= limits.slow_s and not self._slow:
                self._slow = True
                if self._current is not None:
                    slow(self._current, took)
            if limits.timeout_s is not None and took >= limits.timeout_s:
                said = f"did not end within {limits.timeout_s:g} s"
                self._broken = (TestVerdict.TIMED_OUT, {"error_type": "timeout", "message": said})
                await self._interrupt(ends, limits.grace_s)
                return

    async def _interrupt(self, ends: Sequence[asyncio.Future[Any]], grace_s: float) -> None:
        """Ask the process to say where it is, then to go."""
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.worker.family.pid, signal.SIGINT)
        await asyncio.wait(ends, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
        self.worker.look()
        self.worker.family.signal(signal.SIGTERM)
        await asyncio.wait(ends, timeout=min(grace_s, _LAST_WORDS_S), return_when=asyncio.FIRST_COMPLETED)

    # -- when it did not get through

    async def _account_for_the_end(self) -> None:
        """Say how the process ended, and let the test that it was in answer for it."""
        worker = self.worker
        if self._broken is None:
            await worker.within(_LAST_WORDS_S)
        tail = worker.tail()
        code = await worker.ended()  # after which there is nothing to be heard any more
        self.culprit = self._current
        verdict, said = self._broken or (TestVerdict.CRASHED, _crash(code))
        self.why = str(said["message"])
        if self._current is not None:
            so_far = self._attempts(self._phases)[:-1]
            place = {"worker": worker.seat.number, "conditions": self.conditions, "duration_s": _now() - self._since}
            attempt = TestAttempt(outcome=verdict, output=tail or None, **place, **said)
            self._tell(self._current, [*so_far, attempt], _now() - self._since)
        elif not self.done:
            self.why += f"\n{tail}"


def _crash(code: int) -> dict[str, Any]:
    name = signal_name(-code) if code < 0 else f"exit code {code}"
    said = (
        f"its process was ended by {name}" if code < 0 else f"its process ended with {name} in the middle of the test"
    )
    return {"error_type": name, "message": said}


def _stack(frames: Sequence[Any]) -> str:
    return "\n".join(f'  File "{frame.path}", line {frame.line}, in {frame.function}' for frame in frames)


def _now() -> float:
    return asyncio.get_running_loop().time()
