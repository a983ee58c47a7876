"""Money is reserved before it is spent, and what does not fit does not go."""

from __future__ import annotations

import asyncio
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.budget import Budget, Reservation, reservable
from fanfold.testing.virtual_time import run_virtual


def reserved(budget: Budget, usd: float) -> Reservation:
    reservation = budget.reserve(usd)
    assert reservation is not None
    return reservation


def test_ten_times_a_tenth_is_one():
    """Amounts are whole nano-dollars: no rest of a rounding is left over or missing."""
    budget = Budget(1.0)
    for _ in range(10):
        reserved(budget, 0.1)
    assert budget.remaining_usd == 0.0
    assert budget.reserve(0.000_000_001) is None


def test_settling_gives_back_what_was_not_spent():
    """Half of the reservation is there again."""
    budget = Budget(1.0)
    reserved(budget, 0.8).settle(0.4)
    assert (budget.spent_usd, budget.reserved_usd, budget.remaining_usd) == (0.4, 0.0, 0.6)


@pytest.mark.parametrize("cost", [None, math.nan, math.inf])
def test_an_unknown_cost_keeps_the_reservation_as_spent(cost):
    """Unknown is not 0; how much of the sum is an upper bound can be told."""
    budget = Budget(1.0)
    reserved(budget, 0.7).settle(cost)
    assert (budget.spent_usd, budget.kept_usd, budget.remaining_usd) == (0.7, 0.7, 0.3)


def test_a_cost_above_its_reservation_is_counted_and_leaves_nothing():
    """The truth is told; nothing more is reserved, and what is free still goes."""
    budget = Budget(1.0)
    reserved(budget, 0.5).settle(1.5)
    assert (budget.spent_usd, budget.remaining_usd) == (1.5, 0.0)
    assert budget.reserve(0.01) is None
    assert budget.reserve(0.0) is not None


def test_a_reservation_is_settled_once():
    """The second time is a defect."""
    reservation = reserved(Budget(1.0), 0.5)
    reservation.settle(0.1)
    with pytest.raises(RuntimeError, match="once"):
        reservation.release()


@pytest.mark.parametrize("limit", [-1, math.nan, math.inf])
def test_a_budget_is_an_amount(limit):
    """It is finite and not below 0."""
    with pytest.raises(ValueError, match="US dollars"):
        Budget(limit)


def test_what_bounds_a_cost():
    """A finite amount; None, less than nothing and infinity don't."""
    assert [reservable(usd) for usd in (0.0, 2.5, None, -1.0, math.nan, math.inf)] == [True, True] + [False] * 4


def test_who_does_not_fit_waits_for_room_and_the_cheap_go_first():
    """When 0.5 $ come free, two units of 0.2 $ go, though one of 0.6 $ came before them; that goes when it can."""

    async def main() -> None:
        budget = Budget(1.0)
        first, second = reserved(budget, 0.5), reserved(budget, 0.5)
        waits = [asyncio.create_task(budget.room(usd)) for usd in (0.6, 0.2, 0.2)]
        await asyncio.sleep(1)
        assert not any(wait.done() for wait in waits)
        first.release()
        await asyncio.sleep(1)
        assert [wait.done() for wait in waits] == [False, True, True]
        second.release()
        assert await waits[0] is not None

    run_virtual(main())


def test_who_can_never_fit_is_told_at_once():
    """0.6 $ are waited for as long as what is reserved may come back, and given up when it is spent."""

    async def main() -> None:
        budget = Budget(1.0)
        assert await budget.room(1.1) is None
        held = reserved(budget, 0.5)
        wait = asyncio.create_task(budget.room(0.6))
        await asyncio.sleep(1)
        assert not wait.done()
        held.settle(0.5)
        assert await wait is None

    run_virtual(main())


def test_room_given_to_someone_who_has_left_is_given_back():
    """A wait that is cancelled in the very moment of its grant holds nothing."""

    async def main() -> None:
        budget = Budget(1.0)
        held = reserved(budget, 1.0)
        wait = asyncio.create_task(budget.room(1.0))
        await asyncio.sleep(1)
        held.release()
        wait.cancel()
        await asyncio.wait([wait])
        assert wait.cancelled()
        assert budget.remaining_usd == 1.0

    run_virtual(main())


AMOUNT = st.integers(0, 150).map(lambda cents: cents / 100)


@given(
    limit=AMOUNT,
    calls=st.lists(st.tuples(AMOUNT, st.floats(0, 1), st.booleans(), st.floats(0, 3)), max_size=30),
    seed=st.integers(),
)
def test_never_exceeded_under_any_interleaving(limit, calls, seed):
    """Whatever is reserved, spent, unknown or cancelled: never more than the limit, and everybody gets an answer."""
    rng = random.Random(seed)

    async def call(budget: Budget, usd: float, share: float, known: bool) -> bool:
        reservation = await budget.room(usd)
        assert budget.spent_usd + budget.reserved_usd <= limit + 1e-9
        assert budget.remaining_usd >= 0
        if reservation is None:
            assert budget.spent_usd + usd > limit
            return False
        try:
            await asyncio.sleep(rng.random())
        finally:
            reservation.settle(usd * share if known else None)
        return True

    async def main() -> None:
        budget = Budget(limit)
        tasks = [asyncio.create_task(call(budget, usd, share, known)) for usd, share, known, _ in calls]
        for task, (_, _, known, cancel_after) in zip(tasks, calls, strict=True):
            if not known:
                asyncio.get_running_loop().call_later(cancel_after, task.cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert budget.reserved_usd == 0
        assert budget.spent_usd <= limit + 1e-9

    run_virtual(main())
