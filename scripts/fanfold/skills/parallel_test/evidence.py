"""What reruns say of a failure, and which rerun says more: pure functions of the attempts.

A failed test is run alone. Does it fail there as well, it is the code or what surrounds it; unless it needs a test that
pytest would have run before it, which its shard has left out: then it passes after those, and each way of running it
is tried twice. Does it pass alone, it is run after the tests that had run before it in its process: when it fails
again, twice, and then passes alone once more, one of those disturbs it; when it passes it is flaky, or was in want of
something that others had at the time. What passes and fails in the same conditions is flaky. What hangs is run again
once, alone: each further run would take as long. Reading a failure can't tell these apart; running it again can.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from fanfold.suites import BAD, GOOD, ClusterClass, TestAttempt, TestVerdict


class Rerun(StrEnum):
    """How a failed test is run again, each time in a new process."""

    ALONE = "alone"
    AFTER_THE_SAME = "after the tests that had run before it"
    IN_ORDER = "after the tests that pytest runs before it"


@dataclass(frozen=True, slots=True)
class Trial:
    """A test that failed, and what was tried since.

    `reruns` are in order, each with how it was done. `retries` is how often it may be run alone. `had_before` tells
    whether other tests had run in its process, `left_out` whether these were others than pytest would have run there.
    """

    first: TestAttempt
    reruns: tuple[tuple[Rerun, TestAttempt], ...] = ()
    retries: int = 1
    had_before: bool = False
    left_out: bool = False

    def of(self, kind: Rerun) -> Sequence[TestVerdict]:
        """Return how the reruns of one kind ended."""
        return [attempt.outcome for how, attempt in self.reruns if how is kind]


def next_rerun(trial: Trial) -> Rerun | None:
    """Return what to try next, None when nothing more would tell."""
    if trial.first.outcome not in BAD or trial.retries < 1:
        return None
    alone = trial.of(Rerun.ALONE)
    if not alone:
        return Rerun.ALONE
    if trial.first.outcome is TestVerdict.TIMED_OUT or TestVerdict.TIMED_OUT in alone:
        return None
    if _passes_always(alone):
        return _after_passing_alone(trial)
    return _after_failing_alone(trial) if _fails_always(alone) else None


def _after_passing_alone(trial: Trial) -> Rerun | None:
    same = trial.of(Rerun.AFTER_THE_SAME)
    if not same:
        return Rerun.AFTER_THE_SAME if trial.had_before else None
    if not _fails_always(same):
        return None
    if len(same) < _SURE and TestVerdict.TIMED_OUT not in same:
        return Rerun.AFTER_THE_SAME
    # Only now: by turns it would be what passes and fails by turns that seems to go by what ran before.
    if len(trial.of(Rerun.ALONE)) < _SURE:
        return Rerun.ALONE
    return Rerun.IN_ORDER if trial.left_out and not trial.of(Rerun.IN_ORDER) else None


def _after_failing_alone(trial: Trial) -> Rerun | None:
    alone, in_order = trial.of(Rerun.ALONE), trial.of(Rerun.IN_ORDER)
    if len(alone) < trial.retries and not in_order:
        return Rerun.ALONE
    if TestVerdict.CRASHED in (trial.first.outcome, *alone) or not trial.left_out:
        return None
    if not in_order:
        return Rerun.IN_ORDER
    if not _passes_always(in_order) or len(in_order) == _SURE:
        return None
    # One more failure alone, between two passes.
    return Rerun.ALONE if trial.reruns[-1][0] is Rerun.IN_ORDER else Rerun.IN_ORDER


# One outcome may be chance.
_SURE = 2


def _fails_always(outcomes: Sequence[TestVerdict]) -> bool:
    return not BAD.isdisjoint(outcomes) and GOOD.isdisjoint(outcomes)


def _passes_always(outcomes: Sequence[TestVerdict]) -> bool:
    return not GOOD.isdisjoint(outcomes) and BAD.isdisjoint(outcomes)


def says_something(outcomes: Sequence[TestVerdict]) -> bool:
    """Tell whether a test was run at all: what was not run, lost or skipped decides nothing."""
    return not (BAD | GOOD).isdisjoint(outcomes)


def is_disturbed(trial: Trial) -> bool:
    """Tell whether a test passes alone, twice, and fails whenever it comes after the tests that had run before it."""
    alone = trial.of(Rerun.ALONE)
    return _passes_always(alone) and len(alone) >= _SURE and _fails_always(trial.of(Rerun.AFTER_THE_SAME))


def is_in_want(trial: Trial) -> bool:
    """Tell whether a test fails alone, and passes, twice, after the tests that pytest runs before it."""
    in_order = trial.of(Rerun.IN_ORDER)
    return _fails_always(trial.of(Rerun.ALONE)) and _passes_always(in_order) and len(in_order) >= _SURE


def rule(trial: Trial) -> ClusterClass:
    """Return what kind of failure it is."""
    if is_disturbed(trial) or is_in_want(trial):
        return ClusterClass.ORDER
    alone = trial.of(Rerun.ALONE)
    passes_alone = not GOOD.isdisjoint(alone)
    if not passes_alone and trial.first.outcome in _BY_VERDICT:
        return _BY_VERDICT[trial.first.outcome]
    if not says_something(alone):
        return ClusterClass.UNKNOWN
    if wants_resource(trial.first):
        return ClusterClass.ENVIRONMENT
    passes = passes_alone or not GOOD.isdisjoint(trial.of(Rerun.IN_ORDER))
    return ClusterClass.FLAKY if passes else ClusterClass.REGRESSION


def rule_uncollected(attempt: TestAttempt) -> ClusterClass:
    """Return what kind of failure it is that a file can't be collected: it fails whenever it is, alone as well.

    A whole package that is not there is a matter of the environment; a module of one that is there is the code's.
    """
    said = attempt.message or ""
    missing = (attempt.error_type == "ModuleNotFoundError" and _PACKAGE.search(said)) or _NODE_PACKAGE.search(said)
    return ClusterClass.ENVIRONMENT if missing or wants_resource(attempt) else ClusterClass.REGRESSION


_PACKAGE = re.compile(r"No module named '\w+'")

# A file has a dot, a slash or a sign for a folder in front of it; a package has a scope at the most.
_NODE_PACKAGE = re.compile(
    r"(?:Cannot find (?:module|package) |Failed to resolve import |Failed to load url )[\"']?(?:@[\w.-]+/)?\w[\w.-]*"
    r"(?:[\"']| \(resolved id)"
)

_BY_VERDICT = {TestVerdict.TIMED_OUT: ClusterClass.TIMEOUT, TestVerdict.CRASHED: ClusterClass.CRASH}

_RESOURCE_ERRORS = frozenset(
    {"BlockingIOError", "ConnectionRefusedError", "ConnectionResetError", "MemoryError", "socket.gaierror"}
)
_RESOURCE_WORDS = re.compile(
    r"address already in use|database is locked|too many open files|no space left on device|connection refused"
    r"|cannot allocate memory|resource temporarily unavailable|disk quota exceeded|name resolution"
    r"|name or service not known|network is unreachable|read-only file system",
    re.IGNORECASE,
)


def wants_resource(attempt: TestAttempt) -> bool:
    """Tell whether a failure is about what surrounds the code: a port, a connection, memory, the disk."""
    if attempt.error_type in _RESOURCE_ERRORS or attempt.error_type == "out of memory":
        return True
    return bool(_RESOURCE_WORDS.search(attempt.message or ""))


def likeness(attempt: TestAttempt) -> tuple[str, ...]:
    """Return what failures of one cause have in common: by what, and where."""
    where = attempt.frames[-1] if attempt.frames else None
    place = f"{where.path}:{where.line}" if where else (attempt.message or "")[:80]
    return (attempt.outcome, attempt.error_type or "", place)
