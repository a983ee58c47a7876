"""The test skill's fold and its formats: one result, nothing hidden, and every artefact whatever ran."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from fanfold.errors import UsageError
from fanfold.models import Coverage, Status, UnitRecord
from fanfold.reports.filters import excerpt
from fanfold.reports.formats import Renderer, TemplateChoice
from fanfold.reports.samples import FULL as REVIEW
from fanfold.reports.tested import captured, heading, result_of, slowest, suite_notes, times_failed
from fanfold.reports.tested_samples import TEST_RUNS
from fanfold.skills.parallel_test.fold import incomplete, shards_bound_s, shards_wall_s
from fanfold.suites import (
    Case,
    Cluster,
    Frame,
    ShardRecord,
    SuiteRecord,
    TestAttempt,
    TestResult,
    TestRunResult,
    Totals,
    results_of,
)

SCHEMA = json.loads((Path(__file__).parents[1] / "schemas" / "ctrf.json").read_text(encoding="utf-8"))
RENDERER = Renderer("parallel-test", ("md", "junit", "ctrf", "json"), TemplateChoice())


@pytest.mark.parametrize("name", TEST_RUNS)
def test_golden_report(name, golden):
    """What a person reads, and what machines do, for each kind of run."""
    golden(f"parallel-test/{name}.md", RENDERER.render(TEST_RUNS[name], "md"))
    golden(f"parallel-test/{name}.xml", RENDERER.render(TEST_RUNS[name], "junit"))


@pytest.mark.parametrize("name", TEST_RUNS)
def test_ctrf_is_valid_and_counts_every_test(name):
    """By the published schema; statuses add up."""
    document = json.loads(RENDERER.render(TEST_RUNS[name], "ctrf"))
    jsonschema.validate(document, SCHEMA)
    summary = document["results"]["summary"]
    assert summary["tests"] == len(document["results"]["tests"]) == result_of(TEST_RUNS[name]).totals.tests
    assert summary["tests"] == sum(summary[key] for key in ("passed", "failed", "skipped", "pending", "other"))


@pytest.mark.parametrize("name", TEST_RUNS)
def test_junit_hides_nothing(name):
    """Every test once; what failed or is not known is a failure or an error there; a suite that never ran as well."""
    root = ET.fromstring(RENDERER.render(TEST_RUNS[name], "junit"))  # noqa: S314  we wrote it
    result = result_of(TEST_RUNS[name])
    cases = root.findall(".//testcase")
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    broken = sum(suite.error is not None for suite in result.suites)
    assert len(cases) == result.totals.tests + broken
    assert len(bad) == result.totals.bad + result.totals.unfinished + broken


@pytest.mark.parametrize(
    ("reruns", "verdicts", "said"),
    [
        (0, ("passed", "passed"), "Complete: 1 suite, 2 shards, 2 tests."),
        (1, ("passed", "failed"), "Complete: 1 suite, 2 shards, 2 tests, 1 rerun."),
        (9, ("passed", "lost"), "**Incomplete: 1 of 1 suite, 1 of 2 tests covered**. Missing:\n\n- 1 test — lost"),
        (0, ("not_run", "lost"), "**Incomplete: 1 of 1 suite, 0 of 2 tests covered**. Missing:\n\n- 2 tests — lost"),
    ],
)
def test_what_was_done_is_told_as_a_person_counts_it(reruns, verdicts, said):
    """Suites, shards and tests, not the units of the engine; a run with a test that nobody knows of is not complete."""
    full = TEST_RUNS["full"]
    units = [UnitRecord(key=f"{n}", label=f"rerun {n}", kind="rerun", status=Status.OK) for n in range(reruns)]
    cases = [Case(name=f"t{n}", attempts=(TestAttempt(outcome=word),)) for n, word in enumerate(verdicts)]
    tests = results_of(cases, "unit")
    result = {**full.result, "tests": tests, "clusters": (), "totals": Totals.of(test.verdict for test in tests)}
    run = full.model_copy(update={"units": tuple(units), "result": TestRunResult(**result).model_dump(mode="json")})
    assert said in RENDERER.render(run, "md")


def test_what_holds_for_several_suites_is_said_once():
    """A note of the plan that is the same in two environments stands there once."""
    suites = [
        SuiteRecord(name="unit", framework="pytest", folder=".", environment=e, notes=("one shard",)) for e in "ab"
    ]
    other = SuiteRecord(name="web", framework="jest", folder=".", notes=("one shard", "no cache"))
    assert suite_notes(TestRunResult(suites=(*suites, other))) == ["unit, web: one shard", "web: no cache"]


def test_what_takes_a_moment_is_not_slow():
    """A list of tests that took no time tells nothing."""
    tests = tuple(
        TestResult.of(Case(name=f"t{n}", attempts=(TestAttempt(outcome="passed", duration_s=took),)), "unit")
        for n, took in enumerate((0.02, 0.3, None))
    )
    assert [test.name for test in slowest(TestRunResult(tests=tests))] == ["t1"]


@pytest.mark.parametrize(("bound_s", "passed", "told"), [(2.0, 3, True), (0.02, 3, False), (2.0, 0, False)])
def test_efficiency_is_told_of_tests_that_ran(bound_s, passed, told):
    """Not of what was over in a moment, nor where no test began."""
    totals = {"passed": passed, "not_run": 2}
    run = TEST_RUNS["full"]
    result = {**run.result, "bound_s": bound_s, "efficiency": 0.5, "totals": totals}
    assert ("2.00 × the least" in RENDERER.render(run.model_copy(update={"result": result}), "md")) is told


@pytest.mark.parametrize(
    ("trace", "first", "last"),
    [
        ("boom\n" + "at f\n" * 40, "boom", "… 31 lines more"),
        ("def test():\n" + "    x\n" * 40 + "E   boom", "… 32 lines before", "E   boom"),
        ("boom" + "\nat f" * 10, "boom", "… 1 line more"),
        ("boom", "boom", "boom"),
    ],
)
def test_of_a_long_stack_the_end_with_the_message_is_shown(trace, first, last):
    """Java's and Ruby's have it on top, Python's at the end."""
    lines = excerpt(TestAttempt(outcome="failed", message="boom", trace=trace), 10).split("\n")
    assert (lines[0], lines[-1]) == (first, last)


def called(**attempt):
    """Return what the cluster of one test is called in a report."""
    test = TestResult.of(Case(file="test_a.py", name="test", attempts=(TestAttempt(**attempt),)), "unit")
    return heading(TestRunResult(tests=(test,)), Cluster(id="C1", signature="masked", tests=(test.id,)))


@pytest.mark.parametrize(
    ("message", "error", "said"),
    [
        (
            "Failed to load url ../src/doesnotexist (resolved 3)",
            None,
            "Failed to load url ../src/doesnotexist (resolved 3)",
        ),
        (
            "AssertionError: expected 3 to be less than 2",
            "AssertionError",
            "AssertionError: expected 3 to be less than 2",
        ),
        ("assert 121.0 == 120\n +  where 121.0 = vat(100)", "AssertionError", "AssertionError: assert 121.0 == 120"),
        (
            "Error: expect(received).toBe(expected) // Object.is equality\n\nExpected: 3\nReceived: -1\n\n  at x",
            "Error",
            "Error: expect(received).toBe(expected): Expected: 3, Received: -1",
        ),
        ("", "TimeoutError", "TimeoutError"),
        ("", None, "failed"),
        ("a\tb \x0b c", None, "a b"),
        ("x" * 5_000, None, f"{'x' * 199}…"),
    ],
)
def test_a_cluster_is_called_by_what_its_representative_says(message, error, said):
    """Nothing in it is masked, however failures are grouped; it is one line of a bounded length."""
    assert called(outcome="failed", message=message, error_type=error) == said


def test_a_cluster_is_called_by_where_it_was_raised():
    """By the innermost frame of the repository outside of the test; of a record that lacks the test, the signature."""
    frames = [Frame(path=path, line=1, function="f") for path in ("test_a.py", "src/a.py", "/usr/lib/c.py")]
    assert called(outcome="failed", message="no", frames=tuple(frames)) == "no in src/a.py f"
    assert heading(TestRunResult(), Cluster(id="C1", signature="masked", tests=("gone",))) == "masked"


def test_what_a_failed_test_wrote_is_shown_to_its_end():
    """The last lines, of the attempt that says why it failed, and how often it was tried."""
    passed, failed = TestAttempt(outcome="passed", output="fine"), {"outcome": "failed", "trace": "E"}
    test = TestResult.of(Case(name="t", attempts=(passed, TestAttempt(**failed, output="a\nb\nc\n"))), "unit")
    assert captured(test, 2) == "… 1 line before\nb\nc"
    assert times_failed(test) == "1 of 2 attempts"
    assert captured(TestResult.of(Case(name="t", attempts=(TestAttempt(**failed),)), "unit")) == ""


def test_a_review_is_no_test_run():
    """Its formats are its own, and that is said."""
    with pytest.raises(UsageError, match="junit is for runs of parallel-test"):
        Renderer("code-review", ("junit",), TemplateChoice())
    with pytest.raises(UsageError, match="no test run"):
        result_of(REVIEW)


@pytest.mark.parametrize(
    ("totals", "planned", "open_"),
    [
        ({"passed": 3}, 2, False),
        ({"passed": 3, "lost": 1}, 2, True),
        ({"passed": 3}, 3, True),
        ({"not_run": 1}, 2, True),
    ],
)
def test_a_run_with_unknown_tests_is_incomplete(totals, planned, open_):
    """A test that nobody reported, a unit without an outcome: the run does not look whole."""
    result = TestRunResult(totals=Totals(**totals))
    assert incomplete(result, Coverage(planned=planned, ok=2)) is open_


def test_the_bound_is_never_above_the_wall():
    """Two workers, three shards: what they took at the least, and what they took."""
    spans = [(0.0, 3.0), (0.0, 2.0), (2.0, 4.0)]
    shards = [ShardRecord(id=f"s{n}", suite="s", started_s=start, ended_s=end) for n, (start, end) in enumerate(spans)]
    assert shards_bound_s(shards, 2) == pytest.approx(4.0)
    assert shards_wall_s(shards) == 4.0
    assert shards_bound_s([], 2) is None
    assert shards_wall_s([ShardRecord(id="x", suite="s")]) is None
