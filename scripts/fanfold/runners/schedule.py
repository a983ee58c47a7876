"""Partition the items of a suite into shards, and say how long they take on so many workers: pure functions.

Items are given out the longest first, each to the shard that has least so far (LPT: Graham, Bounds on multiprocessing
timing anomalies, 1969); those of which nothing is known come before all others. Seconds are wall time: an item weighs
its share of what its process took, not the sum of its tests' own times, which leave out imports and set-up.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fanfold.runners.base import Item
from fanfold.runners.results.place import ITSELF
from fanfold.runners.sight import join
from fanfold.suites import Case, Suite, TestAttempt, TestVerdict

START = "(start)"
"""The label under which it is kept how long a suite's process takes before its first test, in seconds."""

FEW_S = 3.0
"""Seconds. A suite that is expected to take less is not split: further processes would cost more than they save."""

_MOST_PER_WORKER = 6
_GUESSED_PER_WORKER = 2
_GUESS_S = 1.0
_DEAR_S = 0.8  # seconds: a process that takes longer to start is not started twice on a guess
_LEAST_S = 0.001  # what an item takes at the least, so that it is known
_WORTH = 0.9  # splitting has to save a tenth at the least


@dataclass(frozen=True, slots=True)
class ItemShard:
    """Items that one process runs, in their order; `expected_s` counts its start, and is None unless all are known."""

    items: tuple[str, ...]
    expected_s: float | None


@dataclass(frozen=True, slots=True)
class Partition:
    """The shards of a suite, the longest first, and why they are as many as they are."""

    shards: tuple[ItemShard, ...]
    why: str = ""


def bound_s(durations: Iterable[float], workers: int) -> float:
    """Return the least wall time of such units on so many workers: no schedule can be shorter.

    The largest of: all of it shared evenly; the longest unit; two units that have to share one worker, when there are
    more units than workers.
    """
    longest = sorted(durations, reverse=True)
    if not longest:
        return 0.0
    pair = sum(longest[workers - 1 : workers + 1]) if len(longest) > workers else 0.0
    return max(sum(longest) / workers, longest[0], pair)


def makespan_s(durations: Iterable[float], workers: int) -> float:
    """Return the wall time when whoever is free takes the longest that is left."""
    free = [0.0] * workers
    for duration in sorted(durations, reverse=True):
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


NO_TESTS_S = 1e-6
"""What is kept as the duration of an item without tests: the store takes none of nothing."""


def seconds_of(items: Sequence[Item], durations: Mapping[str, float]) -> dict[str, float | None]:
    """Return what each item took before: by its own name, else as the sum of its tests; None when not known.

    An item that had no tests took `NO_TESTS_S`; when it has some by now, they count.
    """
    sums: dict[str, float] = {}
    for label, seconds in durations.items():
        owner, separator, _ = label.partition("::")
        if separator:
            sums[owner] = sums.get(owner, 0.0) + seconds
    own = {item.name: durations.get(item.name) for item in items}
    return {name: sums.get(name, took) if took is None or took <= NO_TESTS_S else took for name, took in own.items()}


def partition(
    items: Sequence[Item],
    durations: Mapping[str, float],
    workers: int,
    *,
    start_s: float,
    most: int | None = None,
) -> Partition:
    """Put each item into one shard of at least one: as many shards as make the run the shortest, `most` at the most.

    `durations` are seconds by item or by `item::test`. The same arguments give the same shards, whatever the order of
    the items.
    """
    if not items:
        return Partition(())
    known = seconds_of(items, durations)
    told = [seconds for seconds in known.values() if seconds is not None]
    guess = sum(told) / len(told) if told else _GUESS_S
    limit = min(len(known), workers * _MOST_PER_WORKER, most or len(known))
    if len(told) < len(known):
        count = min(limit, workers * (1 if start_s >= _DEAR_S else _GUESSED_PER_WORKER))
        why = f"{len(known) - len(told)} of {len(known)} parts have no recorded duration"
        return Partition(_shards(known, guess, count, start_s), why if count > 1 else "")
    return _shortest(known, workers, start_s, limit)


def _shortest(known: Mapping[str, float | None], workers: int, start_s: float, limit: int) -> Partition:
    total = sum(seconds or 0.0 for seconds in known.values())
    alone = _shards(known, 0.0, 1, start_s)
    if total + start_s < FEW_S:
        return Partition(alone, f"one process: {total:.1f} s of tests are too few to split")
    if limit == 1 or workers == 1:
        return Partition(alone)
    choices = [_shards(known, 0.0, count, start_s) for count in range(2, limit + 1)]
    best = min(choices, key=lambda shards: (makespan_s((s.expected_s or 0.0 for s in shards), workers), len(shards)))
    if makespan_s((shard.expected_s or 0.0 for shard in best), workers) > _WORTH * (total + start_s):
        return Partition(alone, f"one process: starting another one takes {start_s:.1f} s, and saves less than that")
    return Partition(best)


def _shards(known: Mapping[str, float | None], guess: float, count: int, start_s: float) -> tuple[ItemShard, ...]:
    """Give the items out to `count` shards, which is no more than there are items: none stays empty."""
    order = sorted(known, key=lambda name: (known[name] is not None, -(known[name] or 0.0), name))
    weights = {name: guess if seconds is None else seconds for name, seconds in known.items()}
    # A shard each for the first ones: an item of no length must not leave one empty.
    heap = [(start_s + weights[name], number, [name]) for number, name in enumerate(order[:count])]
    heapq.heapify(heap)
    for name in order[count:]:
        load, number, names = heap[0]
        heapq.heapreplace(heap, (load + weights[name], number, [*names, name]))
    shards = [_shard(names, known, start_s) for _, _, names in heap]
    return tuple(sorted(shards, key=lambda s: (s.expected_s is not None, -(s.expected_s or 0.0), s.items)))


def _shard(names: Sequence[str], known: Mapping[str, float | None], start_s: float) -> ItemShard:
    told = [seconds for name in names if (seconds := known[name]) is not None]
    return ItemShard(tuple(sorted(names)), sum(told) + start_s if len(told) == len(names) else None)


class Owners:
    """Finds the item that a test is one of: by the names that items list, by its file, by its own name."""

    def __init__(self, items: Iterable[Item], suite: Suite) -> None:
        self._by_test: dict[str, Item] = {}
        self._by_name: dict[str, Item] = {}
        for item in items:
            self._by_test |= dict.fromkeys(item.tests, item)
            if not item.tests:
                self._by_name[item.name] = item
                self._by_name.setdefault(join(suite.folder, item.name.removeprefix("./")), item)

    def of(self, case: Case) -> Item | None:
        """Return the item of a test, None when it is none's."""
        if found := self._by_test.get(case.native):
            return found
        # `tests.test_a.T.test_b` of a module, `App\\ATest::testX` of a class.
        ends = (match.start() for match in _JOINT.finditer(case.native))
        names = (case.file, case.native, *(case.native[:end] for end in ends))
        return next((item for name in names if name and (item := self._by_name.get(name))), None)


_JOINT = re.compile(r"::|\.")


def told_of(items: Sequence[Item], cases: Iterable[Case], suite: Suite) -> tuple[Item, ...]:
    """Return the items of which a test was reported, in their order."""
    owners = Owners(items, suite)
    names = {item.name for case in cases if (item := owners.of(case))}
    return tuple(item for item in items if item.name in names)


def lost_cases(items: Sequence[Item], cases: Sequence[Case], suite: Suite) -> tuple[Case, ...]:
    """Return what was collected and not reported: each test that an item lists, or the item of which nothing came.

    For processes that ended well: of one that was ended, what is missing was not run.
    """
    lost = TestAttempt(outcome=TestVerdict.LOST, message="it was collected, and nothing was reported of it")
    reported = {case.native for case in cases}
    told = {item.name for item in told_of(items, cases, suite)}
    missing: list[Case] = []
    for item in items:
        if item.tests:
            missing += [_named(item, test) for test in item.tests if test not in reported]
        elif item.name not in told:
            missing.append(case_of(item))
    return tuple(case.model_copy(update={"attempts": (lost,)}) for case in missing)


_FILE = re.compile(r"\.(?:[cm]?[jt]sx?|rb|bats)$")


def case_of(item: Item) -> Case:
    """Return an item as a whole, as a case that nothing is known of."""
    return Case(file=item.name, name=ITSELF) if _FILE.search(item.name) else Case(name=item.name)


def _named(item: Item, test: str) -> Case:
    """Return a listed test, under the file that its name begins with when that is its item."""
    name = test.removeprefix(f"{item.name}::")
    return Case(file=item.name if name != test else "", name=name, native=test)


def shared_out(
    items: Sequence[Item], cases: Iterable[Case], suite: Suite, *, wall_s: float, start_s: float
) -> dict[str, float]:
    """Return what each item of a process took of its wall time, behind the start, in seconds by its name.

    In proportion to its tests' own times, and evenly where those are not known.
    """
    own = dict.fromkeys((item.name for item in items), 0.0)
    owners = Owners(items, suite)
    for case in cases:
        if item := owners.of(case):
            own[item.name] += sum(attempt.duration_s or 0.0 for attempt in case.attempts)
    total = sum(own.values())
    # A start that is only guessed may be longer than all of it; nothing takes no time at all.
    left = max(wall_s - start_s, total)
    shares = {name: seconds / total if total else 1 / len(own) for name, seconds in own.items()}
    return {name: max(left * share, _LEAST_S) for name, share in shares.items()}
