"""Which commit broke a test: the first bad one is found by few runs, whatever can't be run on the way."""

import asyncio
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.errors import UsageError
from fanfold.skills.parallel_test.bisect import Answer, first_bad, stretch_of
from fanfold.testing.repository import Repository, isolate_git


@given(st.integers(1, 200), st.data())
def test_the_first_bad_commit_is_found_in_logarithmic_time(count, data):
    """With all answers known it is exactly that one, after no more than log2 of their number, and one."""
    bad = data.draw(st.integers(0, count - 1))
    asked = []

    async def ask(commit):
        asked.append(commit)
        return Answer.BAD if int(commit) >= bad else Answer.GOOD

    assert asyncio.run(first_bad([str(n) for n in range(count)], ask)) == (str(bad),)
    assert len(asked) <= math.log2(count) + 1


@given(st.integers(1, 60), st.data())
def test_what_can_not_be_run_is_passed_over(count, data):
    """The first bad one is among those told, and all others told could not be run; none is asked twice."""
    bad = data.draw(st.integers(0, count - 1))
    unknown = data.draw(st.sets(st.integers(0, count - 1)))
    asked = []

    async def ask(commit):
        asked.append(commit)
        at = int(commit)
        return Answer.UNKNOWN if at in unknown else Answer.BAD if at >= bad else Answer.GOOD

    told = [int(commit) for commit in asyncio.run(first_bad([str(n) for n in range(count)], ask))]
    assert bad in told
    assert set(told[:-1]) <= unknown
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("good", ["nowhere", "HEAD", "../x", "HEAD~40", ""])
def test_a_good_commit_that_is_none(tmp_path, monkeypatch, good):
    """One clear line, before anything is run."""
    isolate_git(monkeypatch)
    repository = Repository.init(tmp_path / "project")
    repository.write("a", "1")
    repository.commit()
    with pytest.raises(UsageError, match="--bisect"):
        stretch_of(Path(repository.root), good)
