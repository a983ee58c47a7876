"""Slots are handed out in order, within every limit, and never held by somebody who waits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.lanes import EARLY, Lanes, Slot
from fanfold.engine.limits import LaneLimits, RateHeaders, Window
from fanfold.models import Unit
from fanfold.testing.virtual_time import run_virtual


class Told(list[tuple[str, Mapping[str, Any]]]):
    """Remembers the events."""

    def __call__(self, name: str, **attributes: Any) -> None:
        self.append((name, attributes))


def lanes_of(jobs: int, told: Told | None = None, **limits: LaneLimits) -> Lanes:
    return Lanes(jobs, limits, random.Random(1), Told() if told is None else told)


def unit(label: str = "u", lane: str = "a", **fields: Any) -> Unit[None]:
    return Unit(key=label, label=label, payload=None, lane=lane, **fields)


def now() -> float:
    return asyncio.get_running_loop().time()


async def got(lanes: Lanes, wanted: Unit[None], order: int = 0, urgency: int = 1) -> Slot:
    slot = await lanes.slot(wanted, order, urgency)
    assert slot is not None
    return slot


async def order_of(lanes: Lanes, held: Slot, waiting: list[Unit[None]], urgent: Unit[None] | None = None) -> list[str]:
    """Let all wait while `held` is taken; return the labels in the order in which they get the one slot."""
    served: list[str] = []

    async def one(wanted: Unit[None], order: int, urgency: int) -> None:
        slot = await got(lanes, wanted, order, urgency)
        served.append(wanted.label)
        await asyncio.sleep(1)
        lanes.release(slot)

    async with asyncio.TaskGroup() as group:
        for order, wanted in enumerate(waiting):
            group.create_task(one(wanted, order, 1))
        if urgent:
            group.create_task(one(urgent, len(waiting), EARLY))
        await asyncio.sleep(1)
        lanes.release(held)
    return served


def test_first_come_first_served():
    """Units of which nothing is known go in their order."""

    async def main() -> list[str]:
        lanes = lanes_of(1)
        return await order_of(lanes, await got(lanes, unit()), [unit(name) for name in "abcd"])

    assert run_virtual(main()) == list("abcd")


def test_the_longest_goes_first():
    """The longest of the known, before it the unknown, the largest first among those that take equally long."""

    async def main() -> list[str]:
        lanes = lanes_of(1)
        waiting = [
            unit("short", expected_s=1),
            unit("long", expected_s=9),
            unit("unknown"),
            unit("large", tokens=500),
            unit("middle", expected_s=5),
        ]
        return await order_of(lanes, await got(lanes, unit()), waiting)

    assert run_virtual(main()) == ["large", "unknown", "long", "middle", "short"]


def test_a_hedge_goes_before_all_others():
    """It is late already."""

    async def main() -> list[str]:
        lanes = lanes_of(1)
        waiting = [unit("long", expected_s=99), unit("b")]
        return await order_of(lanes, await got(lanes, unit()), waiting, urgent=unit("hedge", expected_s=0.1))

    assert run_virtual(main())[0] == "hedge"


def test_a_full_lane_holds_back_no_other():
    """Two lanes of one slot each; whoever waits for the first does not hold what the second needs."""

    async def main() -> None:
        lanes = lanes_of(8, a=LaneLimits(limit=1), b=LaneLimits(limit=1))
        await got(lanes, unit(lane="a"))
        waiting = asyncio.create_task(got(lanes, unit(lane="a")))
        await asyncio.sleep(1)
        await got(lanes, unit(lane="b"))
        assert now() == 1.0
        waiting.cancel()
        await asyncio.wait([waiting])

    run_virtual(main())


def test_jobs_bound_all_lanes_together():
    """Three units in flight, whatever the lanes would allow."""

    async def main() -> None:
        lanes = lanes_of(3)
        slots = [await got(lanes, unit(lane=name)) for name in "abc"]
        waiting = asyncio.create_task(got(lanes, unit(lane="d")))
        await asyncio.sleep(1)
        assert not waiting.done()
        lanes.release(slots[0])
        lanes.release(await waiting)

    run_virtual(main())


def test_weights():
    """A unit of weight 3 waits for three slots; the lighter ones behind it don't overtake, so it is not starved."""

    async def main() -> list[str]:
        lanes = lanes_of(8, a=LaneLimits(limit=4))
        light = [await got(lanes, unit(f"light {n}")) for n in range(2)]
        served: list[str] = []

        async def one(wanted: Unit[None], order: int) -> None:
            slot = await got(lanes, wanted, order)
            served.append(wanted.label)
            await asyncio.sleep(1)
            lanes.release(slot)

        async with asyncio.TaskGroup() as group:
            group.create_task(one(unit("heavy", weight=3), 0))
            group.create_task(one(unit("behind"), 1))
            await asyncio.sleep(1)
            assert served == []
            lanes.release(light[0])
        return served

    assert run_virtual(main()) == ["heavy", "behind"]


def test_a_unit_heavier_than_its_lane_goes_alone():
    """It takes all there is instead of waiting for ever."""

    async def main() -> None:
        lanes = lanes_of(4, a=LaneLimits(limit=2))
        slot = await got(lanes, unit(weight=5))
        assert (slot.weight, lanes["a"].in_use) == (2, 2)

    run_virtual(main())


def test_a_unit_of_weight_0_takes_no_slot():
    """One that has others do the work goes even when all slots are taken, so that they can't wait for each other."""

    async def main() -> None:
        lanes = lanes_of(1)
        await got(lanes, unit())
        slot = await got(lanes, unit(weight=0))
        lanes.release(slot)
        assert (lanes["a"].in_use, lanes.in_flight) == (1, 1)

    run_virtual(main())


def test_a_rejection_pauses_everybody_and_the_gate_opens_with_jitter():
    """Nobody of the lane goes before `retry-after` is over, and then not all in one moment of every process."""

    async def main() -> tuple[float, list[str]]:
        told = Told()
        lanes = lanes_of(8, told)
        lanes.rate_limited(await got(lanes, unit()), 10.0)
        slots = await asyncio.gather(*(got(lanes, unit(), order) for order in range(3)))
        for slot in slots:
            lanes.release(slot)
        opened = now()
        await got(lanes, unit(lane="b"))
        assert now() == opened
        return opened, [name for name, _ in told]

    opened, names = run_virtual(main())
    assert 10.0 < opened <= 15
    assert names == ["lane.limit", "lane.paused", "lane.resumed"]


def test_the_longest_pause_counts():
    """A later rejection that names an earlier moment does not open the gate before its time."""

    async def main() -> None:
        lanes = lanes_of(8)
        first, second = await got(lanes, unit()), await got(lanes, unit())
        lanes.rate_limited(first, 10.0)
        lanes.rate_limited(second, 1.0)
        await got(lanes, unit())
        assert now() >= 10.0

    run_virtual(main())


def test_a_server_that_names_no_time_gets_twice_as_long_each_time():
    """One, two, four seconds for a burst each, until something succeeds."""

    async def main() -> list[float]:
        lanes = lanes_of(1)
        pauses = []
        for succeeds in (False, False, True, False):
            slot = await got(lanes, unit())
            if succeeds:
                lanes.let_in(slot)
            lanes.rate_limited(slot, None)
            lanes.release(slot)
            pauses.append(lanes["a"].gate_until - now())
        return pauses

    assert run_virtual(main()) == [pytest.approx(s, rel=0.11) for s in (1.05, 2.1, 1.05, 2.1)]


def test_a_lane_that_opens_after_the_deadline_sends_everybody_away():
    """Those that wait, and those that come later, learn at once that there is no time."""

    async def main() -> None:
        lanes = lanes_of(1)
        lanes.last_moment = 60.0
        held = await got(lanes, unit())
        waiting = asyncio.create_task(lanes.slot(unit(), 0))
        await asyncio.sleep(1)
        lanes.rate_limited(held, 3600.0)
        lanes.release(held)
        assert await waiting is None
        assert await lanes.slot(unit(), 1) is None
        assert now() == 1.0

    run_virtual(main())


def test_what_the_server_says_is_left_paces_the_lane():
    """Ten a second and none left: one every tenth of a second."""

    async def main() -> None:
        lanes = lanes_of(8)
        first = await got(lanes, unit())
        lanes.reported(first, RateHeaders(requests=Window(limit=600, remaining=0)))
        for _ in range(10):
            lanes.release(await got(lanes, unit()))
            lanes["a"].pacer.sent(0, now())  # as if the server had counted it: a released slot gives back
        assert 0.9 < now() < 2.2

    run_virtual(main())


def test_slow_start_counts_what_was_not_rejected():
    """Rejections come at once: 128 slots are there after half a second, though the first answers take minutes."""

    async def main() -> None:
        lanes = lanes_of(128)
        await asyncio.gather(*(got(lanes, unit(), order) for order in range(128)))
        assert now() == 0.5

    run_virtual(main())


def test_a_slot_granted_to_someone_who_has_left_goes_on():
    """Cancelled in the very moment of the grant, a wait leaves nothing taken."""

    async def main() -> None:
        lanes = lanes_of(1)
        held = await got(lanes, unit())
        leaving = asyncio.create_task(lanes.slot(unit(), 0))
        staying = asyncio.create_task(lanes.slot(unit(), 1))
        await asyncio.sleep(1)
        lanes.release(held)
        leaving.cancel()
        slot = await staying
        assert slot is not None
        assert leaving.cancelled()
        assert (lanes.in_flight, lanes["a"].in_use) == (1, 1)

    run_virtual(main())


def test_a_hundred_thousand_waiting_units_cost_no_more_each():
    """The steps of handing out don't grow with the length of the queue: each looks at one head a lane."""
    looks = 0

    class Counting(Lanes):
        def _ready(self, *arguments: Any) -> Any:
            nonlocal looks
            looks += 1
            return super()._ready(*arguments)

    async def serve(lanes: Lanes, order: int) -> None:
        slot = await got(lanes, unit(), order)
        await asyncio.sleep(0)
        lanes.release(slot)

    async def looks_for(count: int) -> float:
        nonlocal looks
        looks = 0
        lanes = Counting(8, {}, random.Random(1), Told())
        await asyncio.gather(*(serve(lanes, order) for order in range(count)))
        return looks / count

    few, many = run_virtual(looks_for(100)), run_virtual(looks_for(3000))
    assert many < few * 1.1


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["ok", "ok", "429", "529", "leaves"]),
        st.floats(0, 5),  # works so long, or leaves after so long
        st.integers(0, 4),  # weight
        st.sampled_from(["a", "b"]),
        st.one_of(st.none(), st.floats(0, 3)),  # retry-after
    ),
    max_size=40,
)


@given(acts=ACTS, jobs=st.integers(1, 12), limit=st.integers(1, 8))
def test_never_above_the_limit_and_nothing_is_lost(acts, jobs, limit):
    """Under any course of successes, rejections, failures and departures every grant is within limit, jobs and gate."""

    async def main() -> None:
        lanes = Checked(jobs, {"a": LaneLimits(limit=limit)}, random.Random(1), Told())
        tasks = [asyncio.create_task(acted(lanes, order, act)) for order, act in enumerate(acts)]
        for task, (what, seconds, *_) in zip(tasks, acts, strict=True):
            if what == "leaves":
                asyncio.get_running_loop().call_later(seconds, task.cancel)
        for task in tasks:
            await asyncio.wait([task])
            assert task.cancelled() or task.exception() is None
        assert lanes.in_flight == 0
        assert lanes["a"].in_use == lanes["b"].in_use == 0

    run_virtual(main())


class Checked(Lanes):
    """Looks at every grant in the moment in which it is made."""

    def pump(self) -> None:
        before = {lane.name: lane.in_use for lane in self._lanes.values()}
        super().pump()
        assert self.in_flight <= self.jobs
        for lane in self._lanes.values():
            assert lane.in_use <= max(lane.limiter.limit, before[lane.name])

    def _ready(self, lane: Any, now: float) -> Any:
        entry = super()._ready(lane, now)
        assert entry is None or now >= lane.gate_until
        return entry


async def acted(lanes: Lanes, order: int, act: tuple[str, float, int, str, float | None]) -> None:
    """Take a slot, work, and let end what was worked on in one of several ways."""
    what, seconds, weight, name, wait_s = act
    slot = await got(lanes, unit(lane=name, weight=weight), order)
    assert min(weight, 1) <= slot.weight <= weight
    try:
        await asyncio.sleep(seconds)
        if what == "429":
            lanes.rate_limited(slot, wait_s)
        else:
            (lanes.overloaded if what == "529" else lanes.let_in)(slot)
    finally:
        lanes.release(slot)


# -- further requests of a slot that is held


async def sends_again(lanes: Lanes, slot: Slot, tokens: int = 0) -> float:
    """Send once more by `slot`; returns when that was."""
    while wait_s := lanes.again(slot, tokens):  # noqa: ASYNC110  so an attempt does it
        await asyncio.sleep(wait_s)
    return now()


def test_a_further_request_waits_at_the_gate():
    """One that was rejected holds back those that are under way, too."""

    async def main() -> float:
        told = Told()
        lanes = lanes_of(9, told)
        held, rejected = await got(lanes, unit("held")), await got(lanes, unit("rejected"))
        assert lanes.again(held, 0) == 0
        lanes.rate_limited(rejected, 10)
        at = await sends_again(lanes, held)
        assert [name for name, _ in told if name.startswith("lane.resumed")] == ["lane.resumed"]
        return at

    assert 10 <= run_virtual(main()) <= 11.1


def test_further_requests_are_paced_by_their_tokens():
    """Sixty tokens a minute are one a second, whoever sends them."""

    async def main() -> list[float]:
        lanes = lanes_of(9, a=LaneLimits(tokens_per_minute=60))
        held = await got(lanes, unit(tokens=1))
        return [await sends_again(lanes, held, 30) for _ in range(3)]

    first, second, third = run_virtual(main())
    assert second - first == pytest.approx(30, abs=0.1)
    assert third - second == pytest.approx(30, abs=0.1)


def test_what_a_server_never_counted_is_given_back_once():
    """A request without a report is replaced by the next one of the same slot."""

    async def main() -> float:
        lanes = lanes_of(9)
        held = await got(lanes, unit(tokens=100))
        lanes.reported(held, RateHeaders(tokens=Window(1000, 500)))
        for _ in range(5):
            assert lanes.again(held, 400) == 0
        lanes.release(held)
        other = await got(lanes, unit(tokens=500))
        lanes.release(other)
        return now()

    assert run_virtual(main()) < 1


def test_a_lane_that_opens_too_late_takes_no_further_request():
    """Whoever would wait beyond the deadline learns that now."""

    async def main() -> float:
        lanes = lanes_of(9)
        lanes.last_moment = 5
        held, rejected = await got(lanes, unit("held")), await got(lanes, unit("rejected"))
        lanes.rate_limited(rejected, 10)
        return lanes.again(held, 0)

    assert run_virtual(main()) == float("inf")


def test_a_family_of_lanes_may_share_its_limits():
    """Each lane of it has them for itself; one with limits of its own has those."""

    async def main() -> list[int]:
        lanes = Lanes(99, {"m:*": LaneLimits(limit=2), "m:b": LaneLimits(limit=3)}, random.Random(1), Told())
        return [lanes[name].limiter.limit for name in ("m:a", "m:b", "m", "other")]

    assert run_virtual(main()) == [2, 3, 2, 64]
