"""Plans: the matrix, the shards, and what `--dry-run` says of them."""

import os
import sys

from hypothesis import given
from hypothesis import strategies as st

from fanfold.runners.base import Item, Sharding
from fanfold.runners.schedule import START
from fanfold.runners.tools import Tools
from fanfold.skills.parallel_test.plan import MatrixRule, matrix, plan_tests, shards_of
from fanfold.skills.parallel_test.plan_text import plan_text
from fanfold.suites import Environment, Suite

UNIT = Suite(name="unit", framework="command", command=("true",))
SLOW = Suite(name="slow", framework="command", command=("true",), environments=("py312",))
PLACES = (Environment(name="py311"), Environment(name="py312"))


def names(pairs):
    return [(suite.name, environment.name) for suite, environment in pairs]


def test_the_matrix():
    """Every suite in each of its environments, less what is excluded, and only what is included."""
    assert names(matrix([UNIT, SLOW], PLACES)) == [("unit", "py311"), ("unit", "py312"), ("slow", "py312")]
    assert names(matrix([UNIT, SLOW], PLACES, exclude=[MatrixRule("u*", "py312")])) == [
        ("unit", "py311"),
        ("slow", "py312"),
    ]
    assert names(matrix([UNIT, SLOW], PLACES, include=[MatrixRule("unit", "*12")])) == [("unit", "py312")]
    assert names(matrix([UNIT], ())) == [("unit", "default")]


@given(
    st.sampled_from(list(Sharding)), st.integers(0, 12), st.integers(1, 4), st.none() | st.integers(1, 4), st.booleans()
)
def test_shards_are_numbered_and_whole(sharding, count, workers, most, known):
    """Numbers run from 1 to the count; items, where they are given out, are in one shard each."""
    items = [Item(f"f{number}") for number in range(count)]
    durations = {item.name: 2.0 for item in items} if known else {}
    shards, _ = shards_of(UNIT, sharding, items, durations, workers, most=most)
    assert [shard.index for shard in shards] == list(range(1, len(shards) + 1))
    assert {shard.count for shard in shards} == {len(shards)}
    assert len(shards) <= (most or max(count, 1))
    given_out = sorted(name for shard in shards for name in shard.items)
    assert given_out in ([], sorted(item.name for item in items))


def test_a_tool_that_splits_by_itself_is_told_numbers():
    """Its shards have no items of ours, and are taken to be about even."""
    items = [Item(name) for name in "abcd"]
    shards, _ = shards_of(UNIT, Sharding.COUNT, items, {"a": 5.0, "b": 5.0, "c": 5.0, "d": 5.0, START: 0.5}, 2)
    assert [(shard.index, shard.count, shard.items, shard.expected_s) for shard in shards] == [
        (1, 2, (), 10.5),
        (2, 2, (), 10.5),
    ]


def plan_of(tmp_path, suites, durations, workers=2):
    tools = Tools.of(tmp_path, {**os.environ, "VIRTUAL_ENV": sys.prefix})
    return plan_tests(matrix(suites, ()), tools, durations, workers)


def test_a_plan_adds_up(tmp_path):
    """Alone, in parallel, and the least that it can take."""
    files = tuple(f"test_{letter}.py" for letter in "abcd")
    suite = Suite(name="unit", framework="pytest", files=files, found_by="pytest.ini")
    durations = {"unit": {START: 0.5, **{f"{file}::test": 4.0 for file in files}}}
    plan = plan_of(tmp_path, [suite], durations)
    assert (plan.shards, plan.alone_s, plan.expected_s, plan.bound_s) == (2, 17.0, 8.5, 8.5)
    text = plan_text(plan)
    assert text.startswith(
        "1 suite, 2 shards, 2 workers; expected 8.5 s, one after the other 17.0 s, no less than 8.5 s"
    )
    assert "unit: pytest in ., found by pytest.ini" in text
    assert "2 shards; expected 8.5 + 8.5 s" in text
    assert "-m pytest" in text


def test_a_plan_says_what_it_does_not_know(tmp_path):
    """Without history there are no seconds, and a tool that is missing is named with how to get it."""
    suites = [
        Suite(name="unit", framework="pytest", files=("test_a.py",)),
        Suite(name="web", framework="jest", folder="web"),
        Suite(name="odd\x1b[2J", framework="command", command=("/no/such/program",), resources=("db",)),
    ]
    text = plan_text(plan_of(tmp_path, suites, {}))
    assert "how long they take is not known" in text
    assert "can't run: jest is not installed in web: run `npm install` there" in text
    assert "\x1b" not in text


def test_a_plan_says_when_fan_out_does_not_pay(tmp_path):
    """A suite of a second is one process."""
    suite = Suite(name="unit", framework="pytest", files=("test_a.py", "test_b.py"))
    text = plan_text(plan_of(tmp_path, [suite], {"unit": {"test_a.py::a": 0.5, "test_b.py::b": 0.5}}))
    assert "one process: 1.0 s of tests are too few to split" in text
