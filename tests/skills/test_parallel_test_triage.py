"""Suspects and explanations: what a change touches comes first, and what a model says stands on quotes.

Every answer of a sub-agent here is scripted; no model was asked.
"""

import asyncio
from typing import Any

import pytest

from fanfold import Supervisor
from fanfold.agents.spec import Answered
from fanfold.errors import Refused
from fanfold.skills.parallel_test.clusters import Failure
from fanfold.skills.parallel_test.suspects import suspects
from fanfold.skills.parallel_test.triage import MOST_CLUSTERS, Triage, checked, triage_brief
from fanfold.sources.change import change_text
from fanfold.sources.diff import parse_diff
from fanfold.suites import Case, ClusterClass, Evidence, Explanation, Frame, TestAttempt, TestResult, TestVerdict

DIFF = "--- a/src/a.py\n+++ b/src/a.py\n@@ -10,2 +10,3 @@\n x\n+y\n z\n"
CHANGES = {change.path: change for change in parse_diff(DIFF)}
TEXT = "def load(row):\n    return row['id']\n"


def failed(*frames, message="KeyError: 'id'", name="test_a"):
    told = TestAttempt(
        outcome=TestVerdict.FAILED,
        error_type="KeyError",
        message=message,
        trace="Traceback …",
        frames=tuple(Frame(path=path, line=line, function="f") for path, line in frames),
    )
    return TestResult.of(Case(file="tests/test_a.py", name=name, attempts=(told,)), "unit")


def failure(**fields):
    return Failure.of(failed(("src/a.py", 2), **fields), {})


@pytest.mark.parametrize(
    ("frames", "first"),
    [
        ([("src/b.py", 5), ("src/a.py", 11), ("src/c.py", 1)], "src/a.py:11"),
        ([("src/b.py", 5), ("src/a.py", 13)], "src/a.py:13"),
        ([("src/a.py", 90), ("src/b.py", 5)], "src/a.py:90"),
    ],
)
def test_what_the_change_touches_comes_first(frames, first):
    """A frame on a changed line, near one, in a changed file: in this order, whatever lies deeper."""
    assert suspects([failed(*frames)], CHANGES)[0] == first


def test_frames_that_nothing_speaks_against_are_no_suspects():
    """Without a change and without blame there is nothing to say; libraries and the test itself never are."""
    tests = [failed(("tests/test_a.py", 3), ("src/b.py", 5), ("/usr/lib/python3/json.py", 9), ("<string>", 1))]
    assert suspects(tests, {}) == ()
    assert suspects(tests, {}, lambda _path, _line: 1.0) == ("src/b.py:5",)


def test_the_newest_lines_come_first_behind_the_change():
    """Blame orders what the change does not touch."""
    when = {"src/b.py": 1.0, "src/c.py": 2.0}
    tests = [failed(("src/b.py", 5), ("src/c.py", 1), ("src/a.py", 11))]
    assert suspects(tests, CHANGES, lambda path, _line: when.get(path)) == ("src/a.py:11", "src/c.py:1", "src/b.py:5")


def test_a_cause_stands_on_quotes():
    """Lines are set right, invented quotes go, and without any evidence the cause is not known."""
    said = Explanation(
        enough_information=True,
        cause="The row has no id.",
        evidence=(
            Evidence(path="src/a.py", line=9, quote="return row['id']"),
            Evidence(path="src/a.py", line=1, quote="not there"),
            Evidence(path="../etc/passwd", line=1, quote="root"),
        ),
        proposed_fix="Use get.",
    )
    kept = checked(said, {"src/a.py": TEXT}.get)
    assert [(one.path, one.line) for one in kept.evidence] == [("src/a.py", 2)]
    assert checked(said, lambda _path: None) == Explanation(enough_information=False)
    assert checked(Explanation(enough_information=False, cause="A guess."), lambda _path: None).cause == ""


class Scripted:
    """A backend that says one thing, and remembers what it was asked."""

    name = "scripted"
    interactive = True
    notes = ()
    most = None

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def ask(self, spec, _attempt):
        self.asked.append(spec)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Answered(answer=self.answer)

    async def close(self):
        """There is nothing to close."""


def triaged(backend, *failures):
    async def go():
        async with Supervisor(jobs=4) as supervisor:
            triage = Triage(
                supervisor, backend, triage_brief("m", None, ()), change_text(CHANGES.values()), {"src/a.py": TEXT}.get
            )
            for one in failures:
                triage.begin(one, ["src/a.py:2"])
            said = await triage.explanations()
            return [said.get(one.name) for one in failures], triage.notes

    return asyncio.run(go())


GOOD = Explanation(
    enough_information=True, cause="No id.", evidence=(Evidence(path="src/a.py", line=2, quote="return row['id']"),)
)


def test_one_call_a_cluster():
    """Ten tests of one signature are explained once; the change is the shared part, the failure is fenced."""
    backend = Scripted(GOOD)
    told, _ = triaged(backend, *(failure(name=f"test_{n}", message=f"KeyError: '{n}'") for n in range(10)))
    assert len(backend.asked) == 1
    assert {one.cause for one in told} == {"No id."}
    (spec,) = backend.asked
    assert "+y" in spec.context
    assert "src/a.py:2" in spec.task
    assert spec.task.count("<untrusted-failure-") == 1


def test_no_answer_is_no_explanation():
    """A refusal leaves the cluster as it is; nothing is invented."""
    assert triaged(Scripted(Refused("no")), failure()) == ([None], [])


def test_a_broken_checkout_is_not_explained_a_thousand_times():
    """The first kinds of failure are; how many were left out is said."""
    backend = Scripted(GOOD)
    kinds = [failure(message=f"KeyError: {'x' * n}z", name=f"t{n}") for n in range(1, MOST_CLUSTERS + 6)]
    _, notes = triaged(backend, *kinds)
    assert len(backend.asked) == MOST_CLUSTERS
    assert notes[0].startswith("5 kinds of failure were not explained")


def test_nobody_looks_for_suspects_of_what_is_explained_already():
    """Of thousands of failures those are looked into that will be asked about: one of a kind, and so many kinds."""

    async def go():
        async with Supervisor(jobs=4) as supervisor:
            backend: Any = Scripted(GOOD)
            triage = Triage(supervisor, backend, triage_brief("m", None, ()), "", {"src/a.py": TEXT}.get)
            kinds = [failure(message=f"KeyError: {'x' * (n % 50)}z", name=f"t{n}") for n in range(500)]
            wanted = 0
            for one in kinds:
                wanted += triage.wants(one)
                triage.begin(one)
            await triage.explanations()
            return wanted

    assert asyncio.run(go()) == MOST_CLUSTERS


def test_a_class_is_no_business_of_a_models():
    """What it says has no field for it."""
    assert "class" not in Explanation.model_json_schema()["properties"]
    assert Failure.of(failed(), {}).kind is ClusterClass.UNKNOWN


def test_the_same_failure_is_the_same_question_in_another_run():
    """Addresses and temporary folders are other ones each time; the unit is known again by what is left."""
    asked = []
    for run, address in (("pytest-3", "0x7f87e3a95f80"), ("pytest-14", "0x7fbb01c00d10")):
        backend = Scripted(GOOD)
        message = f"AssertionError: <function f at {address}> in /tmp/pytest-of-me/{run}/test_a0"
        triaged(backend, failure(message=message))
        asked += backend.asked
    assert asked[0].task == asked[1].task
    assert "0x…" in asked[0].task
