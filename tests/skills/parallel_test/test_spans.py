"""The least time that a run's units could have taken."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.skills.parallel_test.spans import Spans, least_s, wall_s


def test_one_suite_is_collected_before_any_other_worker_can_help() -> None:
    """Collecting can't be shared: with one suite all of it counts, and only the rest is divided."""
    suite = Spans((0.0, 2.0), ((2.0, 5.0), (2.0, 5.0)))
    assert least_s([suite], 2) == pytest.approx(5.0)
    assert wall_s([suite]) == pytest.approx(5.0)


def test_the_longest_unit_of_a_suite_bounds_the_run() -> None:
    """However many workers there are, a suite takes its collecting and then its longest shard."""
    suites = [Spans((0.0, 1.0), ((1.0, 9.0), (1.0, 2.0))), Spans((0.0, 1.0), ((1.0, 2.0),))]
    assert least_s(suites, 8) == pytest.approx(9.0)


def test_two_suites_collect_side_by_side() -> None:
    """With as many suites as workers nobody has to wait: all work is shared evenly."""
    suites = [Spans((0.0, 1.0), ((1.0, 4.0),)), Spans((0.0, 3.0), ((3.0, 4.0),))]
    assert least_s(suites, 2) == pytest.approx(4.0)


def test_of_nothing_there_is_no_bound() -> None:
    """A run in which no unit ran has none."""
    assert least_s([], 2) is None
    assert least_s([Spans()], 2) is None


_LENGTH = st.integers(1, 9).map(float)


@given(st.lists(st.tuples(_LENGTH, st.lists(_LENGTH, max_size=2)), min_size=1, max_size=2), st.integers(1, 3))
def test_no_schedule_is_shorter_than_the_bound(suites: list[tuple[float, list[float]]], workers: int) -> None:
    """Whatever the order in which free workers take what may begin, it takes no less."""
    units = [(s, n, length) for s, (first, rest) in enumerate(suites) for n, length in enumerate([first, *rest])]
    spans = [Spans((0.0, first), tuple((0.0, length) for length in rest)) for first, rest in suites]
    bound = least_s(spans, workers)
    assert bound is not None
    for priorities in product(range(2), repeat=len(units)):
        ordered = [unit for _, unit in sorted(zip(priorities, units, strict=True))]
        assert _list_schedule(ordered, workers) >= bound - 1e-9


def _list_schedule(units: list[tuple[int, int, float]], workers: int) -> float:
    """Return the end when whoever is free takes the first unit that may begin."""
    left, now, running = list(units), 0.0, list[tuple[float, int, int]]()
    ended = set[int]()
    while left or running:
        ready = [unit for unit in left if unit[1] == 0 or unit[0] in ended]
        while ready and len(running) < workers:
            suite, number, length = unit = ready.pop(0)
            left.remove(unit)
            running.append((now + length, suite, number))
        now = min(running)[0]
        ended |= {suite for end, suite, number in running if end <= now and number == 0}
        running = [one for one in running if one[0] > now]
    return now
