"""What is run, how, and who hears of it: shared by the work on every kind of suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fanfold.engine.ports import Events
from fanfold.engine.watched import Limits
from fanfold.runners.base import Item, Runner
from fanfold.runners.tools import Tools
from fanfold.skills.parallel_test.portions import Share
from fanfold.skills.parallel_test.spans import Spans
from fanfold.suites import Case, ClusterClass, Environment, ShardRecord, Suite, SuiteRecord

LANE = "process"


@dataclass(frozen=True, slots=True)
class Job:
    """A suite in an environment.

    `chosen` tells which of its tests are run, and `items` which of what it is split into may hold one of those, for
    frameworks that can't be asked for their tests; None is all. `by_name` says that tests were named one by one.
    `durations` are what they took before, in seconds, by the
    names under which `SuiteRun.durations` hands them out. `lane` is that of its units in the engine (`lanes_of`).
    `share` tells what of it is this machine's, None for all of it.
    """

    suite: Suite
    environment: Environment
    runner: Runner
    chosen: Callable[[Case], bool] | None = None
    items: Callable[[Sequence[Item]], Sequence[Item]] | None = None
    by_name: bool = False
    durations: Mapping[str, float] = field(default_factory=dict)
    lane: str = LANE
    share: Share | None = None

    @property
    def name(self) -> str:
        """The suite's name, with that of the environment where there are several."""
        return self.suite.name if self.environment.name == "default" else f"{self.suite.name}@{self.environment.name}"


@dataclass(frozen=True, slots=True)
class Settled:
    """A failed test of which all is known that reruns can tell: `case` has the attempts, `why` is a sentence.

    `lead` are the `native` names of the tests after which it fails, in order, where it passes alone.
    """

    job: Job
    case: Case
    kind: ClusterClass
    why: str
    lead: tuple[str, ...] = ()


class Listener(Protocol):
    """Hears of tests as they end, and of failures once reruns have said what they are."""

    def tested(self, job: Job, case: Case) -> object:
        """An attempt at a test has ended; it is the last of those in `case`."""

    def settled(self, failure: Settled) -> object:
        """No more will be known of this failure."""


class Deaf:
    """Listens to nothing."""

    def tested(self, job: Job, case: Case) -> None:
        """See `Listener`."""

    def settled(self, failure: Settled) -> None:
        """See `Listener`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How tests are run.

    `workers` is the most that run at once. `limits` hold for a single test where the framework says when each begins
    and ends, else for a process. `retries` is how often a failed test may be run alone; 0 reruns nothing. `coverage`
    is the path, without suffix, of the files for coverage.py's data of pytest's processes; its folder is there, and
    None measures nothing.
    """

    root: Path
    tools: Tools
    workers: int
    limits: Limits = field(default_factory=Limits)
    retries: int = 1
    events: Events | None = None
    listener: Listener = field(default_factory=Deaf)
    coverage: Path | None = None

    def limits_of(self, suite: Suite) -> Limits:
        """Return the limits for a suite, which may have a time of its own."""
        timeout_s = suite.timeout_s if suite.timeout_s is not None else self.limits.timeout_s
        slow_s = self.limits.slow_s
        if slow_s is not None and timeout_s is not None:
            slow_s = min(slow_s, timeout_s / 2)
        return Limits(slow_s, timeout_s, self.limits.memory_bytes, self.limits.grace_s)

    def tell(self, name: str, unit: str | None = None, **attributes: object) -> None:
        """Emit an event."""
        if self.events is not None:
            self.events.emit(name, unit, **attributes)


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """What became of a job: every test once, with all attempts at it; `durations` are to be kept for the next time.

    `spans` tell when its units ran. Where coverage was asked for `python` is the interpreter that ran it, "" when its
    reporter did not reach it, and `unmeasured` says why it did not measure.
    """

    job: Job
    record: SuiteRecord
    cases: tuple[Case, ...] = ()
    shards: tuple[ShardRecord, ...] = ()
    settled: tuple[Settled, ...] = ()
    durations: Mapping[str, float] = field(default_factory=dict)
    python: str = ""
    unmeasured: str | None = None
    spans: Spans = field(default_factory=Spans)


def lanes_of(suites: list[Suite]) -> list[str]:
    """Return the lane of each suite: one to themselves for those that are tied together by named resources.

    A lane of resources lets one unit in at a time. Suites that share no name but are tied by a third, which shares one
    with either, have the same lane; that is more than is needed, and never too little.
    """
    groups: list[set[str]] = []
    for suite in suites:
        names = set(suite.resources)
        tied = [group for group in groups if group & names]
        for group in tied:
            groups.remove(group)
            names |= group
        if names:
            groups.append(names)
    lanes = ["resource:" + "+".join(sorted(group)) for group in groups]
    return [
        next((lane for lane, group in zip(lanes, groups, strict=True) if group & set(suite.resources)), LANE)
        for suite in suites
    ]
