"""Whether a failed attempt is followed by another, when, and how a unit ends otherwise."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fanfold.errors import (
    AnswerError,
    RateLimited,
    Refused,
    TransientError,
    Truncated,
    Unanswered,
    WorkerError,
)
from fanfold.models import Status


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how late the engine asks again.

    `attempts` bounds the attempts that end in a TransientError, `rate_limited` those of them that a server
    rejected with 429: such a rejection costs nothing, and the lane waits anyway. An answer that was cut off
    or does not fit is asked for `answers` more times each. The wait before attempt n + 1 is drawn evenly
    from 0 to `base_s` * 2^(n-1) seconds, `most_s` at most (exponential backoff with full jitter, AWS
    Architecture Blog, 2015), after what the server asked for.
    """

    attempts: int = 4
    rate_limited: int = 12
    answers: int = 1
    base_s: float = 0.5
    most_s: float = 30.0

    def pause_s(self, failures: int, draw: float) -> float:
        """Return the wait after so many failures in a row; `draw` is a random number in [0, 1)."""
        return draw * min(self.most_s, self.base_s * 2.0 ** min(failures - 1, 30))


@dataclass(frozen=True, slots=True)
class Again:
    """Ask again after `wait_s` seconds; `gated` if the wait is one of the whole lane."""

    wait_s: float
    gated: bool = False
    correction: str | None = None
    enlarge: bool = False


@dataclass(frozen=True, slots=True)
class End:
    """Give up: the unit ends like this."""

    status: Status
    error: str


def decide(
    policy: RetryPolicy,
    failures: Sequence[BaseException],
    *,
    remaining_s: float,
    draw: float,
) -> Again | End:
    """Judge the last of a unit's `failures`.

    `remaining_s` is the time left to the unit, in seconds, and `draw` a random number in [0, 1).
    """
    last = failures[-1]
    match last:
        case AnswerError():
            return _answer_again(policy, failures, last)
        case TransientError():
            return _transient_again(policy, failures, last, remaining_s, draw)
        case TimeoutError():
            return End(Status.TIMED_OUT, str(last) or "the worker timed out")
        case _:
            said = shown(last) if isinstance(last, WorkerError) else ""
            return End(_final_status(last), said or describe(last))


def _final_status(last: BaseException) -> Status:
    if isinstance(last, Unanswered):
        return Status.NOT_RUN
    return Status.REFUSED if isinstance(last, Refused) else Status.FAILED


def _answer_again(policy: RetryPolicy, failures: Sequence[BaseException], last: AnswerError) -> Again | End:
    truncated = isinstance(last, Truncated)
    alike = [f for f in failures if isinstance(f, AnswerError) and isinstance(f, Truncated) is truncated]
    if len(alike) > policy.answers:
        return End(Status.FAILED, f"{shown(last)} (asked {len(alike)} times)")
    return Again(0.0, enlarge=True) if truncated else Again(0.0, correction=shown(last))


def _transient_again(
    policy: RetryPolicy,
    failures: Sequence[BaseException],
    last: TransientError,
    remaining_s: float,
    draw: float,
) -> Again | End:
    rejected = [f for f in failures if isinstance(f, RateLimited)]
    others = [f for f in failures if isinstance(f, TransientError) and not isinstance(f, RateLimited)]
    gated = isinstance(last, RateLimited)
    same, most = (rejected, policy.rate_limited) if gated else (others, policy.attempts)
    if len(same) >= most:
        return End(Status.FAILED, f"{shown(last)} (given up after {len(same)} such failures)")
    wait_s = (last.retry_after_s or 0.0) + (0.0 if gated else policy.pause_s(len(same), draw))
    if wait_s >= remaining_s:
        return End(Status.TIMED_OUT, f"{shown(last)}; the wait of {wait_s:.1f} s goes past the deadline")
    return Again(wait_s, gated=gated)


def describe(error: BaseException) -> str:
    """Return "TypeName: message (file:line)", the place being where it was raised."""
    message = shown(error)
    said = f"{type(error).__name__}: {message}" if message else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f"{said} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else said


def shown(error: BaseException) -> str:
    """Return an error's message, whatever its class does when it is asked."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  a message that can't be shown must not hide what it is about
        return "its message can't be shown"
