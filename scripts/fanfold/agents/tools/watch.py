"""How a call of a tool ends before it has found everything: by an error that the model reads, or because it is late."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

TIME_LIMIT_S = 20.0
"""Seconds that one call may look; what it has by then is its reply."""


class ToolError(Exception):
    """A call that can't be answered, in one line that says what to do instead.

    The line holds nothing that was read; `read` are names from the target that may help.
    """

    def __init__(self, message: str, read: str = "") -> None:
        super().__init__(message)
        self.read = read


class TooLate(ToolError):
    """The call was cancelled, or its seconds are over."""


class Watch:
    """Tells a call in its thread when to end: it asks `check` or `late` every few milliseconds of work."""

    def __init__(self, seconds: float = TIME_LIMIT_S) -> None:
        self._until = time.monotonic() + seconds
        self._cancelled = Event()
        self._stops: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Let the call end at the next check, and whatever it has started now."""
        self._cancelled.set()
        for stop in self._stops:
            stop()

    def ends(self, stop: Callable[[], None]) -> None:
        """Take note of what ends something that the call has started."""
        self._stops.append(stop)
        if self._cancelled.is_set():
            stop()

    @property
    def left_s(self) -> float:
        """Seconds that are left, never below 0."""
        return 0.0 if self._cancelled.is_set() else max(0.0, self._until - time.monotonic())

    @property
    def late(self) -> bool:
        """Should the call end with what it has?"""
        return self._cancelled.is_set() or time.monotonic() >= self._until

    def check(self) -> None:
        """Raise TooLate when the call should end."""
        if self.late:
            raise TooLate("this took too long and was ended: ask for less")
