"""A second attempt for stragglers: before the first event only, once, within a share, and paid."""

from __future__ import annotations

import asyncio
import math
import random
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold import errors
from fanfold.engine.attempt import Attempt
from fanfold.engine.budget import Budget
from fanfold.engine.events import EventLog
from fanfold.engine.fan_out import fan_out
from fanfold.engine.hedge import HedgePolicy, Stragglers
from fanfold.engine.limits import LaneLimits
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Status, Unit, Usage
from fanfold.testing.scripted import ScriptedWorker, Step
from fanfold.testing.virtual_time import run_virtual

SOON = HedgePolicy(initial_s=5.0)
QUICK = Step(value="quick", delay_s=3, first_event_s=1, usage=Usage(cost_usd=0.1))
SILENT = Step(delay_s=math.inf)


def units(count: int, **fields: Any) -> list[Unit[Any]]:
    return [Unit(**{"key": f"u{n}", "label": f"u{n}", "payload": None, **fields}) for n in range(count)]


def run(worker: Any, wanted: list[Unit[Any]], **options: Any) -> list[Outcome[Any]]:
    async def main() -> list[Outcome[Any]]:
        supervisor = Supervisor(**{"hedge": SOON, "jobs": 40, "rng": random.Random(1), **options})
        return await fan_out(wanted, worker, supervisor=supervisor)

    return run_virtual(main())


# -- when an attempt is late


def test_late_is_measured_against_the_others():
    """Half again the time that nine in ten took."""
    seen = [float(n) for n in range(1, 11)]
    assert HedgePolicy().late_after_s(seen, []) == 9.0 * 1.5


def test_nothing_is_late_while_few_are_known():
    """Unless a first guess was configured."""
    assert HedgePolicy().late_after_s([1.0] * 9, [100.0]) is None
    assert HedgePolicy(initial_s=5.0).late_after_s([1.0] * 9, [100.0]) == 5.0


def test_those_who_still_wait_count_as_slower():
    """The first ten of thirty say nothing of the other twenty."""
    first_ten = [1.0 + n / 10 for n in range(10)]
    assert HedgePolicy().late_after_s(first_ten, [2.0] * 20) is None
    assert HedgePolicy().late_after_s(first_ten, [2.0]) == pytest.approx(1.9 * 1.5)
    assert HedgePolicy().late_after_s(first_ten, [0.5] * 20) == pytest.approx(1.8 * 1.5)


@given(
    seen=st.lists(st.floats(0.01, 100), min_size=10, max_size=60),
    waiting=st.lists(st.floats(0.01, 100), max_size=30),
)
def test_few_are_late(seen, waiting):
    """Of all attempts known and waiting, at most one in ten is beyond what counts as late."""
    late_s = HedgePolicy(factor=1.0).late_after_s(sorted(seen), sorted(waiting, reverse=True))
    if late_s is not None:
        beyond = sum(time > late_s for time in seen) + sum(waited > late_s for waited in waiting)
        assert beyond <= 0.1 * (len(seen) + len(waiting)) + 1e-9


@pytest.mark.parametrize(
    ("attempts", "hedges", "may"), [(1, 0, True), (10, 1, False), (38, 1, False), (39, 1, True), (0, 0, True)]
)
def test_at_most_a_twentieth_are_hedges(attempts, hedges, may):
    """Though one may always be."""
    assert HedgePolicy().affords(attempts, hedges) is may


def test_nobody_is_watched_after_the_end():
    """The timer stops with the last attempt that is watched."""

    async def main() -> None:
        stragglers = Stragglers(HedgePolicy(), lambda: True)
        first, second = stragglers.watch(), stragglers.watch()
        stragglers.began(first)
        stragglers.forget(second)
        assert stragglers._timer is None

    run_virtual(main())


# -- what happens then


def test_a_straggler_is_asked_a_second_time_and_the_first_to_begin_wins():
    """The silent one is called off in the moment in which the other begins, and is paid like any attempt."""
    worker = ScriptedWorker({"u0": [Step(delay_s=math.inf, usage=None), QUICK]})
    (outcome,) = run(worker, units(1, reserve_usd=0.4), budget=Budget(1.0))
    assert (outcome.value, outcome.hedged, outcome.attempts) == ("quick", True, 2)
    assert outcome.usage.hedges == 1
    first, second = worker.calls
    assert (first.hedge, second.hedge, first.number, second.number) == (False, True, 1, 1)
    assert second.started_s == pytest.approx(5, abs=0.06)
    assert first.how == "cancelled"
    assert first.ended_s == pytest.approx(second.started_s + 1)


def test_both_attempts_are_charged():
    """The loser's figure counts as much as the winner's."""

    async def worker(_unit: Unit[Any], attempt: Attempt) -> int:
        attempt.charge(Usage(cost_usd=0.25, input_tokens=100))
        await asyncio.sleep(2 if attempt.hedge else 1000)
        attempt.began()
        return 1

    budget = Budget(1.0)
    (outcome,) = run(worker, units(1, reserve_usd=0.4), budget=budget)
    assert (outcome.usage.cost_usd, outcome.usage.input_tokens, outcome.usage.requests) == (0.5, 200, 2)
    assert budget.spent_usd == 0.5


def test_a_loser_that_said_nothing_keeps_its_reservation():
    """It may have been billed: the budget counts its worst case, and the unit's cost is not known."""
    budget = Budget(1.0)
    (outcome,) = run(ScriptedWorker({"u0": [SILENT, QUICK]}), units(1, reserve_usd=0.4), budget=budget)
    assert outcome.ok
    assert outcome.usage.cost_usd is None
    assert budget.spent_usd == pytest.approx(0.5)


def test_nobody_is_hedged_who_has_begun():
    """However long the answer takes then."""
    worker = ScriptedWorker(default=Step(value=1, delay_s=500, first_event_s=4))
    outcomes = run(worker, units(3))
    assert [outcome.hedged for outcome in outcomes] == [False] * 3


def test_one_hedge_a_unit():
    """Two silent attempts are not followed by a third while they last."""
    worker = ScriptedWorker(default=SILENT)
    (outcome,) = run(worker, units(1), unit_timeout_s=500)
    assert (outcome.status, len(worker.calls), outcome.usage.hedges) == (Status.TIMED_OUT, 2, 1)


def test_workers_that_stream_nothing_are_not_hedged():
    """A test process that never says that it began is not run twice at the same time."""

    async def process(_unit: Unit[Any], _attempt: Attempt) -> int:
        await asyncio.sleep(1000)
        return 1

    async def mixed(unit: Unit[Any], attempt: Attempt) -> int:
        if unit.label == "u0":
            return await process(unit, attempt)
        await asyncio.sleep(1)
        return 1

    assert not any(outcome.hedged for outcome in run(mixed, units(30), hedge=HedgePolicy()))


def test_no_hedge_while_the_lane_is_cutting():
    """A rejection says that there is too much load already."""
    steps = {"u0": [SILENT, QUICK], "u1": [Step(error=errors.RateLimited("429", retry_after_s=20.0), delay_s=4), QUICK]}
    worker = ScriptedWorker(steps)
    run(worker, units(2), lanes={"default": LaneLimits(cooldown_s=30)})
    hedge = next(call for call in worker.calls if call.hedge)
    assert hedge.started_s >= 34


def test_no_hedge_without_money():
    """What is left does not cover a second attempt: the first goes on alone."""
    worker = ScriptedWorker({"u0": [Step(value=1, delay_s=60, usage=Usage(cost_usd=0.1))]})
    (outcome,) = run(worker, units(1, reserve_usd=0.6), budget=Budget(1.0))
    assert (outcome.value, outcome.hedged, len(worker.calls)) == (1, False, 1)


def test_no_hedge_above_the_limit():
    """It waits for a slot like everybody, first in line; if the answer begins meanwhile it is not sent."""
    worker = ScriptedWorker(
        {"u0": [Step(value=1, delay_s=30, first_event_s=8), QUICK], "u1": [Step(value=1, delay_s=20, first_event_s=1)]}
    )
    outcomes = run(worker, units(2), jobs=2)
    assert [outcome.hedged for outcome in outcomes] == [False, False]
    assert worker.most_running == 2


def test_a_hedge_that_fails_leaves_the_first_alone():
    """It does not count against the unit: the first attempt's answer stands."""
    worker = ScriptedWorker({"u0": [Step(value=1, delay_s=60, first_event_s=50), Step(error=errors.Overloaded("529"))]})
    (outcome,) = run(worker, units(1))
    assert (outcome.value, outcome.hedged, outcome.attempts) == (1, True, 2)


def test_a_first_attempt_that_fails_leaves_the_hedge_alone():
    """Its answer stands, and nothing is asked a third time."""
    worker = ScriptedWorker({"u0": [Step(error=errors.ConnectionLost("cut"), delay_s=10), Step(value=2, delay_s=60)]})
    (outcome,) = run(worker, units(1))
    assert (outcome.value, outcome.attempts) == (2, 2)


def test_a_failed_attempt_holds_no_slot_while_the_other_goes_on():
    """The slot of a hedge that was turned away serves the next unit."""
    steps = {"u0": [Step(value=1, delay_s=60, first_event_s=50), Step(error=errors.Overloaded("529"))]}
    worker = ScriptedWorker(steps, default=Step(value=1, delay_s=4.9))
    outcomes = run(worker, units(3), jobs=2)
    assert outcomes[2].ended_s < 12


def test_hedges_are_rare():
    """Of 200 silent units within one share of a twentieth, ten are asked twice."""
    worker = ScriptedWorker(default=SILENT)
    outcomes = run(worker, units(200), jobs=400, deadline_s=100)
    assert sum(outcome.usage.hedges for outcome in outcomes) == 10


def test_a_hedge_is_an_event():
    """With the two attempts told apart."""
    log = EventLog()
    run(ScriptedWorker({"u0": [SILENT, QUICK]}), units(1), events=log)
    said = [(event.name, event.attributes.get("hedge")) for event in log.events if event.unit == "u0"]
    assert said == [
        ("unit.planned", None),
        ("unit.queued", None),
        ("attempt.started", False),
        ("hedge.started", None),
        ("attempt.started", True),
        ("attempt.began", True),
        ("attempt.ended", False),
        ("attempt.ended", True),
        ("unit.ended", None),
    ]


def wall_s(seed: int, hedge: HedgePolicy | None) -> tuple[float, int]:
    """Run 30 workers of which 3 % stall for half a minute; return the wall time and the requests."""
    rng = random.Random(seed)

    def script(_unit: Unit[Any], _times: int) -> Step:
        stalls_s = 30.0 if rng.random() < 0.03 else 0.0
        first_event_s = stalls_s + 1.5 * math.exp(rng.gauss(0, 0.5))
        return Step(value=1, first_event_s=first_event_s, delay_s=first_event_s + rng.uniform(5, 15))

    worker = ScriptedWorker(script)

    async def main() -> float:
        await fan_out(units(30), worker, supervisor=Supervisor(jobs=30, hedge=hedge, rng=random.Random(seed)))
        return asyncio.get_running_loop().time()

    return run_virtual(main()), len(worker.calls)


def test_stalls_cost_less_with_hedging():
    """Median wall at most 0.7 of that without, for at most 5 % more requests."""
    without = [wall_s(seed, None) for seed in range(40)]
    hedged = [wall_s(seed, HedgePolicy()) for seed in range(40)]
    medians = [statistics.median(wall for wall, _ in walls) for walls in (hedged, without)]
    assert medians[0] <= 0.7 * medians[1]
    assert sum(requests for _, requests in hedged) <= 1.05 * 30 * 40
