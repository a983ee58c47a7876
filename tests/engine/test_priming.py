"""One of a prefix goes first, and the others when its answer begins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.priming import Primers, Turn
from fanfold.testing.virtual_time import run_virtual


class Told:
    """Remembers the events."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, name: str, **attributes: object) -> None:
        assert attributes == {"prefix": "p"}
        self.names.append(name)


def now() -> float:
    return asyncio.get_running_loop().time()


async def turns(primers: Primers, count: int, act: Callable[[Turn, int], Awaitable[None]]) -> list[float]:
    """Let `count` units ask for their turn and `act` on it; return when each had it."""

    async def one(number: int) -> float:
        turn = await primers.turn("p")
        had_at = now()
        turn.sent()
        await act(turn, number)
        turn.ended()
        return had_at

    return list(await asyncio.gather(*map(one, range(count))))


async def answer(turn: Turn, _number: int) -> None:
    await asyncio.sleep(2)
    turn.began()
    await asyncio.sleep(5)


def test_the_others_go_when_the_first_answer_begins():
    """Not when it is sent, and not when it ends."""
    told = Told()
    assert run_virtual(turns(Primers(told), 4, answer)) == [0, 2, 2, 2]
    assert told.names == ["prefix.priming", "prefix.primed"]


def test_if_the_primer_fails_the_next_takes_over():
    """One after the other, until an answer begins."""

    async def fail_twice(turn: Turn, number: int) -> None:
        await asyncio.sleep(3)
        if number > 1:
            turn.began()

    told = Told()
    assert run_virtual(turns(Primers(told), 5, fail_twice)) == [0, 3, 6, 9, 9]
    assert told.names == ["prefix.priming"] * 3 + ["prefix.primed"]


def test_a_wait_has_an_upper_bound():
    """After that long all go; who comes while the primer is still silent goes at once; its late answer still counts."""

    async def silent(turn: Turn, number: int) -> None:
        await asyncio.sleep(0 if number else 50)
        turn.began()

    async def main() -> None:
        primers = Primers(Told(), wait_s=10)
        first = asyncio.create_task(turns(primers, 3, silent))
        await asyncio.sleep(20)
        assert (await primers.turn("p")).primes is False
        assert await first == [0, 10, 10]
        assert (await primers.turn("p")).primes is False

    run_virtual(main())


def test_an_entry_lives_from_its_last_use():
    """Used again within its life it stays; after that somebody primes again."""

    async def main() -> None:
        primers = Primers(Told(), life_s=300)
        first = await primers.turn("p")
        first.sent()
        first.began()
        first.ended()
        for _ in range(3):
            await asyncio.sleep(200)
            assert (await primers.turn("p")).primes is False
        await asyncio.sleep(300)
        assert (await primers.turn("p")).primes is True

    run_virtual(main())


def test_prefixes_do_not_wait_for_each_other():
    """Each has its own primer."""

    async def main() -> None:
        primers = Primers(Mock())
        assert (await primers.turn("a")).primes
        assert (await primers.turn("b")).primes

    run_virtual(main())


def test_a_turn_given_to_someone_who_has_left_goes_on():
    """The next in line primes when the one before is cancelled in the moment of its turn."""

    async def main() -> None:
        primers = Primers(Told())
        first = await primers.turn("p")
        leaving, staying = (asyncio.create_task(primers.turn("p")) for _ in range(2))
        await asyncio.sleep(1)
        first.ended()
        leaving.cancel()
        assert (await staying).primes
        await asyncio.wait([leaving])

    run_virtual(main())


@given(
    fates=st.lists(
        st.tuples(st.sampled_from(["begins", "fails", "is silent"]), st.floats(0, 5), st.floats(0, 20)),
        min_size=1,
        max_size=12,
    )
)
def test_everybody_has_a_turn_and_there_is_one_primer_at_a_time(fates):
    """Whatever becomes of the primers and whoever leaves when: nobody waits for ever, and never do two prime."""
    priming: set[int] = set()

    async def one(primers: Primers, number: int) -> None:
        what, after, _ = fates[number]
        turn = await primers.turn("p")
        if turn.primes:
            assert not priming
            priming.add(number)
        try:
            turn.sent()
            await asyncio.sleep(after)
            if what == "begins":
                priming.discard(number)
                turn.began()
            await asyncio.sleep(100 if what == "is silent" else 0)
        finally:
            priming.discard(number)
            turn.ended()

    async def main() -> None:
        primers = Primers(Told(), wait_s=10)
        tasks = [asyncio.create_task(one(primers, number)) for number in range(len(fates))]
        for task, (what, _, leaves_after) in zip(tasks, fates, strict=True):
            if what == "is silent":
                asyncio.get_running_loop().call_later(leaves_after, task.cancel)
        done, _ = await asyncio.wait(tasks)
        for task in done:
            assert task.cancelled() or task.exception() is None

    run_virtual(main())


@pytest.mark.parametrize("count", [1, 2])
def test_a_unit_alone_with_its_prefix_waits_for_nothing(count):
    """Neither does one whose prefix is primed already."""

    async def main() -> None:
        primers = Primers(Told())
        for _ in range(count):
            turn = await primers.turn("p")
            turn.sent()
            turn.began()
            turn.ended()
        assert now() == 0.0

    run_virtual(main())
