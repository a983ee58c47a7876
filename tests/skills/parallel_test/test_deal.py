"""Tests dealt out to machines: each in exactly one part, no part empty, the same plan each time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold.errors import NothingToDo, UsageError
from fanfold.runners import load
from fanfold.runners.base import Item
from fanfold.runners.pytest.collection import PytestTest
from fanfold.skills.parallel_test.deal import Listed, deal
from fanfold.skills.parallel_test.job import Job
from fanfold.skills.parallel_test.portions import DealtPlan
from fanfold.suites import Case, Environment, Suite


def a_test(index: int, file: str, name: str, group: str | None = None) -> PytestTest:
    native = f"{file}::{name}"
    return PytestTest(index, native, 0, file, file, False, False, group, Case(file=file, name=name, native=native))  # noqa: FBT003  a record's fields


def listed(
    names: list[tuple[str, str]], durations: dict[str, float] | None = None, *, suite: str = "unit", **fields: object
) -> Listed:
    job = Job(Suite(name=suite, framework="pytest"), Environment(), load("pytest"), durations=durations or {})
    tests = tuple(a_test(n, file, name) for n, (file, name) in enumerate(names))
    return Listed(job, tests, by_test=True, **fields)  # type: ignore[arg-type]


def of_items(framework: str, names: list[str], **fields: object) -> Listed:
    job = Job(Suite(name=framework, framework=framework), Environment(), load(framework))
    return Listed(job, items=tuple(Item(name) for name in names), **fields)  # type: ignore[arg-type]


def dealt(plan: DealtPlan) -> list[str]:
    return [name for part in plan.parts for portion in part.portions for name in (*portion.tests, *portion.items)]


NAMES = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyzuvw")), min_size=1, max_size=24, unique=True)


@settings(max_examples=60, deadline=None)
@given(NAMES, st.integers(1, 6), st.data())
def test_every_test_is_in_exactly_one_part_and_none_is_empty(names, count, data):
    """Whatever is known of durations; or, where there are fewer tests than parts, an error that says how many go."""
    known = data.draw(st.lists(st.sampled_from(names), unique=True))
    durations = {f"{file}::{name}": data.draw(st.floats(0, 9)) for file, name in known}
    if len(names) < count:
        with pytest.raises(UsageError, match=f"into {len(names)} at the most"):
            deal([listed(names, durations)], count)
        return
    plan = deal([listed(names, durations)], count)
    assert sorted(dealt(plan)) == sorted(f"{file}::{name}" for file, name in names)
    assert len(plan.parts) == count
    assert all(part.portions for part in plan.parts)
    assert deal([listed(names, durations)], count) == plan


@settings(max_examples=60, deadline=None)
@given(NAMES, st.integers(1, 4), st.lists(st.tuples(st.sampled_from("abxyz"), st.sampled_from("xnew")), max_size=9))
def test_what_the_plan_does_not_know_is_one_parts_all_the_same(names, count, new):
    """A test that is new, or is called otherwise on each machine, runs once; so does every one that is planned."""
    if len(names) < count:
        return
    plan = deal([listed(names)], count)
    shares = [plan.share(number, ("unit", "default")) for number in range(1, count + 1)]
    for file, name in {*names, *new}:
        assert sum(share is not None and share.has(f"{file}::{name}") for share in shares) == 1


def test_parts_take_about_as_long_by_what_was_recorded():
    """One file of 9 s, nine of 1 s, two parts: the long file has a part to itself."""
    names = [("long", "t"), *((f"short{n}", "t") for n in range(9))]
    durations = {"long::t": 9.0, **{f"short{n}::t": 1.0 for n in range(9)}}
    plan = deal([listed(names, durations)], 2)
    assert [part.expected_s for part in plan.parts] == [9.0, 9.0]
    assert plan.parts[0].portions[0].tests == ("long::t",)


def test_a_machine_pays_for_the_start_of_each_suite():
    """Two suites that take long to start and have many short tests: each machine has one of them."""
    names = [(f"f{n}", "t") for n in range(12)]
    durations = {f"f{n}::t": 0.5 for n in range(12)}
    suites = [listed(names, durations, suite=name, start_s=10.0) for name in ("one", "other")]
    assert [[p.suite for p in part.portions] for part in deal(suites, 2).parts] == [["one"], ["other"]]


def test_what_wants_to_be_together_is_never_dealt_apart():
    """Tests of one pytest-xdist group, however many parts are asked for."""
    job = Job(Suite(name="unit", framework="pytest"), Environment(), load("pytest"))
    tests = (*(a_test(n, f"f{n}", "t", "db") for n in range(4)), a_test(4, "g", "t"), a_test(5, "g", "u"))
    plan = deal([Listed(job, tests, by_test=True)], 3)
    (home,) = {n for n, part in enumerate(plan.parts) for name in part.portions[0].tests if name.startswith("f")}
    assert len(plan.parts[home].portions[0].tests) == 4


def test_tests_of_one_name_stay_together():
    """They can't be told apart by name, so that one machine has both."""
    plan = deal([listed([("a", "x"), ("a", "y"), ("a", "x"), ("b", "z")])], 3)
    assert sorted(dealt(plan)) == ["a::x", "a::y", "b::z"]


def test_other_frameworks_are_dealt_out_by_what_they_offer():
    """Packages one by one, shards of a tool that splits by itself; what can't be split or listed is one part's."""
    suites = [
        of_items("go", ["./a", "./b", "./c"]),
        of_items("jest", ["a.test.js", "b.test.js", "c.test.js", "d.test.js"]),
        of_items("bats", [], error="bats is not installed"),
    ]
    plan = deal(suites, 3)
    portions = [portion for part in plan.parts for portion in part.portions]
    assert sorted(name for p in portions if p.suite == "go" for name in p.items) == ["./a", "./b", "./c"]
    shards = [shard for p in portions if p.suite == "jest" for shard in p.shards]
    assert sorted(shard.index for shard in shards) == [1, 2, 3]
    assert {shard.count for shard in shards} == {3}
    assert [p.is_whole for p in portions if p.suite == "bats"] == [True]


def test_a_file_that_can_t_be_read_is_one_parts():
    """And not told by every machine that comes across it."""
    broken = Case(file="b", name="(collecting)", native="b")
    plan = deal([listed([("a", "x"), ("a", "y")], unread=(broken,))], 3)
    assert sorted(dealt(plan)) == ["a::x", "a::y", "b"]


def test_nothing_can_t_be_dealt():
    """There is nothing to do."""
    with pytest.raises(NothingToDo):
        deal([listed([])], 2)
