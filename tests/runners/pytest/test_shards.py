"""Shards are a partition, near to the least wall time, and split no more than that takes."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.runners.pytest.collection import PytestTest
from fanfold.runners.pytest.shards import Shard, plan_shards
from fanfold.suites import Case


def collected(
    files: Sequence[int], *, wide: bool = False, owners: int = 1, group: str | None = None
) -> list[PytestTest]:
    """Return a collection with so many tests in each file, in so many classes."""
    made: list[PytestTest] = []
    for number, count in enumerate(files):
        for nth in range(count):
            file, name = f"test_{number}.py", f"test_{nth}"
            owner = f"{file}::{nth * owners // count}"
            case = Case(file=file, name=name)
            made.append(PytestTest(len(made), f"{file}::{name}", 0, f"/{file}", owner, wide, wide, group, case))
    return made


def makespan(shards: Sequence[Shard], weights: Sequence[float], workers: int) -> float:
    """Return the wall time of shards that are pulled the longest first."""
    ends = [0.0] * workers
    for shard in sorted(shards, key=lambda shard: -sum(weights[n] for n in shard.tests)):
        heapq.heapreplace(ends, ends[0] + sum(weights[n] for n in shard.tests))
    return max(ends)


def known(tests: Sequence[PytestTest], weights: Sequence[float]) -> dict[str, float]:
    return {test.label: weight for test, weight in zip(tests, weights, strict=True)}


FILES = st.lists(st.integers(1, 30), min_size=1, max_size=12)


@given(
    files=FILES,
    drawn=st.randoms(use_true_random=False),
    share_known=st.floats(0, 1),
    workers=st.integers(1, 6),
    start_s=st.sampled_from([0.01, 2.0]),
    most=st.none() | st.integers(1, 9),
    wide=st.booleans(),
)
def test_every_test_is_in_exactly_one_shard(*, files, drawn, share_known, workers, start_s, most, wide):
    """A partition without empty shards, in pytest's order inside of each, no more than may be, and always the same."""
    tests = collected(files, wide=wide, owners=3)
    weights = [drawn.uniform(0, 100) for _ in tests]
    durations = {test.label: weights[test.index] for test in tests if test.index < share_known * len(tests)}
    shards = plan_shards(tests, durations, workers, start_s=start_s, most=most)
    assert sorted(index for shard in shards for index in shard.tests) == list(range(len(tests)))
    assert all(shard.tests for shard in shards)
    assert all(list(shard.tests) == sorted(shard.tests) for shard in shards)
    assert most is None or len(shards) <= most
    assert shards == plan_shards(tests, durations, workers, start_s=start_s, most=most)


@given(files=FILES, drawn=st.randoms(use_true_random=False), workers=st.integers(2, 4))
def test_known_durations_give_a_partition_near_the_least_wall_time(files, drawn, workers):
    """With history, efficiency is 0.95 or more wherever single tests are small enough for it."""
    tests = collected(files)
    weights = [drawn.uniform(0.1, 2) for _ in tests]
    shards = plan_shards(tests, known(tests, weights), workers, start_s=0.0)
    share = sum(weights) / workers
    slack = max([*weights, share / 24]) / share
    assert makespan(shards, weights, workers) <= share * (1.02 + slack)


def test_files_stay_whole_when_that_is_as_quick():
    """Files of one length are not split, as long as none is more than a quarter of what a worker has to do."""
    tests = collected([5] * 8)
    shards = plan_shards(tests, known(tests, [1.0] * 40), 2, start_s=0.01)
    assert [shard.tests for shard in shards] == [tuple(range(n, n + 5)) for n in range(0, 40, 5)]
    assert [shard.expected_s for shard in shards] == [5.0] * 8


def test_a_long_file_is_split_between_its_classes():
    """One file that is longer than all others is cut where one class ends."""
    tests = collected([40], owners=8)
    shards = plan_shards(tests, known(tests, [1.0] * 40), 2, start_s=0.01)
    assert sum(len({tests[n].owner for n in shard.tests}) for shard in shards) == 8
    assert makespan(shards, [1.0] * 40, 2) == 20


@pytest.mark.parametrize("slower", [0.5, 1.5])
def test_a_file_that_takes_another_time_than_before_holds_up_nobody(slower):
    """Two files of one length, of which one takes half as long as before, or half as long again."""
    tests = collected([50, 50])
    shards = plan_shards(tests, known(tests, [1.0] * 100), 2, start_s=0.01)
    now = [1.0] * 50 + [slower] * 50
    assert makespan(shards, now, 2) <= 1.1 * sum(now) / 2


def test_what_shares_fixtures_is_split_only_when_it_holds_up_the_rest():
    """A file with fixtures of its own is whole below half of a worker's share, and split above."""
    tests = collected([4, 4, 4, 4, 4], wide=True)
    weights = [1.0] * 20
    shards = plan_shards(tests, known(tests, weights), 2, start_s=0.01)
    assert {len(shard.tests) for shard in shards} == {4}
    alone = collected([20], wide=True)
    assert len(plan_shards(alone, known(alone, weights), 2, start_s=0.01)) >= 2


def test_what_one_name_groups_stays_together():
    """Tests of one xdist_group are in one shard, whatever their files."""
    tests = collected([20, 20], group="('server',)")
    assert len(plan_shards(tests, known(tests, [1.0] * 40), 2, start_s=0.01)) == 1


def test_unknown_durations_make_shards_of_several_files_and_none_expected():
    """Without history every worker has a few shards to pull, and none has an expected time."""
    tests = collected([100])
    shards = plan_shards(tests, {}, 2, start_s=0.01)
    assert len(shards) >= 8
    assert all(shard.expected_s is None for shard in shards)


@pytest.mark.parametrize(("seconds", "start_s", "one"), [(0.01, 0.5, True), (1.0, 0.5, False), (0.0001, 0.02, True)])
def test_where_more_workers_can_not_pay_there_is_one_shard(seconds, start_s, one):
    """What starting a worker costs is set against what it saves."""
    tests = collected([20, 20])
    assert (len(plan_shards(tests, known(tests, [seconds] * 40), 2, start_s=start_s)) == 1) is one
