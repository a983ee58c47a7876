"""All units at once: together in order, or as they end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fanfold.engine.attempt import Attempt
from fanfold.engine.fan_out import fan_out
from fanfold.engine.gather import gather
from fanfold.engine.supervisor import Supervisor
from fanfold.errors import Overloaded
from fanfold.models import Status, Unit
from fanfold.testing.virtual_time import run_virtual


def units(*seconds: float) -> list[Unit[float]]:
    return [Unit(key=f"{n}", label=f"u{n}", payload=s) for n, s in enumerate(seconds)]


async def sleeper(unit: Unit[float], _attempt: Attempt) -> float:
    await asyncio.sleep(unit.payload)
    return unit.payload


def test_together_in_the_order_of_the_units():
    """Whatever ends first."""

    async def main() -> list[Any]:
        return [outcome.value for outcome in await fan_out(units(3, 1, 2), sleeper)]

    assert run_virtual(main()) == [3, 1, 2]


def test_as_they_end():
    """A straggler holds nobody."""

    async def main() -> list[tuple[str, float]]:
        seen = []
        async with fan_out(units(30, 1, 2), sleeper) as outcomes:
            async for outcome in outcomes:
                seen.append((outcome.label, asyncio.get_running_loop().time()))  # noqa: PERF401  the time of each matters
        return seen

    assert run_virtual(main()) == [("u1", 1), ("u2", 2), ("u0", 30)]


def test_without_a_block():
    """`async for` alone does the same."""

    async def main() -> list[str]:
        return [outcome.label async for outcome in fan_out(units(3, 1, 2), sleeper)]

    assert run_virtual(main()) == ["u1", "u2", "u0"]


def test_nothing_to_do_is_done():
    """No unit, no outcome, no waiting."""

    async def main() -> None:
        assert await fan_out([], sleeper) == []
        assert [outcome async for outcome in fan_out([], sleeper)] == []

    run_virtual(main())


@pytest.mark.parametrize("block", [True, False])
def test_leaving_early_ends_the_rest(block):
    """After `break` no task is left; with the block that is so when it is left, else one step later."""
    ended = []

    async def worker(unit: Unit[float], _attempt: Attempt) -> None:
        try:
            await asyncio.sleep(unit.payload)
        finally:
            ended.append(unit.label)

    async def main() -> None:
        if block:
            async with fan_out(units(1, 50, 60), worker) as outcomes:
                async for _ in outcomes:
                    break
        else:
            async for _ in fan_out(units(1, 50, 60), worker):
                break
            await asyncio.sleep(0.001)
        assert asyncio.get_running_loop().time() < 1.1

    run_virtual(main())
    assert sorted(ended) == ["u0", "u1", "u2"]


def test_an_error_in_the_block_ends_the_rest_and_is_raised():
    """The loop's own exception comes out as it is."""

    async def main() -> None:
        async with fan_out(units(1, 50), sleeper) as outcomes:
            async for _ in outcomes:
                raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run_virtual(main())


def test_a_stream_is_read_once():
    """Entering it a second time would run everything again."""

    async def main() -> None:
        outcomes = fan_out(units(1), sleeper)
        async with outcomes:
            assert [outcome.label async for outcome in outcomes] == ["u0"]
            assert [outcome.label async for outcome in outcomes] == []
        with pytest.raises(RuntimeError, match="once"):
            await outcomes.__aenter__()

    run_virtual(main())


def test_a_defect_of_the_engine_is_no_outcome():
    """What is no worker's fault is raised, and the rest is ended first."""

    class Broken(Supervisor):
        async def run(self, unit: Unit[Any], *_: Any, **__: Any) -> Any:
            await asyncio.sleep(1)
            if unit.label == "u1":
                raise AssertionError("a defect")
            await asyncio.sleep(100)

    async def main() -> None:
        async with fan_out(units(1, 1, 1), sleeper, supervisor=Broken()) as outcomes:
            assert [outcome async for outcome in outcomes] == []
            assert asyncio.get_running_loop().time() == 1

    with pytest.raises(AssertionError, match="a defect"):
        run_virtual(main())


def test_the_deadline_passes_while_nothing_is_under_way():
    """A second fan-out of a run that is over does not start."""

    async def main() -> None:
        supervisor = Supervisor(deadline_s=5)
        assert (await fan_out(units(1), sleeper, supervisor=supervisor))[0].ok
        await asyncio.sleep(10)
        (outcome,) = await fan_out(units(1), sleeper, supervisor=supervisor)
        assert outcome.status is Status.NOT_RUN

    run_virtual(main())


def test_gather_keeps_the_order_and_bounds_the_calls():
    """At most `jobs` at a time; a failure is a value in its place, a transient one is asked again."""
    running, most, asked = 0, 0, []

    async def call(number: int) -> int:
        nonlocal running, most
        asked.append(number)
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        if number == 2:
            raise ValueError("two")
        if number == 4 and asked.count(4) == 1:
            raise Overloaded("529")
        return number * 10

    async def main() -> None:
        outcomes = await gather([lambda n=n: call(n) for n in range(7)], jobs=3)  # type: ignore[misc]  # a default can't be annotated
        assert [outcome.value for outcome in outcomes] == [0, 10, None, 30, 40, 50, 60]
        assert outcomes[2].error is not None
        assert most == 3

    run_virtual(main())


def test_a_call_is_named_after_its_function_and_arguments():
    """Whatever can be called without arguments has a label."""
    from functools import partial

    class Prepared:
        async def __call__(self) -> int:
            return 1

    async def size(name: str, *, unit: str = "b") -> int:
        return len(name + unit)

    class Large:
        def __repr__(self) -> str:
            raise MemoryError

    async def main() -> list[str]:
        calls: list[Any] = [partial(size, "a.py", unit="k"), partial(partial(size), "b"), Prepared()]
        calls += [partial(size, "x" * 10**6, unit=Large())]  # type: ignore[arg-type]  # whatever it is, it isn't spelled out
        return [outcome.label for outcome in await gather(calls)]

    *short, long = run_virtual(main())
    assert short == ["size('a.py', unit='k')", "size('b')", "Prepared()"]
    assert long == f"size('{'x' * 60}', unit=<Large>)"
