"""What a process that was ended at its time limit had not got to, and how that is run again: once, in new processes.

Where the framework tells of tests as they end, the one that hung is known, and all others are run in one process. Where
it tells all at its end, nobody knows which file it was: each is run in a process of its own, so that only that is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fanfold.engine.watched import Watched
from fanfold.runners.base import Item, Reading, Runner, Sharding
from fanfold.runners.common import FileItems
from fanfold.runners.results.attempts import NOT_REACHED
from fanfold.runners.schedule import case_of, lost_cases
from fanfold.skills.parallel_test.trials import not_run
from fanfold.suites import Case, Suite, TestAttempt, TestVerdict

RESUMED = "shard {index} of {count} was ended at its time limit; what it had not got to was run again"
AT_ITS_LIMIT = "its process was ended at its time limit while it ran"
"""What is said of the test that is known to have hung."""

_MOST = 24
"""Processes for what is left of a shard, at the most."""

_HUNG = "its process was ended at its time limit, and ran nothing else"


@dataclass(frozen=True, slots=True)
class Rest:
    """Items that are run again, or only `tests`, by their `native` names; `ended` says that it was.

    `waiting` are the cases of such tests, where these are named by no item.
    """

    items: tuple[Item, ...] = ()
    tests: tuple[str, ...] = ()
    waiting: tuple[Case, ...] = ()
    ended: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What the command takes beside tests that are named one by one."""
        return () if self.tests else tuple(item.name for item in self.items)

    def untold(self, cases: Sequence[Case], watched: Watched, reading: Reading, suite: Suite) -> Iterator[Case]:
        """Yield what of it was not told of: it hung alone, was lost, or not run."""
        missing = lost_cases(self.items, cases, suite)
        yield from _untold(self.waiting, cases)
        hung = watched.why == "timed_out"
        if hung and len(self.items) == 1 and not self.tests and not _is_known(cases):
            yield _said(case_of(self.items[0]), TestAttempt(outcome=TestVerdict.TIMED_OUT, message=_HUNG))
            return
        well = watched.why == "exited" and watched.returncode >= 0 and not reading.error
        why = reading.error or "its process was ended, twice"
        for case in missing:
            yield case if well else _said(case, not_run(f"not run: {why}"))

    def never_run(self, suite: Suite) -> Iterator[Case]:
        """Yield what of it was not run again, since the run ended before that."""
        if not self.ended:
            yield from self.waiting
        for case in () if self.ended else lost_cases(self.items, (), suite):
            yield _said(case, not_run("not run: its process was ended at its time limit, and it was not run again"))


def _said(case: Case, attempt: TestAttempt) -> Case:
    return case.model_copy(update={"attempts": (attempt,)})


def _untold(waiting: Sequence[Case], cases: Sequence[Case]) -> Iterator[Case]:
    """Yield those that were not told of again, not even by tests inside of them."""
    told = {case.native for case in cases}
    return (one for one in waiting if one.native not in told and not any(n.startswith(f"{one.native}/") for n in told))


def waiting_in(cases: Sequence[Case]) -> list[Case]:
    """Return the tests that wait behind one that has ended its process: another one can run them."""
    return [case for case in cases if case.native and case.attempts and case.attempts[-1].message == NOT_REACHED]


def can_resume(runner: Runner) -> bool:
    """Tell whether a framework can be told which of its items to run."""
    return runner.sharding is Sharding.ITEMS or isinstance(runner, FileItems)


def rests_of(items: Sequence[Item], cases: Sequence[Case], suite: Suite, *, alone: bool) -> list[Rest]:
    """Return what is to be run again of some items, of which `cases` were told.

    `alone` says that tests can be named one by one.
    """
    missing = {case.native or case.file or case.name for case in lost_cases(items, cases, suite)}
    untold = [item for item in items if not item.tests and (_name(item) in missing)]
    # A file of which nothing was told is run as a whole, whatever is known of its tests.
    left = [Item(item.name, tuple(test for test in item.tests if test in missing)) for item in items if item.tests]
    partly = [item for item in left if item.tests]
    rests = []
    if partly and alone and _is_known(cases):
        rests.append(Rest(tuple(partly), tuple(test for item in partly for test in item.tests)))
    else:
        untold += partly
    if untold and _is_known(cases):
        return [*rests, Rest(tuple(untold))]
    size = max(1, -(-len(untold) // _MOST))
    return [*rests, *(Rest(tuple(untold[at : at + size])) for at in range(0, len(untold), size))]


def _is_known(cases: Sequence[Case]) -> bool:
    """Tell whether the test that hung is one of these: not one that its framework has ended at a limit of its own."""
    return any(attempt.message == AT_ITS_LIMIT for case in cases for attempt in case.attempts)


def _name(item: Item) -> str:
    case = case_of(item)
    return case.file or case.name
