"""Stages over bounded queues: items overlap, failures travel, memory stays flat."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.attempt import Attempt
from fanfold.engine.pipeline import Stage, pipeline
from fanfold.engine.supervisor import Supervisor
from fanfold.errors import BadRequest, Overloaded
from fanfold.models import Outcome, Status, Unit, Usage
from fanfold.testing.virtual_time import run_virtual


def unit(number: int) -> Unit[Any]:
    return Unit(key=f"k{number}", label=f"item {number}", payload=number)


def stage(seconds: float = 1.0, **options: Any) -> Stage:
    """Add one to the payload after `seconds`."""

    async def worker(unit: Unit[Any], attempt: Attempt) -> int:
        await asyncio.sleep(seconds)
        attempt.charge(Usage(output_tokens=1))
        return int(unit.payload) + 1

    return Stage(worker, **options)


async def all_of(items: Any, *stages: Any, **options: Any) -> list[Outcome[Any]]:
    return [outcome async for outcome in pipeline(items, *stages, **options)]


def run(items: Any, *stages: Any, **options: Any) -> list[Outcome[Any]]:
    return run_virtual(all_of(items, *stages, **options))


def test_each_item_goes_through_all_stages():
    """The outcome has the item's name, the last value, and what all stages used."""
    (outcome,) = run([unit(5)], stage(1), stage(2), stage(3))
    assert (outcome.key, outcome.label, outcome.value) == ("k5", "item 5", 8)
    assert (outcome.started_s, outcome.ended_s) == (0, 6)
    assert (outcome.usage.output_tokens, outcome.attempts) == (3, 3)


def test_items_overlap():
    """Ten items through three stages of a second each take twelve seconds, not thirty."""
    outcomes = run(map(unit, range(10)), stage(width=1), stage(width=1), stage(width=1))
    assert [outcome.ended_s for outcome in outcomes] == list(range(3, 13))


def test_each_stage_has_its_own_width():
    """The slow one in the middle is four wide, and so as fast as its neighbours."""
    outcomes = run(map(unit, range(20)), stage(1, width=1), stage(4, width=4), stage(1, width=1))
    assert max(outcome.ended_s for outcome in outcomes) == 25


def test_a_failure_travels_to_the_end_as_the_items_outcome():
    """Later stages don't see it; what was used until then is counted."""
    seen = []

    async def picky(unit: Unit[Any], _attempt: Attempt) -> Any:
        if unit.payload == 3:
            raise BadRequest("not this one")
        return unit.payload

    async def last(unit: Unit[Any], _attempt: Attempt) -> Any:
        seen.append(unit.payload)
        return unit.payload

    outcomes = {outcome.key: outcome for outcome in run(map(unit, range(5)), stage(), picky, last)}
    assert len(outcomes) == 5
    assert (outcomes["k2"].status, outcomes["k2"].error) == (Status.FAILED, "not this one")
    assert outcomes["k2"].usage.output_tokens == 1
    assert sorted(seen) == [1, 2, 4, 5]


def test_a_stage_may_make_its_own_unit():
    """With a key, a lane and a type of its own; by default the payload is the value and nothing is stored."""
    seen = []

    async def worker(unit: Unit[Any], _attempt: Attempt) -> Any:
        seen.append((unit.key, unit.kind, unit.payload, unit.returns, unit.prefix))
        return unit.payload

    def verify(before: Unit[Any], value: Any) -> Unit[Any]:
        return replace(before, key=f"verify-{before.key}", kind="verify", payload=value * 2, returns=int)

    item = replace(unit(1), returns=int, prefix="p")
    run([item], worker, worker, Stage(worker, unit=verify))
    assert seen == [
        ("k1", "call", 1, int, "p"),
        ("k1/2", "call", 1, None, None),
        ("verify-k1/2", "verify", 2, int, None),
    ]


def test_a_stage_that_can_not_make_its_unit_fails_the_item_alone():
    """The user's mistake is one item's outcome."""

    def picky(before: Unit[Any], value: Any) -> Unit[Any]:
        return replace(before, payload=10 // (value - 1))

    outcomes = run(map(unit, range(3)), stage(), stage(unit=picky))
    assert [outcome.status for outcome in sorted(outcomes, key=lambda outcome: outcome.key)] == [
        Status.FAILED,
        Status.OK,
        Status.OK,
    ]
    failed = next(outcome for outcome in outcomes if not outcome.ok)
    assert str(failed.error).startswith("ZeroDivisionError")


def test_no_more_is_pulled_than_there_is_room_for():
    """The consumer that reads nothing stops the source after a few items a stage."""
    pulled = []

    def source() -> Iterator[Unit[Any]]:
        for number in range(1000):
            pulled.append(number)
            yield unit(number)

    async def main() -> None:
        async with pipeline(source(), stage(width=2), stage(width=2)) as outcomes:
            async for _ in outcomes:
                await asyncio.sleep(100)
                break

    run_virtual(main())
    assert len(pulled) <= 14


class Counted:
    """A payload that can be counted while it lives."""

    alive = 0

    def __init__(self) -> None:
        Counted.alive += 1

    def __del__(self) -> None:
        Counted.alive -= 1


@pytest.mark.parametrize("count", [100, 2000])
def test_memory_is_flat(count):
    """However many items: never more than a few of them are alive at once."""
    most = 0

    async def worker(unit: Unit[Any], _attempt: Attempt) -> Any:
        return unit.payload

    async def source() -> AsyncIterator[Unit[Any]]:
        for number in range(count):
            yield Unit(key=f"{number}", label="", payload=Counted())

    async def main() -> None:
        nonlocal most
        async for _ in pipeline(source(), worker, worker, worker):
            most = max(most, Counted.alive)

    gc.disable()
    try:
        run_virtual(main())
    finally:
        gc.enable()
    assert most < 60


@pytest.mark.parametrize("block", [True, False])
def test_leaving_early_ends_everything(block):
    """No task is left, and an asynchronous source is closed."""
    closed = []

    async def source() -> AsyncIterator[Unit[Any]]:
        try:
            for number in range(1000):
                yield unit(number)
        finally:
            closed.append(True)

    async def main() -> None:
        if block:
            async with pipeline(source(), stage(), stage()) as outcomes:
                async for _ in outcomes:
                    break
        else:
            async for _ in pipeline(source(), stage(), stage()):
                break
            await asyncio.sleep(0.001)

    run_virtual(main())
    assert closed == [True]


def test_a_source_that_fails_is_raised_after_what_was_there():
    """It is the caller's own code; the items that were under way are ended."""

    async def source() -> AsyncIterator[Unit[Any]]:
        yield unit(1)
        await asyncio.sleep(10)
        raise LookupError("the source")

    async def main() -> None:
        async with pipeline(source(), stage()) as outcomes:
            assert [outcome.value async for outcome in outcomes] == [2]

    with pytest.raises(LookupError, match="the source"):
        run_virtual(main())


async def endless() -> AsyncIterator[Unit[Any]]:
    number = 0
    while True:
        yield unit(number)
        number += 1
        await asyncio.sleep(0 if number % 7 else 1)


async def silent() -> AsyncIterator[Unit[Any]]:
    yield unit(0)
    await asyncio.sleep(10_000)
    yield unit(1)


@pytest.mark.parametrize("source", [endless, silent])
def test_the_deadline_ends_a_lazy_source(source):
    """Nothing more is pulled, even from one that sleeps, and what was pulled has its outcome."""

    async def main() -> float:
        outcomes = await all_of(source(), stage(), stage(), supervisor=Supervisor(jobs=8, deadline_s=30))
        keys = [outcome.key for outcome in outcomes]
        assert len(set(keys)) == len(keys)
        assert set(keys) == {f"k{number}" for number in range(len(keys))}
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(30, abs=0.5)


def test_at_the_deadline_the_items_of_a_list_are_named():
    """Those that did not start are not run; nobody is missing."""
    outcomes = run([unit(number) for number in range(50)], stage(), supervisor=Supervisor(jobs=1, deadline_s=5.5))
    assert sorted(outcome.key for outcome in outcomes) == sorted(f"k{number}" for number in range(50))
    counts = {status: sum(outcome.status is status for outcome in outcomes) for status in Status}
    assert (counts[Status.OK], counts[Status.TIMED_OUT], counts[Status.NOT_RUN]) == (5, 0, 45)


def test_without_a_supervisor_the_widths_are_the_limit():
    """All stages together may have as many units in flight."""
    running, most = 0, 0

    async def worker(unit: Unit[Any], _attempt: Attempt) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        return unit.payload

    run(map(unit, range(40)), Stage(worker, width=3), Stage(worker, width=2))
    assert most == 5


def test_what_is_no_pipeline():
    """One stage at least, one wide at least."""
    with pytest.raises(ValueError, match="one stage"):
        pipeline([unit(1)])
    with pytest.raises(ValueError, match="wide"):
        stage(width=0)


ITEMS = st.lists(st.tuples(*[st.sampled_from(["ok", "slow", "again", "fails", "dies"])] * 3), max_size=25)


@given(items=ITEMS, widths=st.tuples(*[st.integers(1, 4)] * 3), jobs=st.integers(1, 6), stop_after=st.floats(0, 40))
def test_none_lost_and_none_doubled(items, widths, jobs, stop_after):
    """Whatever becomes of the items in each stage, and whenever the run is stopped: one outcome for each."""

    def worker(number: int) -> Any:
        async def act(unit: Unit[Any], attempt: Attempt) -> Any:
            what = unit.payload[number]
            await asyncio.sleep(10 if what == "slow" else 1)
            if what == "again" and attempt.number == 1:
                raise Overloaded("529")
            if what == "fails":
                raise BadRequest("400")
            if what == "dies":
                raise ZeroDivisionError
            return unit.payload

        return act

    async def main() -> list[Outcome[Any]]:
        supervisor = Supervisor(jobs=jobs)
        asyncio.get_running_loop().call_later(stop_after, supervisor.stop, "interrupted")
        units = [Unit(key=f"{n}", label=f"{n}", payload=fates) for n, fates in enumerate(items)]
        stages = [Stage(worker(number), width=width) for number, width in enumerate(widths)]
        return await all_of(units, *stages, supervisor=supervisor)

    outcomes = run_virtual(main())
    assert sorted(outcome.key for outcome in outcomes) == sorted(f"{n}" for n in range(len(items)))
    for outcome in outcomes:
        fates = items[int(outcome.key)]
        assert not outcome.ok or set(fates) <= {"ok", "slow", "again"}
        assert outcome.ok or set(fates) & {"fails", "dies"} or outcome.ended_s >= stop_after - 1e-6
