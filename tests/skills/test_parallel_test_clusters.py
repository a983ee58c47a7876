"""Failures that are one: signatures, what failing tests share, and every failure in exactly one cluster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.skills.parallel_test.clusters import cluster, normalised
from fanfold.suites import Case, ClusterClass, Frame, TestAttempt, TestResult, TestVerdict


def case(name, outcome="failed", *, file="tests/test_a.py", fixtures=(), parameters="", **attempt):
    told = TestAttempt(outcome=TestVerdict(outcome), **attempt)
    return TestResult.of(Case(file=file, name=name, fixtures=fixtures, parameters=parameters, attempts=(told,)), "unit")


def failing(name, message="KeyError: 'id'", path="src/orders.py", function="load", **more):
    frames = (Frame(path="tests/test_a.py", line=9, function=name), Frame(path=path, line=41, function=function))
    return case(name, error_type=message.partition(":")[0], message=message, frames=frames, **more)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KeyError: 'id'", "KeyError: 'name'"),
        ("object at 0x7f00ab", "object at 0x7f00cd"),
        ("/var/pytest-1/x not found", "/var/pytest-22/x not found"),
        ("took 3.2 s", "took 14 s"),
        ("at 2026-01-01T10:00:00Z", "at 2027-11-12T11:22:33Z"),
        ("run 6f9619ff-8b86-d011-b42d-00cf4fc964ff", "run 7f9619ff-8b86-d011-b42d-00cf4fc964fe"),
    ],
)
def test_what_varies_does_not_count(one, other):
    """Values, addresses, folders, durations, times and ids."""
    assert normalised(one) == normalised(other)


def test_frames_elsewhere_name_no_cluster_while_there_are_others():
    """Neither the standard library's nor what is installed within the repository."""
    frames = [
        Frame(path=path, line=1, function="f")
        for path in ("tests/test_a.py", "src/a.py", ".venv/lib/site-packages/b.py", "/usr/lib/c.py")
    ]
    one, other = (case("test_a", error_type="E", message="no", frames=told) for told in (frames, frames[3:]))
    assert cluster([one], {})[0].signature == "E: no in src/a.py f"
    assert cluster([other], {})[0].signature == "E: no in /usr/lib/c.py f"


def test_words_count():
    """Two messages that say different things stay two."""
    assert normalised("connection refused") != normalised("connection reset")


def test_one_cause_is_one_cluster():
    """The same error from the same function, whatever test got there and whatever value it had."""
    tests = [failing("test_one"), failing("test_two", "KeyError: 'name'"), failing("test_three", "ValueError: bad")]
    first, second = cluster(tests, {})
    assert len(first.tests) == 2
    assert first.signature == "KeyError: '…' in src/orders.py load"
    assert second.signature.startswith("ValueError: bad")
    assert [c.id for c in (first, second)] == ["C1", "C2"]


def test_what_reruns_decided_keeps_failures_apart():
    """A flaky failure and a regression of one signature are two clusters."""
    one, two = failing("test_one"), failing("test_two")
    kinds = {one.id: ClusterClass.FLAKY, two.id: ClusterClass.REGRESSION}
    assert {c.kind for c in cluster([one, two], kinds)} == {ClusterClass.FLAKY, ClusterClass.REGRESSION}


def test_a_fixture_that_all_failures_share_joins_them():
    """Three messages, one broken fixture: one cluster, which names it."""
    bad = [
        failing(f"test_{n}", f"OSError: {word}", function=f"f{n}", fixtures=("db",))
        for n, word in enumerate(("broken pipe", "no such table", "gone away"))
    ]
    good = [case(f"test_ok_{n}", "passed") for n in range(20)]
    (one,) = cluster([*bad, *good], {})
    assert len(one.tests) == 3
    assert one.shared[0] == "fixture:db"


def test_what_everything_has_tells_nothing():
    """A fixture of all tests, of which few fail, joins nothing."""
    bad = [failing(f"test_{n}", f"OSError: {word}", function=word, fixtures=("db",)) for n, word in enumerate("abc")]
    good = [case(f"test_ok_{n}", "passed", fixtures=("db",)) for n in range(20)]
    clusters = cluster([*bad, *good], {})
    assert len(clusters) == 3
    assert not any("fixture:db" in c.shared for c in clusters)


VERDICTS = st.sampled_from(["passed", "failed", "error", "timed_out", "crashed", "skipped", "lost", "not_run"])


@given(st.lists(st.tuples(VERDICTS, st.sampled_from("abc"), st.sampled_from(["x", "y"])), max_size=25), st.randoms())
def test_every_failure_is_in_exactly_one_cluster_whatever_the_order(drawn, random):
    """And nothing else is in any."""
    tests = [
        case(f"test_{n}", verdict, error_type=kind, message=kind, fixtures=(fixture,))
        for n, (verdict, kind, fixture) in enumerate(drawn)
    ]
    clusters = cluster(tests, {})
    held = [test for c in clusters for test in c.tests]
    bad = [t.id for t in tests if t.verdict.value in {"failed", "error", "timed_out", "crashed"}]
    assert sorted(held) == sorted(bad)
    shuffled = list(tests)
    random.shuffle(shuffled)
    assert cluster(shuffled, {}) == clusters
