"""Which failures are rerun, and what is made of them: the same for every framework."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from fanfold.skills.parallel_test.evidence import Rerun, Trial, is_disturbed, likeness, next_rerun, rule, says_something
from fanfold.skills.parallel_test.job import Job, Settings, Settled
from fanfold.suites import BAD, GOOD, Case, ClusterClass, TestAttempt, TestVerdict

# Failures of one likeness that are rerun, and all that are: reruns are for telling causes apart, not for counting.
_RERUN_ALIKE = 5
_RERUN_AT_ALL = 60


class Trials:
    """The failures of one job; `settled` are those of which all is known."""

    def __init__(self, job: Job, settings: Settings) -> None:
        self.settled: list[Settled] = []
        self._job = job
        self._settings = settings
        self._alike: Counter[tuple[str, ...]] = Counter()
        self._spared: dict[int, tuple[str, ...]] = {}

    def admit(self, case: Case, *, can_rerun: bool = True) -> bool:
        """Tell whether a failed test is to be rerun; one that is not is settled."""
        first = case.attempts[-1]
        alike = likeness(first)
        self._alike[alike] += 1
        if not self._settings.retries or not can_rerun:
            self.settle(case, rule(Trial(first)), "it was not rerun")
        elif self._alike[alike] > _RERUN_ALIKE or self._alike.total() > _RERUN_AT_ALL:
            self._spared[len(self.settled)] = alike
            self.settle(case, ClusterClass.UNKNOWN, "it was not rerun: many have failed like it")
        else:
            return True
        return False

    def decided(self) -> tuple[Settled, ...]:
        """Return all that is settled; what was not rerun for being like others is what all of those are."""
        kinds: dict[tuple[str, ...], set[ClusterClass]] = {}
        for place, one in enumerate(self.settled):
            if place not in self._spared:
                kinds.setdefault(likeness(first_bad(one.case)), set()).add(one.kind)
        return tuple(self._by_likeness(place, one, kinds) for place, one in enumerate(self.settled))

    def _by_likeness(self, place: int, one: Settled, kinds: Mapping[tuple[str, ...], set[ClusterClass]]) -> Settled:
        found = kinds.get(self._spared[place], set()) if place in self._spared else set()
        if len(found) != 1:
            return one
        (kind,) = found
        return replace(one, kind=kind, why=f"it was not rerun: those that failed like it were, and are {kind.value}")

    def settle(self, case: Case, kind: ClusterClass, why: str, lead: tuple[str, ...] = ()) -> None:
        """Take note of all that will be known of a failure, and tell it."""
        settled = Settled(self._job, case, kind, why, lead)
        self.settled.append(settled)
        self._settings.listener.settled(settled)

    async def play(
        self,
        case: Case,
        again: Callable[[Rerun], Awaitable[TestAttempt]],
        *,
        before: tuple[str, ...] = (),
        shorten: Callable[[], Awaitable[tuple[str, ...]]] | None = None,
        left_out: bool = False,
    ) -> Case:
        """Rerun a failed test in the ways that tell what it is; returns its case with all attempts.

        `before` are the `native` names of the tests that had run in its process; `shorten` finds the part of them that
        disturbs it. Should the run end in the middle of it, what is known by then is settled.
        """
        trial = Trial(case.attempts[-1], (), self._settings.retries, bool(before), left_out)
        lead: tuple[str, ...] = ()
        try:
            while kind := next_rerun(trial):
                attempt = await again(kind)
                trial = replace(trial, reruns=(*trial.reruns, (kind, attempt)))
                case = case.model_copy(update={"attempts": (*case.attempts, attempt)})
                self._settings.listener.tested(self._job, case)
            # What hangs would do so in each try.
            if shorten and is_disturbed(trial) and TestVerdict.TIMED_OUT not in trial.of(Rerun.AFTER_THE_SAME):
                lead = await shorten()
        finally:
            disturbed_by = (lead or before) if is_disturbed(trial) else ()
            self.settle(case, rule(trial), story(trial), disturbed_by)
        return case


def story(trial: Trial) -> str:
    """Say in a sentence what the reruns showed."""
    told = [_told(how, one) for how, one in trial.reruns]
    return f"it {trial.first.outcome.value} in its shard" + "".join(f", {part}" for part in told)


def _told(how: Rerun, one: TestAttempt) -> str:
    if not says_something([one.outcome]):
        return f"and is not known to fail {how.value}: {one.message or one.outcome.value}"
    return f"{'passed' if one.outcome in GOOD else one.outcome.value} {how.value}"


def first_bad(case: Case) -> TestAttempt:
    """Return the attempt at a settled test that failed first."""
    return next((one for one in case.attempts if one.outcome in BAD), case.attempts[-1])


def is_bad(case: Case) -> bool:
    """Tell whether the last attempt at a test failed in any way."""
    return bool(case.attempts) and case.attempts[-1].outcome in BAD


def not_run(why: str) -> TestAttempt:
    """Return what stands for a test that never began."""
    return TestAttempt(outcome=TestVerdict.NOT_RUN, message=why)


def lost(why: str) -> TestAttempt:
    """Return what stands for a test that should have run and of which nothing was heard."""
    return TestAttempt(outcome=TestVerdict.LOST, message=why)
