"""Plan a test run: which suites in which environments, in how many shards, and how long that is expected to take.

Nothing is run for it. What a suite is made of is known from the names of its files here; a framework that lists its
tests is asked when the run begins, and the shards are made again of what it says, by the same rule.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from fanfold.runners import load
from fanfold.runners.base import Command, Item, Sharding, Task
from fanfold.runners.pytest.launch import can_inject
from fanfold.runners.schedule import START, ItemShard, Partition, bound_s, makespan_s, partition, seconds_of
from fanfold.runners.tools import PYTHON, Tools
from fanfold.runners.unittest import CHILDREN
from fanfold.suites import DEFAULT_ENVIRONMENT, Environment, Suite

_START_S = {"maven": 4.0, "gradle": 6.0, "dotnet": 4.0, "jest": 1.0, "vitest": 1.0, "playwright": 1.5, "cargo": 1.0}
_START_ELSE_S = 0.4
_SCRATCH = Path("SCRATCH")
_SETTING = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
_UNITTEST = str(CHILDREN / "fanfold_unittest.py")


def plain_words(command: Command) -> tuple[str, ...]:
    """Return a command as a person types it: without what only fanfold needs to read its results."""
    argv = command.plain
    if _UNITTEST not in argv:
        return argv
    at = argv.index(_UNITTEST)
    top = argv[at + 2] if argv[at + 1] == "--top" else None
    path = (f"PYTHONPATH={top}",) if top else ()
    return (*path, *argv[:at], "-m", "unittest", *argv[at + (3 if top else 1) :])


def shell_line(words: Sequence[str]) -> str:
    """Return words as a shell takes them; what sets variables in front of a command does so only without quotes."""
    setting = [*takewhile(_SETTING.match, words)]
    values = (word.partition("=") for word in setting)
    return " ".join(
        [*(f"{name}={shlex.quote(value)}" for name, _, value in values), *map(shlex.quote, words[len(setting) :])]
    )


def suite_name(suite: Suite, environment: Environment) -> str:
    """Return a suite's name, with that of the environment where it is not the default."""
    return suite.name if environment.name == DEFAULT_ENVIRONMENT else f"{suite.name}@{environment.name}"


@dataclass(frozen=True, slots=True)
class MatrixRule:
    """Which suites run in which environments: a pattern for either, as in file names; "*" is all."""

    suite: str = "*"
    environment: str = "*"

    def holds(self, suite: Suite, environment: Environment) -> bool:
        """Tell whether a pair is one of those that are meant."""
        return fnmatch.fnmatchcase(suite.name, self.suite) and fnmatch.fnmatchcase(environment.name, self.environment)


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """One process: `index` of `count`, its items (() for all, or when the tool splits), its expected seconds."""

    index: int
    count: int
    items: tuple[str, ...] = ()
    expected_s: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedSuite:
    """A suite in an environment. `missing` says why it can't be run; `command` is that of its first shard."""

    suite: Suite
    environment: Environment
    shards: tuple[PlannedShard, ...] = ()
    command: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    missing: str | None = None

    @property
    def name(self) -> str:
        """See `suite_name`."""
        return suite_name(self.suite, self.environment)

    @property
    def expected_s(self) -> float | None:
        """What all its shards take one after the other; None when that of one is not known."""
        told = [shard.expected_s for shard in self.shards]
        return None if None in told or not told else sum(seconds or 0.0 for seconds in told)


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. Seconds are None when the duration of a shard is not known.

    `alone_s` is one shard after the other, `expected_s` is on `workers` workers, `bound_s` the least that they could
    take.
    """

    suites: tuple[PlannedSuite, ...]
    workers: int
    alone_s: float | None = None
    expected_s: float | None = None
    bound_s: float | None = None

    @property
    def shards(self) -> int:
        """How many processes there are."""
        return sum(len(suite.shards) for suite in self.suites)


def matrix(
    suites: Iterable[Suite],
    environments: Sequence[Environment],
    include: Sequence[MatrixRule] = (),
    exclude: Sequence[MatrixRule] = (),
) -> tuple[tuple[Suite, Environment], ...]:
    """Return each suite with each of its environments.

    A suite names its own environments, or has all. A pair is left out when an `exclude` holds, and when there are
    `include` but none holds. An include wins over an exclude only by not being matched by it.
    """
    places = environments or (Environment(),)
    return tuple(
        (suite, environment)
        for suite in suites
        for environment in places
        if not suite.environments or environment.name in suite.environments
        if not include or any(rule.holds(suite, environment) for rule in include)
        if not any(rule.holds(suite, environment) for rule in exclude)
    )


def start_of(suite: Suite, durations: Mapping[str, float]) -> float:
    """Return how long a process of the suite takes before its first test: measured, else what its framework needs."""
    return durations.get(START, _START_S.get(suite.framework, _START_ELSE_S))


def shards_of(
    suite: Suite,
    sharding: Sharding,
    items: Sequence[Item],
    durations: Mapping[str, float],
    workers: int,
    *,
    most: int | None = None,
) -> tuple[tuple[PlannedShard, ...], str]:
    """Return the shards of a suite that is made of `items`, and in a sentence why they are as many as they are.

    `most` is what the tool can do at the most; the suite's own number counts as well.
    """
    start_s = start_of(suite, durations)
    limits = [limit for limit in (most, suite.shards) if limit is not None]
    most = min(limits, default=None)
    if sharding is Sharding.WHOLE:
        return _whole(items, durations, start_s), f"one process: {suite.framework} can't be split"
    if sharding is Sharding.ITEMS and not items:
        return (PlannedShard(1, 1),), "one process: its tests are not known beforehand"
    if not items:
        count = most or 1
        return tuple(PlannedShard(index, count) for index in range(1, count + 1)), ""
    parts = partition(items, durations, workers, start_s=start_s, most=most)
    return tuple(_numbered(parts, by_items=sharding is Sharding.ITEMS)), parts.why


def _whole(items: Sequence[Item], durations: Mapping[str, float], start_s: float) -> tuple[PlannedShard, ...]:
    known = seconds_of(items, durations)
    whole = None if not known or None in known.values() else sum(s or 0.0 for s in known.values()) + start_s
    return (PlannedShard(1, 1, expected_s=whole),)


def _numbered(parts: Partition, *, by_items: bool) -> Iterator[PlannedShard]:
    """Number the shards. A tool that splits by itself makes parts of its own, about as long as each other."""
    count = len(parts.shards)
    told = [shard.expected_s for shard in parts.shards]
    even = None if None in told else sum(seconds or 0.0 for seconds in told) / count
    for index, shard in enumerate(parts.shards, 1):
        if count == 1:
            yield PlannedShard(1, 1, expected_s=shard.expected_s)
        else:
            yield _one(shard, index, count, by_items=by_items, even=even)


def _one(shard: ItemShard, index: int, count: int, *, by_items: bool, even: float | None) -> PlannedShard:
    return PlannedShard(index, count, shard.items if by_items else (), shard.expected_s if by_items else even)


def plan_tests(
    pairs: Iterable[tuple[Suite, Environment]],
    tools: Tools,
    durations: Mapping[str, Mapping[str, float]],
    workers: int,
) -> Plan:
    """Plan suites in environments on so many workers; `durations` are seconds by label, by the name of the pair."""
    planned = tuple(_planned(suite, environment, tools, durations, workers) for suite, environment in pairs)
    told = [shard.expected_s for suite in planned for shard in suite.shards]
    known = [seconds for seconds in told if seconds is not None]
    if not told or len(known) < len(told):
        return Plan(planned, workers)
    return Plan(planned, workers, sum(known), makespan_s(known, workers), bound_s(known, workers))


def _planned(
    suite: Suite,
    environment: Environment,
    tools: Tools,
    durations: Mapping[str, Mapping[str, float]],
    workers: int,
) -> PlannedSuite:
    runner = load(suite.framework)
    bare = PlannedSuite(suite, environment)
    # Behind a prefix it is the prefix's business what is there.
    missing = None if environment.prefix else runner.unavailable(suite, tools)
    if missing:
        return PlannedSuite(suite, environment, missing=missing)
    seconds = durations.get(bare.name, {})
    # What splits pytest is `runners.pytest`, when it has collected; what is foreseen here is a shard for some files.
    splits = suite.framework == "pytest" and can_inject(suite, environment)
    sharding = Sharding.ITEMS if splits else runner.sharding
    most = runner.most_shards(suite, tools)
    shards, why = shards_of(suite, sharding, runner.items(suite), seconds, workers, most=most)
    first = Task(suite, environment, tools.root, _SCRATCH, shards[0].items, (), 1, len(shards))
    command = runner.command(first, tools)
    passed_over = tools.found(suite.folder).note if suite.framework in PYTHON and not suite.command else ""
    notes = tuple(note for note in (why, passed_over) if note)
    return PlannedSuite(suite, environment, shards, plain_words(command), notes)
