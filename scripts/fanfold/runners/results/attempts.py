"""Attempts as readers make them: texts bounded, frames looked up, the kind of error named."""

from __future__ import annotations

import re

from fanfold.runners.results.frames import frames_of
from fanfold.runners.results.place import Place, bounded, message
from fanfold.suites import TestAttempt, TestVerdict

NOT_REACHED = "not run: its process ended before it began"
"""What is said of a test that waits behind one that took its process along."""

_ERROR_TYPE = re.compile(r"^(?:E\s+)?((?:[A-Za-z_$][\w$]*(?:\.|::))*[A-Z][\w$]*)(?:: |$| \[)")


# What node's frameworks say of a test that took too long, and of nothing else.
_TIMED_OUT = re.compile(
    r"(?:Test|Hook) timed out in \d+ ?ms|Exceeded timeout of \d+ ms for a (?:test|hook)|Timeout of \d+ms exceeded"
)


def failed_or_timed_out(message: str | None) -> TestVerdict:
    """Return what became of a test that did not pass, by the first line of what jest, vitest or mocha says of it."""
    first = (message or "").split("\n", 1)[0]
    return TestVerdict.TIMED_OUT if _TIMED_OUT.search(first) else TestVerdict.FAILED


def attempt(
    outcome: TestVerdict,
    place: Place,
    *,
    duration_s: float | None = None,
    says: str | None = None,
    trace: str | None = None,
    output: str | None = None,
    error_type: str | None = None,
    worker: int | None = None,
) -> TestAttempt:
    """Return an attempt. `says` is its message; without one, the first line of `trace` is."""
    first = next((line for line in (trace or "").splitlines() if line.strip()), None)
    said = message(says) or message(first)
    bad = outcome not in {TestVerdict.PASSED, TestVerdict.SKIPPED, TestVerdict.XFAILED}
    return TestAttempt(
        outcome=outcome,
        duration_s=duration_s,
        worker=worker,
        message=said,
        error_type=error_type or (_type_in(said) if bad else None),
        trace=bounded(trace),
        output=bounded(output),
        frames=frames_of(trace or says, place) if bad else (),
    )


def _type_in(said: str | None) -> str | None:
    match = _ERROR_TYPE.match((said or "").split("\n", 1)[0])
    return match[1] if match else None
