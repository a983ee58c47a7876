"""What one suite of a folder finds out, that nothing can be built there, the others need not."""

from __future__ import annotations

import asyncio

import pytest

from fanfold.errors import FinalError
from fanfold.runners import load
from fanfold.runners.base import Reading
from fanfold.skills.parallel_test.builds import Builds
from fanfold.skills.parallel_test.job import Job
from fanfold.suites import Environment, Suite

TESTS = Job(Suite(name="cargo", framework="cargo"), Environment(), load("cargo"))
DOCUMENTATION = Job(Suite(name="cargo-doc", framework="cargo"), Environment(), load("cargo"))
ELSEWHERE = Job(Suite(name="cargo", framework="cargo", folder="in"), Environment(), load("cargo"))


async def _play() -> list[object]:
    builds, said = Builds(), []

    async def tests() -> str:
        await asyncio.sleep(0)
        builds.broken(TESTS, "no network")
        return "ended"

    async def documentation() -> str:
        try:
            await asyncio.sleep(60)
        finally:
            said.append("cleaned up")
        return "never"

    async def other() -> str:
        await asyncio.sleep(0.01)
        return "ended"

    works = ((TESTS, tests()), (DOCUMENTATION, documentation()), (ELSEWHERE, other()))
    ended = await asyncio.gather(*(builds.unless_broken(*work) for work in works), return_exceptions=True)
    late = await asyncio.gather(builds.unless_broken(DOCUMENTATION, documentation()), return_exceptions=True)
    return [*(str(one) for one in (*ended, *late)), *said]


def test_the_second_of_a_pair_is_ended_or_not_begun():
    """It waits for what the first has just failed at; a suite of another folder is let be."""
    assert asyncio.run(_play()) == ["ended", "no network", "ended", "no network", "cleaned up"]


def test_whoever_is_cancelled_ends_the_work():
    """Nothing goes on behind a run that has been stopped."""

    async def play() -> bool:
        ended = asyncio.Event()

        async def work() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        task = asyncio.create_task(Builds().unless_broken(TESTS, work()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return ended.is_set()

    assert asyncio.run(play())


@pytest.mark.parametrize(
    ("said", "shared"),
    [
        ("error: failed to get `a` as a dependency of package `b v1.0.0`", True),
        ("error: no matching package named `a` found", True),
        ('error: could not compile `b` (test "it") due to 1 previous error', False),
        (None, False),
    ],
)
def test_what_cargo_can_not_build_at_all(said, shared):
    """What is wrong with a dependency is so for documentation too; a test that does not compile is another matter."""
    assert (load("cargo").unbuilt(Reading(error=said)) is not None) is shared
    assert load("go").unbuilt(Reading(error=said)) is None


def test_errors_are_final():
    """It is not tried again."""

    async def play() -> None:
        builds = Builds()
        builds.broken(TESTS, "no")
        await builds.unless_broken(TESTS, asyncio.sleep(0))

    with pytest.raises(FinalError, match="no"):
        asyncio.run(play())
