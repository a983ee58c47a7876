"""Schedules: every item in exactly one shard, none empty, the same for the same, and never below the bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.runners.base import Item
from fanfold.runners.schedule import FEW_S, bound_s, lost_cases, makespan_s, partition, seconds_of, shared_out
from fanfold.suites import Case, Suite, TestAttempt, TestVerdict

seconds = st.floats(0, 100, allow_nan=False)
known = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.none() | seconds, min_size=1, max_size=30)
SUITE = Suite(name="s", framework="go", folder="svc")


def items_of(names):
    return [Item(name) for name in names]


def told(durations):
    return {name: value for name, value in durations.items() if value is not None}


@given(known, st.integers(1, 5), st.floats(0, 5), st.none() | st.integers(1, 9))
def test_every_item_is_in_exactly_one_shard(durations, workers, start_s, most):
    """And no shard is empty, nor are there more than may be."""
    parts = partition(items_of(durations), told(durations), workers, start_s=start_s, most=most).shards
    assert sorted(name for part in parts for name in part.items) == sorted(durations)
    assert all(part.items for part in parts)
    assert len(parts) <= (most or len(durations))


@given(known, st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter(durations, workers, random):
    """The same items and durations give the same shards."""
    shuffled = sorted(durations)
    random.shuffle(shuffled)
    first = partition(items_of(sorted(durations)), told(durations), workers, start_s=0.3)
    assert partition(items_of(shuffled), told(durations), workers, start_s=0.3) == first


@given(st.lists(seconds, min_size=1, max_size=30), st.integers(1, 6))
def test_no_schedule_is_below_the_bound(durations, workers):
    """Longest first stays between the bound and four thirds of the best there can be."""
    least, taken = bound_s(durations, workers), makespan_s(durations, workers)
    assert least <= taken + 1e-9
    assert taken <= (4 / 3) * sum(durations) + 1e-9
    assert taken <= sum(durations) / workers + max(durations) + 1e-9


def test_the_bound_sees_two_that_share_a_worker():
    """Three equal units on two workers take two of them, whatever their sum over two says."""
    assert bound_s([4, 4, 4], 2) == 8
    assert bound_s([9, 1, 1], 2) == 9
    assert bound_s([], 2) == 0


def test_what_is_short_is_not_split():
    """A suite of few seconds is one process, and the plan says so."""
    parts = partition(items_of("abcd"), dict.fromkeys("abcd", 0.4), 4, start_s=0.3)
    assert len(parts.shards) == 1
    assert "too few to split" in parts.why
    assert (parts.shards[0].expected_s or FEW_S) < FEW_S


def test_where_starting_is_dear_there_is_one_process():
    """When a start takes longer than is saved."""
    parts = partition(items_of("ab"), {"a": 9.0, "b": 0.5}, 2, start_s=4.0)
    assert len(parts.shards) == 1
    assert "saves less" in parts.why


def test_what_is_long_is_split_evenly():
    """Longest first, on as many shards as are worth their start."""
    durations = {"a": 8.0, "b": 7.0, "c": 6.0, "d": 5.0, "e": 4.0}
    parts = partition(items_of(durations), durations, 2, start_s=0.5).shards
    assert [part.items for part in parts] == [("d", "e"), ("a",), ("b",), ("c",)]
    assert makespan_s((part.expected_s or 0.0 for part in parts), 2) == 16.0


def test_unknown_items_come_first():
    """They may be long: the shards that have some start before all others."""
    parts = partition(items_of("abcdef"), {"a": 9.0, "b": 8.0, "c": 1.0, "d": 1.0}, 2, start_s=0.1)
    assert parts.shards[0].expected_s is None
    assert "2 of 6 parts have no recorded duration" in parts.why


def test_an_items_seconds_are_its_own_or_its_tests():
    """A file of which only tests are known weighs their sum, also when it once had none."""
    items = items_of(["a.py", "b.py", "c.py", "d.py"])
    known = {"a.py": 3.0, "a.py::x": 1.0, "b.py": 0.0, "b.py::x": 1.0, "b.py::y": 2.0, "d.py": 0.0}
    assert seconds_of(items, known) == {
        "a.py": 3.0,
        "b.py": 3.0,
        "c.py": None,
        "d.py": 0.0,
    }


def passed(file, native, took=1.0):
    return Case(
        file=file, name=native, native=native, attempts=(TestAttempt(outcome=TestVerdict.PASSED, duration_s=took),)
    )


@pytest.mark.parametrize(
    ("item", "case"),
    [
        (Item("./a"), passed("svc/a", "m/a::TestA")),
        (Item("svc/x.test.js"), passed("svc/x.test.js", "adds")),
        (Item("tests.test_a"), passed("svc/tests/test_a.py", "tests.test_a.T.test_b")),
        (Item("App\\ATest"), passed("svc/ATest.php", "App\\ATest::testX")),
        (Item("3 late", ("late",)), passed("", "late")),
    ],
)
def test_a_test_belongs_to_its_item(item, case):
    """However a framework spells it: then nothing is lost."""
    assert lost_cases([item], [case], SUITE) == ()
    assert [one.verdict for one in lost_cases([item], [], SUITE)] == [TestVerdict.LOST]


def test_a_test_that_was_listed_and_never_reported_is_lost_by_name():
    """The others of its item don't hide it, nor does an item whose name begins alike."""
    items = [Item("a", ("a.x", "a.y")), Item("tests.test_a")]
    cases = [passed("f", "a.x"), passed("f", "tests.test_ab.T.t")]
    assert [case.name for case in lost_cases(items, cases, SUITE)] == ["a.y", "tests.test_a"]


def test_wall_time_is_shared_out():
    """What a process took behind its start, in proportion to its tests' times; evenly when none are known."""
    items = [Item("./a"), Item("./b")]
    cases = [passed("svc/a", "m/a::T", 3.0), passed("svc/b", "m/b::T", 1.0)]
    assert shared_out(items, cases, SUITE, wall_s=9.0, start_s=1.0) == {"./a": 6.0, "./b": 2.0}
    assert shared_out(items, [], SUITE, wall_s=9.0, start_s=1.0) == {"./a": 4.0, "./b": 4.0}
    assert shared_out([], [], SUITE, wall_s=9.0, start_s=1.0) == {}
    assert shared_out(items, cases, SUITE, wall_s=0.5, start_s=1.0) == {"./a": 3.0, "./b": 1.0}
    assert set(shared_out(items, [], SUITE, wall_s=0.5, start_s=1.0).values()) == {0.001}
