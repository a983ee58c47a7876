"""What a failure is, is told by running it again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.skills.parallel_test.clusters import cluster
from fanfold.skills.parallel_test.evidence import Rerun, Trial, next_rerun, rule, rule_uncollected, wants_resource
from fanfold.skills.parallel_test.job import Deaf, Settled
from fanfold.suites import BAD, Case, ClusterClass, TestAttempt, TestVerdict, results_of

FAILED, PASSED = TestAttempt(outcome=TestVerdict.FAILED), TestAttempt(outcome=TestVerdict.PASSED)
ALONE, SAME, ORDER = Rerun.ALONE, Rerun.AFTER_THE_SAME, Rerun.IN_ORDER


def attempt(outcome: TestVerdict, **fields: Any) -> TestAttempt:
    return TestAttempt(outcome=outcome, **fields)


def story(
    first: TestAttempt, answers: dict[Rerun, list[TestAttempt]], **facts: Any
) -> tuple[list[Rerun], ClusterClass]:
    """Play a trial out: each rerun ends as `answers` says, in turn."""
    trial, asked = Trial(first, **facts), []
    while kind := next_rerun(trial):
        asked.append(kind)
        again = answers[kind][len(trial.of(kind))]
        trial = Trial(first, (*trial.reruns, (kind, again)), trial.retries, trial.had_before, trial.left_out)
    return asked, rule(trial)


ALL = {"had_before": True, "left_out": True}
TABLE = [
    ("was not run again", FAILED, {ALONE: [attempt(TestVerdict.NOT_RUN)]}, ALL, [ALONE], "unknown"),
    ("was skipped again", FAILED, {ALONE: [attempt(TestVerdict.SKIPPED)]}, {}, [ALONE], "unknown"),
    ("was lost again", FAILED, {ALONE: [attempt(TestVerdict.LOST)]}, {}, [ALONE], "unknown"),
    ("fails always", FAILED, {ALONE: [FAILED], ORDER: [FAILED]}, ALL, [ALONE, ORDER], "regression"),
    ("fails alone, nothing before it", FAILED, {ALONE: [FAILED]}, {}, [ALONE], "regression"),
    (
        "needs a test before it",
        FAILED,
        {ALONE: [FAILED] * 2, ORDER: [PASSED] * 2},
        ALL,
        [ALONE, ORDER, ALONE, ORDER],
        "order",
    ),
    (
        "seems to need a test before it",
        FAILED,
        {ALONE: [FAILED, PASSED], ORDER: [PASSED]},
        ALL,
        [ALONE, ORDER, ALONE],
        "flaky",
    ),
    (
        "passed once after others",
        FAILED,
        {ALONE: [FAILED] * 2, ORDER: [PASSED, FAILED]},
        ALL,
        [ALONE, ORDER, ALONE, ORDER],
        "flaky",
    ),
    (
        "is disturbed",
        FAILED,
        {ALONE: [PASSED] * 2, SAME: [FAILED] * 2},
        {"had_before": True},
        [ALONE, SAME, SAME, ALONE],
        "order",
    ),
    (
        "seems disturbed",
        FAILED,
        {ALONE: [PASSED, FAILED], SAME: [FAILED] * 2},
        ALL,
        [ALONE, SAME, SAME, ALONE],
        "flaky",
    ),
    ("fails by chance", FAILED, {ALONE: [PASSED], SAME: [FAILED, PASSED]}, ALL, [ALONE, SAME, SAME], "flaky"),
    ("fails by chance alone", FAILED, {ALONE: [FAILED, PASSED]}, {**ALL, "retries": 2}, [ALONE, ALONE], "flaky"),
    (
        "is disturbed in this order only",
        FAILED,
        {ALONE: [PASSED] * 2, SAME: [FAILED] * 2, ORDER: [PASSED]},
        ALL,
        [ALONE, SAME, SAME, ALONE, ORDER],
        "order",
    ),
    ("passes again", FAILED, {ALONE: [PASSED], SAME: [PASSED]}, ALL, [ALONE, SAME], "flaky"),
    ("passes alone, was first", FAILED, {ALONE: [PASSED]}, {}, [ALONE], "flaky"),
    ("passes at last", FAILED, {ALONE: [FAILED, PASSED]}, {"retries": 3}, [ALONE, ALONE], "flaky"),
    ("fails as often as asked", FAILED, {ALONE: [FAILED] * 3}, {"retries": 3}, [ALONE] * 3, "regression"),
    ("is not rerun", FAILED, {}, {"retries": 0}, [], "unknown"),
    (
        "had no port",
        attempt(TestVerdict.FAILED, message="OSError: [Errno 98] Address already in use"),
        {ALONE: [PASSED]},
        {},
        [ALONE],
        "environment",
    ),
    (
        "has no server",
        attempt(TestVerdict.ERROR, error_type="ConnectionRefusedError"),
        {ALONE: [FAILED]},
        {},
        [ALONE],
        "environment",
    ),
    (
        "hangs",
        attempt(TestVerdict.TIMED_OUT),
        {ALONE: [attempt(TestVerdict.TIMED_OUT)]},
        {**ALL, "retries": 3},
        [ALONE],
        "timeout",
    ),
    ("hung once", attempt(TestVerdict.TIMED_OUT), {ALONE: [PASSED]}, ALL, [ALONE], "flaky"),
    ("crashes", attempt(TestVerdict.CRASHED), {ALONE: [attempt(TestVerdict.CRASHED)]}, ALL, [ALONE], "crash"),
]


@pytest.mark.parametrize(
    ("first", "answers", "facts", "asked", "kind"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_evidence_decides(first, answers, facts, asked, kind):
    """Which reruns are asked for, and what they make of the failure."""
    assert story(first, answers, **facts) == (asked, kind)


@given(
    first=st.sampled_from(sorted(TestVerdict)),
    outcomes=st.lists(st.sampled_from(sorted(TestVerdict)), min_size=12, max_size=12),
    retries=st.integers(0, 5),
    had_before=st.booleans(),
    left_out=st.booleans(),
)
def test_every_trial_ends(first, outcomes, retries, had_before, left_out):
    """Whatever reruns end like, there are at most as many as allowed and four more, and none of what did not fail."""
    answers = {kind: [attempt(outcome) for outcome in outcomes] for kind in Rerun}
    facts = {"retries": retries, "had_before": had_before, "left_out": left_out}
    asked, _ = story(attempt(first), answers, **facts)
    assert len(asked) <= retries + 4
    assert asked.count(ALONE) <= retries + 1
    assert not asked or first in BAD


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("sqlite3.OperationalError: database is locked", True),
        ("no space left on device", True),
        ("assert 1 == 2", False),
    ],
)
def test_what_is_about_the_surroundings(text, is_so):
    """Messages about ports, locks and disks are told from those about values."""
    assert wants_resource(attempt(TestVerdict.FAILED, message=text)) is is_so


# -- played by real tests


class Ears(Deaf):
    """Remembers what it hears."""

    def __init__(self) -> None:
        self.heard: list[Case] = []
        self.failures: list[Settled] = []

    def tested(self, job: object, case: Case) -> None:
        del job
        self.heard.append(case)

    def settled(self, failure: Settled) -> None:
        self.failures.append(failure)


def test_a_failure_of_the_code_is_a_regression(either):
    """It fails in its shard, alone, and after the tests before it."""
    text = "def test_a(): pass\ndef test_b(): assert 0\n"
    done = either.write({"test_a.py": text}).run(retries=1)
    assert (done.verdicts["test_b"], done.kinds) == ("failed", {"test_b": "regression"})


def test_flaky_is_not_passed(project):
    """A test that passes when it is run again is flaky, with all its attempts; whoever listens hears each."""
    project.listener = Ears()
    text = """
        import pathlib
        def test_flaky():
            count = pathlib.Path("count")
            count.write_text((count.read_text() if count.exists() else "") + "x")
            assert len(count.read_text()) > 1
    """
    done = project.write({"test_a.py": text}).run(retries=2)
    assert done.attempts == {"test_flaky": ["failed", "passed"]}
    assert (done.verdicts, done.kinds) == ({"test_flaky": "flaky"}, {"test_flaky": "flaky"})
    assert [len(case.attempts) for case in project.listener.heard] == [1, 2]
    assert [failure.why for failure in project.listener.failures] == ["it failed in its shard, passed alone"]


def test_a_disturbed_test_is_order_dependent(project):
    """It passes alone and fails after the test that spoils what both use."""
    text = """
        import os
        def test_spoils(): os.environ["SPOILT"] = "1"
        def test_victim(): assert "SPOILT" not in os.environ
    """
    done = project.write({"test_a.py": text}).run(workers=1, retries=1)
    assert done.attempts["test_victim"] == ["failed", "passed", "failed", "failed", "passed"]
    assert (done.verdicts["test_victim"], done.kinds) == ("failed", {"test_victim": "order"})


def test_what_fails_by_turns_is_flaky_after_others_too(project):
    """It passes alone by chance and fails after others by chance: it is no matter of order, and has one verdict."""
    text = """
        import pathlib
        def test_before(): pass
        def test_turns():
            count = pathlib.Path("count")
            count.write_text((count.read_text() if count.exists() else "") + "x")
            assert len(count.read_text()) % 2 == 0
    """
    done = project.write({"test_a.py": text}).run(workers=1, retries=1)
    assert done.attempts["test_turns"] == ["failed", "passed", "failed", "passed"]
    assert (done.verdicts["test_turns"], done.kinds) == ("flaky", {"test_turns": "flaky"})


def test_a_test_that_hangs_costs_two_limits_and_holds_up_no_shard(project):
    """It is rerun once, alone, when all that was to be run has begun; no rerun comes after it."""
    text = "import time\ndef test_first(): pass\ndef test_hangs(): time.sleep(60)\ndef test_fails(): assert 0\n"
    files = {"test_a.py": text, **{f"test_b{n}.py": "def test_b(): pass\n" for n in range(3)}}
    durations = {f"test_b{n}.py::test_b": 0.02 for n in range(3)}
    durations |= {f"test_a.py::{name}": 0.3 for name in ("test_first", "test_hangs", "test_fails")}
    project.listener = Ears()
    done = project.write(files).run(workers=1, retries=1, timeout_s=0.6, durations=durations)
    assert done.attempts["test_hangs"] == ["timed_out", "timed_out"]
    assert "timed_out" not in done.attempts["test_fails"]
    assert done.kinds == {"test_hangs": "timeout", "test_fails": "regression"}
    firsts = [len(case.attempts) for case in project.listener.heard]
    assert firsts == sorted(firsts)


def test_a_test_that_needs_another_is_no_failure_of_the_code(project):
    """What plain pytest passes because another test ran before it is not failed by being in another shard."""
    text = """
        import os, pathlib, time
        seen = pathlib.Path("seen")
        def test_makes():
            os.environ["MADE"] = "1"
            deadline = time.time() + 20
            while not seen.exists() and time.time() < deadline: time.sleep(0.01)
        def test_other(): pass
        def test_needs():
            seen.touch()
            assert os.environ["MADE"]
    """
    durations = {
        f"test_a.py::{name}": seconds for name, seconds in (("test_makes", 9), ("test_other", 1), ("test_needs", 9))
    }
    done = project.write({"test_a.py": text}).run(retries=1, durations=durations)
    assert len(done.run.shards) > 1
    assert done.attempts["test_needs"] == ["failed", "failed", "passed", "failed", "passed"]
    assert (done.verdicts["test_needs"], done.kinds) == ("flaky", {"test_needs": "order"})
    assert "after the tests that pytest runs before it" in done.run.settled[0].why


def test_a_test_that_needs_another_which_still_runs_waits_for_it(project):
    """When it has failed alone as well, it is rerun after what still ran in another shard by then, as pytest would."""
    text = """
        import os, pathlib, time
        seen = pathlib.Path("seen")
        def test_makes():
            os.environ["MADE"] = "1"
            deadline = time.time() + 20
            while not (seen.exists() and len(seen.read_text()) > 1) and time.time() < deadline: time.sleep(0.01)
        def test_needs():
            with seen.open("a") as file: file.write("x")
            assert os.environ["MADE"]
    """
    durations = {f"test_a.py::{name}": 9 for name in ("test_makes", "test_needs")}
    done = project.write({"test_a.py": text}).run(retries=1, durations=durations)
    assert len(done.run.shards) > 1
    assert done.kinds == {"test_needs": "order"}
    assert done.verdicts["test_needs"] == "flaky"


def test_many_failures_of_one_cause_are_not_all_rerun(project):
    """Some of those that fail alike are rerun, and the rest are what these are, and say that they were not."""
    text = "import pytest\n@pytest.mark.parametrize('n', range(20))\ndef test_a(n): raise OSError('all of them')\n"
    done = project.write({"test_a.py": text}).run(retries=1)
    reruns = [name for name, attempts in done.attempts.items() if len(attempts) > 1]
    assert len(reruns) == 5
    assert list(done.kinds.values()) == ["regression"] * 20
    assert sum("it was not rerun" in one.why for one in done.run.settled) == 15
    assert set(done.verdicts.values()) == {"failed"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("import nowhere_at_all", "environment"),
        ("import json.nowhere", "regression"),
        ("from json import nowhere", "regression"),
        ("1 / 0", "regression"),
        ("def (:", "regression"),
    ],
)
def test_what_can_t_be_collected_has_a_class(project, text, kind):
    """It fails whenever it is collected; only a package that is not installed is no matter of the code."""
    done = project.write({"test_a.py": f"{text}\n", "test_b.py": "def test_b(): pass\n"}).run(retries=1)
    (found,) = cluster(results_of(done.run.cases, "unit", "default"), {})
    assert found.kind == kind


def test_without_retries_nothing_is_rerun(project):
    """No rerun, and what the first attempt alone can't tell is unknown."""
    done = project.write({"test_a.py": "def test_a(): assert 0\n"}).run(retries=0)
    assert (done.attempts, done.kinds) == ({"test_a": ["failed"]}, {"test_a": "unknown"})


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            "Failed to load url ../src/nothing (resolved id: ../src/nothing) in /a.ts. Does the file exist?",
            "regression",
        ),
        ("Failed to load url lodash (resolved id: lodash) in /a.ts. Does the file exist?", "environment"),
        ('Failed to resolve import "./nothing" from "a.ts". Does the file exist?', "regression"),
        ('Failed to resolve import "@/nothing" from "a.ts". Does the file exist?', "regression"),
        ('Failed to resolve import "@scope/name" from "a.ts". Does the file exist?', "environment"),
        ("Cannot find module './nothing' from 'a.js'", "regression"),
        ("Cannot find module 'left-pad' from 'a.js'", "environment"),
        ("Error: Cannot find package 'left-pad' imported from /repo/a.mjs", "environment"),
        ("Error: Cannot find module '/repo/nothing.js' imported from /repo/a.mjs", "regression"),
        ("SyntaxError: Unexpected token", "regression"),
    ],
)
def test_what_does_not_load(said, kind):
    """A package that is not there is a matter of the environment, a file of the project's own is the code's."""
    assert rule_uncollected(attempt(TestVerdict.ERROR, message=said)) == kind
