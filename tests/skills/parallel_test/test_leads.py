"""After which tests a test fails: found by halving, and named in a command that fails."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from fanfold.runners.tools import Tools
from fanfold.skills.parallel_test.fold import About, fold, reproducer
from fanfold.skills.parallel_test.leads import MOST_TRIES, can_lead, last_of, shortest
from fanfold.suites import TestAttempt, TestVerdict


@given(count=st.integers(1, 120), culprits=st.sets(st.integers(0, 119), min_size=1, max_size=3))
def test_the_shortest_lead_makes_it_fail(count, culprits):
    """What is left still fails, in the order it had, within the bound; one culprit of a few is found alone."""
    culprits = {one % count for one in culprits}
    tries = 0

    async def fails(lead: Sequence[int]) -> bool:
        nonlocal tries
        tries += 1
        return bool(culprits <= set(lead))

    kept = asyncio.run(shortest(range(count), fails))
    assert culprits <= set(kept)
    assert list(kept) == sorted(kept)
    assert tries <= MOST_TRIES
    assert len(culprits) > 1 or len(kept) == 1


@given(took=st.lists(st.floats(0, 9), max_size=40), most_s=st.floats(0, 30))
def test_the_last_of_a_long_lead_is_as_much_as_is_quick(took, most_s):
    """What a test needs is seldom far: the end of it, in its order, and no more could have been added."""
    known = dict(enumerate(took))
    kept = last_of(range(len(took)), known, most_s)
    assert kept == list(range(len(took) - len(kept), len(took)))
    assert sum(known[index] for index in kept) <= most_s + 1e-6
    assert len(kept) == len(took) or sum(took[-len(kept) - 1 :]) > most_s - 1e-6


def test_what_hangs_or_crashes_leads_nothing():
    """One bad end among the attempts is enough, and what has not ended may be hanging; what failed may lead."""
    told = {n: [TestAttempt(outcome=outcome)] for n, outcome in enumerate(TestVerdict)}
    told[20] = [TestAttempt(outcome=TestVerdict.PASSED), TestAttempt(outcome=TestVerdict.CRASHED)]
    left_out = {n for n, one in told.items() if one[-1].outcome in {TestVerdict.TIMED_OUT, TestVerdict.CRASHED}}
    assert can_lead(told, [*told, 30]) == [n for n in told if n not in left_out]


SPOILT = """
    import os, pytest
    @pytest.mark.parametrize("n", range(9))
    def test_before(n): pass
    class TestSpoils:
        def test_it(self): os.environ["SPOILT"] = "1"
    @pytest.mark.parametrize("n", range(4))
    def test_between(n): pass
"""
VICTIM = 'import os\ndef test_victim(): assert "SPOILT" not in os.environ\n'


def test_an_order_cluster_names_what_disturbs_and_its_command_fails(project):
    """The printed command runs two tests and fails; the report names the one that disturbs the other."""
    done = project.write({"test_a.py": SPOILT, "test_b.py": VICTIM}).run(workers=1, retries=1)
    job = done.run.job
    tools = Tools(project.root, {**os.environ, "VIRTUAL_ENV": sys.prefix})
    about = About(suspect=lambda _: (), reproduce=reproducer([job], tools), explain=lambda _: None)
    (cluster,) = fold([done.run], (), 1, about=about).clusters
    assert cluster.kind == "order"
    assert "after:test_a.py::TestSpoils::test_it" in cluster.shared
    again = subprocess.run(cluster.reproduce, shell=True, cwd=project.root, capture_output=True, text=True, check=False)  # noqa: S602  it is a line for a shell
    assert again.returncode == 1, again.stdout
    assert "1 failed, 1 passed" in again.stdout
    assert done.attempts["test_victim"] == ["failed", "passed", "failed", "failed", "passed"], "tries are no attempts"


def test_reruns_leave_out_what_crashes(project):
    """A test before it that takes its process along does not hide what the tests before that one do to it."""
    text = """
        import os
        def test_makes(): os.environ["MADE"] = "1"
        def test_crashes(): os._exit(3)
        def test_needs(): assert os.environ["MADE"]
    """
    done = project.write({"test_a.py": text}).run(workers=1, retries=1)
    assert done.verdicts["test_crashes"] == "crashed"
    tried = ["failed", "failed", "passed", "failed", "passed"]
    assert (done.attempts["test_needs"], done.kinds["test_needs"]) == (tried, "order")
