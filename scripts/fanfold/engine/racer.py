"""One attempt in flight, and what it came to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from fanfold.engine.admission import Grant
from fanfold.engine.attempt import Attempt
from fanfold.engine.ticket import NOTHING
from fanfold.errors import ConnectionLost, FinalError, Overloaded, RateLimited, Refused, Unanswered
from fanfold.models import Unit, Usage

# These errors are answers that nobody pays for; a refusal is paid like any answer.
_FREE = (RateLimited, Overloaded, FinalError)


@dataclass(slots=True, eq=False)
class Racer:
    """An attempt, what it was given, and how it ended.

    `value` is what the worker returned, in a tuple, and `error` what it raised. `called_off` says that the engine has
    cancelled it, `given_up` that it took no notice and counts as ended. `late` is the future by which it is to be
    hedged, None when it is not watched.
    """

    attempt: Attempt
    grant: Grant
    started_at: float
    late: asyncio.Future[None] | None
    task: asyncio.Task[None] | None = None
    value: tuple[Any] | None = None
    error: BaseException | None = None
    called_off: bool = False
    given_up: bool = False
    settled: bool = False

    @property
    def ended(self) -> bool:
        return self.settled or (self.task is not None and self.task.done())

    @property
    def failure(self) -> BaseException | None:
        """Why it failed by itself; None if it did not."""
        if self.given_up:
            return ConnectionLost(f"{self.attempt.late}, and it takes no notice of its cancellation")
        if isinstance(self.error, TimeoutError) and self.attempt.late:
            return ConnectionLost(self.attempt.late)
        if self.called_off and isinstance(self.error, Exception | asyncio.CancelledError):
            return None
        if isinstance(self.error, asyncio.CancelledError):
            return RuntimeError("the worker cancelled itself")
        return self.error

    @property
    def status(self) -> str:
        """How it ended, in the words of events."""
        if self.value:
            return "ok"
        if self.failure is None:
            return "cancelled"
        return "timed_out" if self.attempt.late or isinstance(self.failure, TimeoutError) else "failed"

    def usage(self, unit: Unit[Any]) -> Usage:
        """Return what it used: one request, unless it says how many.

        Its cost is unknown when it may be billed, was to cost something, and said nothing.
        """
        said, failure = self.attempt.usage, self.failure
        errors = {} if failure is None else {_error_name(failure): 1}
        if isinstance(failure, Unanswered):
            return NOTHING
        if said is not None:
            counted = said.requests or "requests" in said.model_fields_set
            return said + Usage(requests=0 if counted else 1, errors=errors)
        if unit.reserve_usd == 0:
            return Usage(errors=errors) if errors else NOTHING
        if isinstance(failure, _FREE) and not isinstance(failure, Refused):
            return Usage(requests=1, errors=errors)
        return Usage(requests=1, errors=errors, cost_usd=None, cost_uncached_usd=None)


def _error_name(error: BaseException) -> str:
    """Return how usage counts an error: by the HTTP status where that says it all, else by its class."""
    return "429" if isinstance(error, RateLimited) else type(error).__name__
