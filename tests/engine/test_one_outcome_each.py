"""Every unit has exactly one outcome, and everything is given back, whatever happens in whatever order."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import random
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fanfold import errors
from fanfold.engine.attempt import Attempt
from fanfold.engine.budget import Budget
from fanfold.engine.events import EventLog
from fanfold.engine.fan_out import fan_out
from fanfold.engine.hedge import HedgePolicy
from fanfold.engine.limits import LaneLimits
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Status, Unit, Usage
from fanfold.testing.virtual_time import run_virtual

FATES = [
    "ok",
    "429",
    "529",
    "cut",
    "invalid",
    "truncated",
    "refused",
    "final",
    "bug",
    "timeout",
    "hang",
    "deaf",
    "uncharged",
]
RAISED = {
    "429": errors.RateLimited("429", retry_after_s=2.0),
    "529": errors.Overloaded("529"),
    "cut": errors.ConnectionLost("cut"),
    "invalid": errors.InvalidAnswer("invalid"),
    "truncated": errors.Truncated("truncated"),
    "refused": errors.Refused("refused"),
    "final": errors.BadRequest("400"),
    "bug": ZeroDivisionError("bug"),
    "timeout": TimeoutError("too slow"),
}

UNITS = st.lists(
    st.fixed_dictionaries(
        {
            "fates": st.lists(st.sampled_from(FATES), min_size=1, max_size=4),
            "first_s": st.floats(0, 3),
            "rest_s": st.floats(0, 6),
            "lane": st.sampled_from(["a", "b"]),
            "prefix": st.sampled_from([None, None, "p", "q"]),
            "usd": st.sampled_from([0.0, 0.1, 0.3, 0.7, None]),
            "weight": st.integers(0, 3),
            "key": st.integers(0, 30),
            "stored": st.booleans(),
            "expected_s": st.one_of(st.none(), st.floats(0, 9)),
        }
    ),
    max_size=16,
)
RUNS = st.fixed_dictionaries(
    {
        "jobs": st.integers(1, 6),
        "deadline_s": st.one_of(st.none(), st.floats(0.5, 60)),
        "unit_timeout_s": st.floats(1, 20),
        "hedged": st.booleans(),
        "budget": st.one_of(st.none(), st.floats(0, 3)),
        "stops": st.lists(st.floats(0, 30), max_size=2),
        "cancel_at": st.one_of(st.none(), st.none(), st.floats(0, 30)),
    }
)


class Model:
    """A worker that plays each unit's fates, one an attempt, and the store that it is checked against."""

    def __init__(self, units: list[dict[str, Any]], budget: Budget | None) -> None:
        self.units = units
        self.budget = budget
        self.tries: Counter[str] = Counter()
        self.running: Counter[str] = Counter()
        self.kept: dict[str, Outcome[Any]] = {}

    async def __call__(self, unit: Unit[Any], attempt: Attempt) -> int:
        plan = self.units[unit.payload]
        fate = plan["fates"][min(self.tries[unit.label], len(plan["fates"]) - 1)]
        self.tries[unit.label] += 1
        self.running[unit.label] += 1
        try:
            return await self._play(fate, plan, attempt)
        finally:
            self.running[unit.label] -= 1

    async def _play(self, fate: str, plan: dict[str, Any], attempt: Attempt) -> int:
        await asyncio.sleep(plan["first_s"])
        if fate == "hang":
            await asyncio.sleep(10_000)
        if fate == "deaf":
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(10_000)
        attempt.began()
        if fate != "uncharged":
            attempt.charge(Usage(cost_usd=(plan["usd"] or 0.0) / 2))
        await asyncio.sleep(plan["rest_s"])
        if fate in RAISED:
            raise copy.copy(RAISED[fate])
        return 1

    async def get(self, unit: Unit[Any]) -> Outcome[Any] | None:
        await asyncio.sleep(0.01)
        return self.kept.get(unit.key)

    async def put(self, unit: Unit[Any], outcome: Outcome[Any]) -> None:
        await asyncio.sleep(0.01)
        if outcome.ok:
            self.kept[unit.key] = Outcome(unit.key, unit.label, unit.kind, Status.OK, outcome.value, reused=True)


def units_of(plans: list[dict[str, Any]]) -> list[Unit[Any]]:
    return [
        Unit(
            key=f"{plan['key']}",
            label=f"u{number}",
            payload=number,
            lane=plan["lane"],
            prefix=plan["prefix"],
            reserve_usd=plan["usd"],
            weight=plan["weight"],
            returns=int if plan["stored"] else None,
            expected_s=plan["expected_s"],
        )
        for number, plan in enumerate(plans)
    ]


async def only_abandoned_are_left(supervisor: Supervisor) -> None:
    """Workers that were deaf until nobody waited any longer may be left, and are counted; they end by themselves."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert len(left) == supervisor.abandoned
    if left:
        await asyncio.wait(left)
        await asyncio.sleep(0)
    assert supervisor.abandoned == 0


@settings(max_examples=300)
@given(plans=UNITS, run=RUNS, seed=st.integers(0, 1000))
def test_one_outcome_each_and_nothing_left(plans, run, seed):
    """Random fates, lanes, prefixes, keys, budgets, hedges, deadlines, stops and cancellations together."""

    async def main() -> tuple[list[Outcome[Any]] | None, Supervisor, float]:
        loop = asyncio.get_running_loop()
        supervisor = Supervisor(
            jobs=run["jobs"],
            deadline_s=run["deadline_s"],
            unit_timeout_s=run["unit_timeout_s"],
            budget=model.budget,
            store=model,
            events=log,
            hedge=HedgePolicy(initial_s=2.0, least_samples=3) if run["hedged"] else None,
            lanes={"a": LaneLimits(limit=3, first_event_s=15)},
            rng=random.Random(seed),
            prime_wait_s=5.0,
        )
        for moment in run["stops"]:
            loop.call_later(moment, supervisor.stop, "interrupted")
        task = asyncio.ensure_future(fan_out(units_of(plans), model, supervisor=supervisor)._together())
        if run["cancel_at"] is not None:
            loop.call_later(run["cancel_at"], task.cancel)
        await asyncio.wait([task])
        ended_at = loop.time()
        await only_abandoned_are_left(supervisor)
        return (None if task.cancelled() else task.result()), supervisor, ended_at

    model = Model(plans, None if run["budget"] is None else Budget(run["budget"]))
    log = EventLog()
    outcomes, supervisor, ended_at = run_virtual(main())

    assert not +model.running, "a worker still runs"
    lanes = supervisor._m.lanes
    assert lanes.in_flight == 0
    assert all(lane.in_use == 0 and lane.head() is None for lane in lanes._lanes.values())
    assert not supervisor._active
    assert not supervisor._flights
    if model.budget:
        assert model.budget.reserved_usd == 0
        assert model.budget.spent_usd <= model.budget.limit_usd + 1e-9
    last = min([*run["stops"], run["deadline_s"] or 1e9, 1e9 if run["cancel_at"] is None else run["cancel_at"]])
    assert ended_at <= last + 0.5
    if outcomes is None:
        return
    assert [outcome.label for outcome in outcomes] == [f"u{number}" for number in range(len(plans))]
    ended = Counter(event.unit for event in log.events if event.name == "unit.ended")
    assert ended == Counter(outcome.key for outcome in outcomes)
    started = sum(event.name == "attempt.started" for event in log.events)
    assert started == sum(event.name == "attempt.ended" for event in log.events) == sum(o.attempts for o in outcomes)
    for outcome, plan in zip(outcomes, plans, strict=True):
        check(outcome, plan, model)


def check(outcome: Outcome[Any], plan: dict[str, Any], model: Model) -> None:
    """An outcome says what is so."""
    assert outcome.ok == (outcome.value == 1) == (outcome.error is None)
    assert outcome.queued_s <= outcome.started_s <= outcome.ended_s
    assert outcome.attempts >= model.tries[outcome.label]  # one that is called off at once never gets to its worker
    if outcome.status in {Status.NOT_RUN, Status.OVER_BUDGET} and not plan["stored"]:
        assert outcome.status is Status.OVER_BUDGET or outcome.attempts == 0
    if outcome.ok and plan["stored"]:
        assert outcome.key in model.kept
    if outcome.reused:
        assert outcome.usage == Usage()
