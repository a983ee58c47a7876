"""The vocabulary of test runs: verdicts fold from attempts, ids tell tests apart, run.json has the contract's keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.suites import (
    BAD,
    GOOD,
    UNFINISHED,
    Case,
    Cluster,
    TestAttempt,
    TestResult,
    TestRunResult,
    TestVerdict,
    Totals,
    id_of,
    results_of,
    verdict_of,
)

V = TestVerdict
OUTCOMES = [verdict for verdict in TestVerdict if verdict is not TestVerdict.FLAKY]
attempts = st.lists(st.sampled_from(OUTCOMES).map(lambda outcome: TestAttempt(outcome=outcome)), max_size=6)
# What names are made of when somebody tries to confuse us.
names = st.text(st.sampled_from("ab:@\\#x5cu2[]\n\x1b\udc80é\U0001f600 "), max_size=8)


def folded(*outcomes):
    return verdict_of([TestAttempt(outcome=outcome) for outcome in outcomes])


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ([], V.NOT_RUN),
        ([V.PASSED], V.PASSED),
        ([V.FAILED, V.PASSED], V.FLAKY),
        ([V.CRASHED, V.XFAILED], V.FLAKY),
        ([V.FAILED, V.PASSED, V.FAILED], V.FAILED),  # order-dependent: alone it passes
        ([V.FAILED, V.SKIPPED], V.FAILED),
        ([V.FAILED, V.CRASHED], V.CRASHED),
        ([V.LOST, V.PASSED], V.PASSED),
        ([V.PASSED, V.LOST], V.PASSED),
        ([V.LOST, V.NOT_RUN], V.LOST),
    ],
)
def test_verdicts(outcomes, verdict):
    """Attempts fold into the verdict that a person would give."""
    assert folded(*outcomes) is verdict


@pytest.mark.parametrize(
    ("tried", "verdict"),
    [
        ("shard-, alone+, predecessors-, predecessors-, alone+", V.FAILED),
        ("shard-, alone-, predecessors+, alone-, predecessors+", V.FLAKY),
        ("shard-, alone+, predecessors-, predecessors-, alone-", V.FLAKY),
        ("shard-, alone+, predecessors-, predecessors+", V.FLAKY),
        ("shard-, alone-, predecessors+, alone-, predecessors-", V.FLAKY),
        ("shard-, alone-", V.FAILED),
    ],
)
def test_reruns_weigh_by_their_conditions(tried, verdict):
    """Runs after others weigh more than those alone, and what passes and fails in the same way is flaky."""
    outcome = {"-": V.FAILED, "+": V.PASSED}
    assert verdict_of([TestAttempt(outcome=outcome[o[-1]], conditions=o[:-1]) for o in tried.split(", ")]) is verdict


@given(attempts)
def test_a_failure_is_never_forgotten(tried):
    """Once an attempt was bad the verdict is bad or flaky, and it is flaky only when a good one came later."""
    verdict = verdict_of(tried)
    outcomes = [attempt.outcome for attempt in tried]
    if BAD.intersection(outcomes):
        assert verdict in BAD | {V.FLAKY}
    if verdict is V.FLAKY:
        first_bad = next(i for i, outcome in enumerate(outcomes) if outcome in BAD)
        assert GOOD.intersection(outcomes[first_bad:])
    if verdict in UNFINISHED:
        assert UNFINISHED.issuperset(outcomes)


@given(attempts, st.sampled_from(sorted(UNFINISHED)), st.integers(0, 6))
def test_silence_changes_nothing(tried, silent, at):
    """An attempt that was lost or never started has no say when another one has."""
    more = [*tried[:at], TestAttempt(outcome=silent), *tried[at:]]
    if verdict_of(tried) not in UNFINISHED:
        assert verdict_of(more) is verdict_of(tried)


@given(st.lists(st.tuples(names, names, names, names, st.integers(1, 3)), min_size=2, max_size=2, unique=True))
def test_no_two_tests_share_an_id(two):
    """Whatever is in their names; and an id is one line that can be printed."""
    ids = [id_of(*parts) for parts in two]
    assert ids[0] != ids[1]
    assert all(one.isprintable() for one in ids)


def test_an_id_reads_as_one_would_write_it():
    """Nothing is escaped that need not be, and the default environment goes without saying."""
    assert id_of("unit", "default", "tests/test_a.py", "T::test_b[c-1]") == "unit::tests/test_a.py::T::test_b[c-1]"
    assert id_of("unit", "py312", "a.py", "x\n\\y", 2) == "unit@py312::a.py::x\\x0a\\y\\#2"


@pytest.mark.parametrize(
    "name", ["test_names[\\u65e5\\u672c]", "test_names[caf\\xe9]", "test_names[\\U0001f600]", "test_日"]
)
def test_an_id_that_is_copied_exists(name):
    """Letters in parameters stay as pytest spells them."""
    assert id_of("unit", "default", "a.py", name) == f"unit::a.py::{name}"


def test_tests_of_the_same_name_are_kept_apart():
    """Two cases of one name in one file are two tests, told apart by their order."""
    one = Case(file="a.xml", name="same", attempts=(TestAttempt(outcome=V.PASSED, duration_s=1.0),))
    two = one.model_copy(update={"attempts": (TestAttempt(outcome=V.FAILED),)})
    first, second = results_of([one, two], "unit")
    assert (first.verdict, second.verdict) == (V.PASSED, V.FAILED)
    assert first.id != second.id
    assert (first.duration_s, second.duration_s) == (1.0, None)


@given(st.lists(st.sampled_from(list(TestVerdict))), st.lists(st.sampled_from(list(TestVerdict))))
def test_totals_add_up(some, others):
    """Counting two lists is counting their concatenation, and every test is counted once."""
    assert Totals.of(some) + Totals.of(others) == Totals.of(some + others)
    assert Totals.of(some).tests == len(some)


def test_the_result_has_the_keys_that_the_contract_names():
    """What run.json holds of a test run, down to the cluster's `class`; and it reads back."""
    result = TestRunResult(
        totals=Totals.of([V.FAILED]),
        tests=(TestResult.of(Case(name="t", attempts=(TestAttempt(outcome=V.FAILED),)), "unit"),),
        clusters=(Cluster(id="C1", signature="s", tests=("t",)),),
    )
    told = result.model_dump(mode="json")
    assert {"totals", "tests", "clusters", "suites", "shards", "bound_s", "efficiency"} <= set(told)
    assert set(told["totals"]) == {verdict.value for verdict in TestVerdict}
    assert {"id", "suite", "environment", "file", "name", "verdict", "duration_s", "attempts"} <= set(told["tests"][0])
    assert {"outcome", "duration_s", "worker", "message"} <= set(told["tests"][0]["attempts"][0])
    assert set(told["clusters"][0]) == {
        *("id", "signature", "class", "tests", "shared", "reproduce", "suspects", "explanation"),
    }
    assert TestRunResult.model_validate(told) == result
