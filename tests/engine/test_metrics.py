"""Folds over events: units, coverage, usage, timing, lanes."""

from __future__ import annotations

import asyncio
import gc
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold import Outcome, Status, Supervisor, Unit, Usage, fan_out
from fanfold.engine.attempt import Attempt
from fanfold.engine.budget import Budget
from fanfold.engine.events import Event, EventLog, read_events
from fanfold.engine.hedge import HedgePolicy
from fanfold.engine.limits import LaneLimits
from fanfold.engine.metrics import RunFold, coverage, error_rates, fold, timing, unit_records, usage
from fanfold.engine.tallies import UnitState
from fanfold.errors import BadRequest, ConnectionLost, InvalidAnswer, RateLimited, Refused, TransientError
from fanfold.models import Coverage, Timing, UnitRecord
from fanfold.testing.virtual_time import run_virtual

# Whole eighths of a second and of a dollar add up exactly in any order.
EIGHTH = 0.125
eighths = st.integers(0, 80).map(lambda n: n * EIGHTH)
calls = st.builds(
    Usage,
    input_tokens=st.integers(0, 9),
    cache_read_tokens=st.integers(0, 9),
    output_tokens=st.integers(0, 9),
    cost_usd=st.none() | eighths,
    cost_uncached_usd=eighths,
    requests=st.just(1),
    errors=st.dictionaries(st.sampled_from(["429", "Overloaded"]), st.integers(1, 2), max_size=1),
)


def event(at_s: float, name: str, unit: str | None = None, **attributes: object) -> Event:
    """Make an event as a log would, at a given time."""
    return replace(EventLog().emit(name, unit, **attributes), at_s=at_s)


@st.composite
def unit_events(draw, key: str) -> list[Event]:
    """Draw what the engine says of one unit: planned, queued, tried one time after the other, ended or not."""
    now = draw(eighths)
    said = [event(now, "unit.planned", key, label=f"unit {key}", kind="k", lane=draw(st.sampled_from("ab")))]
    total = Usage()
    tries = draw(st.integers(0, 3))
    hedges = 0
    for number in range(1, tries + 1):
        hedge = draw(st.booleans()) and number > 1
        hedges += hedge
        now += draw(eighths)
        said.append(event(now, "attempt.started", key, number=number, hedge=hedge))
        now += draw(eighths)
        used = draw(calls)
        total += used
        said.append(event(now, "attempt.ended", key, number=number, hedge=hedge, status="failed", usage=used))
    if draw(st.integers(0, 4)):
        status = draw(st.sampled_from(Status))
        total += Usage(retries=max(0, tries - hedges - 1), hedges=hedges)
        said.append(
            event(now, "unit.ended", key, status=status, error=None if status == "ok" else "why", attempts=tries,
                  usage=total, hedged=hedges > 0, reused=status == "ok" and not tries)
        )  # fmt: skip
    return said


@st.composite
def runs(draw) -> list[Event]:
    """Draw the events of a run of independent units."""
    parts = [draw(unit_events(str(number))) for number in range(draw(st.integers(0, 5)))]
    return [event(0.0, "run.started"), *sorted((e for part in parts for e in part), key=lambda e: e.at_s)]


def results(run: RunFold) -> tuple[object, ...]:
    return run.units, run.coverage, run.usage, run.timing, run.error_rates, run.queueing_s, run.lanes


@given(runs(), st.integers(0, 60))
def test_folding_a_part_and_then_the_rest_is_folding_the_whole(events, cut):
    """However a stream of events is split, and whatever was asked in between, the result is the same."""
    run = fold(events[:cut])
    results(run)
    for one in events[cut:]:
        run.see(one)
    assert results(run) == results(fold(events))


@given(runs())
def test_usage_is_what_all_attempts_used(events):
    """Tokens, costs, requests and errors of every attempt count once, of failed, hedged and unended units too."""
    total = usage(events)
    used = [e.attributes["usage"] for e in events if e.name == "attempt.ended"]
    assert total.requests == len(used)
    assert total.output_tokens == sum(said.get("gen_ai.usage.output_tokens", 0) for said in used)
    assert total.cost_usd == (None if any("cost_usd" in u and u["cost_usd"] is None for u in used)
                              else sum(said.get("cost_usd", 0) for said in used))  # fmt: skip
    assert total == sum((unit.usage for unit in unit_records(events)), Usage())
    started = Counter(e.attributes["hedge"] for e in events if e.name == "attempt.started")
    assert total.hedges == started[True]
    assert total.retries == sum(max(0, u.attempts - u.usage.hedges - 1) for u in unit_records(events))


@given(runs())
def test_coverage_always_sums_to_what_was_planned(events):
    """Every planned unit counts once, under one status; each that is not ok is named; reused ones are among the ok."""
    covered = coverage(events)
    assert covered.planned == len({e.unit for e in events if e.name == "unit.planned"})
    assert covered.planned == sum(getattr(covered, status.value) for status in Status)
    assert len(covered.missing) == covered.planned - covered.ok
    assert covered.reused <= covered.ok
    assert covered == coverage(unit_records(events)).model_copy(update={"missing": covered.missing})
    assert sorted(covered.missing) == sorted(coverage(unit_records(events)).missing)


@given(runs(), st.randoms(use_true_random=False))
def test_the_order_of_independent_units_does_not_matter(events, rng):
    """Events of different units that happen at the same time may come in any order."""
    order = {key: rng.random() for key in sorted({e.unit for e in events if e.unit})}
    other = sorted(events, key=lambda e: (e.at_s, order.get(e.unit, -1)))
    one, two = fold(events), fold(other)
    assert sorted(one.units, key=lambda u: u.key) == sorted(two.units, key=lambda u: u.key)
    assert one.usage == two.usage
    assert one.timing == two.timing
    assert sorted(one.coverage.missing) == sorted(two.coverage.missing)


@given(runs())
def test_forgetting_units_changes_no_total(events):
    """Without keeping units, totals are the same as with them."""
    flat = RunFold(keep_units=False)
    for one in events:
        flat.see(one)
    kept = fold(events)
    assert flat.coverage == kept.coverage
    assert flat.usage == kept.usage
    assert flat.timing == kept.timing
    assert flat.lanes == kept.lanes
    assert [u.key for u in flat.units] == [
        u.key for u in kept.units if u.error == "it had no outcome when the run ended"
    ]


def test_without_keeping_units_memory_stays_flat():
    """However many units a run has, a fold that does not keep them holds on to none that has ended."""

    def held() -> int:
        gc.collect()
        return sum(isinstance(thing, UnitState | UnitRecord) for thing in gc.get_objects())

    before = held()
    run = RunFold(keep_units=False)
    for number in range(2000):
        for one in ended(str(number), number, number + 1):
            run.see(one)
    assert run.coverage.planned == 2000
    assert held() == before


@given(runs())
def test_times_are_in_order(events):
    """A unit is queued, starts and ends in this order, within the run; the critical path fits into the wall time."""
    run = fold(events)
    for unit in run.units:
        assert 0 <= unit.queued_s <= unit.started_s <= unit.ended_s <= run.timing.wall_s
    assert run.timing.critical_path_s <= run.timing.wall_s
    assert run.timing.worker_s >= 0


def test_a_run_of_nothing():
    """No events, or a run without units, is complete and took no time."""
    for events in ([], [event(0.0, "run.started"), event(0.0, "run.ended")]):
        assert coverage(events) == Coverage()
        assert timing(events) == Timing(speedup=0.0)
        assert error_rates(events) == {}


def test_wall_time_is_that_of_the_run():
    """Wall time is from the run's start to its end, whatever was heard before and after."""
    events = [event(1.0, "prefix.primed"), event(2.0, "run.started"), event(5.0, "run.ended"), event(9.0, "lane.limit",
              lane="a", limit=4)]  # fmt: skip
    assert timing(events).wall_s == 3.0


def ended(key: str, start_s: float, end_s: float, *, began_s: float | None = None, **plan: object) -> list[Event]:
    """Return the events of a unit that ran once; `plan` goes into `unit.planned`."""
    began = [] if began_s is None else [event(began_s, "attempt.began", key, number=1, hedge=False)]
    return [
        event(0.0, "unit.planned", key, label=key, kind="k", lane="a", **plan),
        event(start_s, "attempt.started", key, number=1, hedge=False),
        *began,
        event(end_s, "attempt.ended", key, number=1, hedge=False, status="ok", usage=Usage()),
        event(end_s, "unit.ended", key, status="ok", error=None, attempts=1, usage=Usage(), hedged=False, reused=False),
    ]


def merged(*units: list[Event]) -> list[Event]:
    return sorted((e for unit in units for e in unit), key=lambda e: e.at_s)


def test_the_critical_path_follows_needs():
    """A unit adds to the longest of those that it needs: 3 + 4 + 1 here, though another unit took 6 seconds."""
    events = merged(
        ended("a", 0, 3),
        ended("b", 0, 2),
        ended("c", 3, 7, needs=["a", "b"]),
        ended("d", 7, 8, needs=["c", "unknown"]),
        ended("e", 1, 7),
    )
    assert timing(events) == Timing(wall_s=8.0, worker_s=16.0, speedup=2.0, critical_path_s=8.0)


def test_the_critical_path_of_needs_in_a_circle_ends():
    """Units that claim to need each other do not hang the fold."""
    assert timing(merged(ended("a", 0, 1, needs=["b"]), ended("b", 1, 2, needs=["a"]))).critical_path_s == 2.0


def test_the_critical_path_follows_the_primer():
    """Units behind a shared prefix wait until the primer's answer begins: 2 + 5, not 4 + 5."""
    events = merged(
        ended("primer", 0, 4, began_s=2, prefix="p"),
        ended("follower", 2, 7, began_s=3, prefix="p"),
        ended("other", 0, 1, prefix="q"),
    )
    assert timing(events).critical_path_s == 7.0


def test_the_critical_path_follows_an_item_through_a_pipeline():
    """The same key in a later stage comes after the earlier one; both are units of the run."""
    events = [*ended("item", 0, 2), *ended("item", 3, 8)]
    assert timing(events).critical_path_s == 7.0
    assert coverage(events).planned == 2


def test_two_units_of_one_key_at_the_same_time_both_count():
    """Units that share a key are told apart: two planned, two ended, all attempts counted."""
    events = merged(ended("same", 0, 4), ended("same", 1, 2))
    run = fold(events)
    assert run.coverage == Coverage(planned=2, ok=2)
    assert [unit.attempts for unit in run.units] == [1, 1]
    assert run.timing.worker_s == 5.0


def test_a_split_unit_counts_by_its_parts():
    """A unit that failed and was split is no gap: the units that stand for it are what was planned."""
    parts = [*ended("half", 2, 3), *ended("other half", 2, 3)]
    split = [
        event(0.0, "unit.planned", "whole", label="whole"),
        event(1.0, "unit.ended", "whole", status="failed", error="too much", attempts=1, usage=Usage(requests=1),
              split_into=["half", "other half"]),
    ]  # fmt: skip
    run = fold([*split, *parts])
    assert run.coverage == Coverage(planned=2, ok=2)
    assert run.usage.requests == 1
    assert len(run.units) == 3
    outcome: Outcome[int] = Outcome("whole", "whole", "k", Status.FAILED, split_into=("half",))
    assert coverage([outcome, Outcome("half", "half", "k", Status.OK)]) == Coverage(planned=1, ok=1)


def test_coverage_of_outcomes_names_what_is_missing():
    """Outcomes count as their events do, each gap as its label and why; a status speaks where no error does."""
    outcomes: list[Outcome[int]] = [
        Outcome("1", "a", "k", Status.OK, reused=True),
        Outcome("2", "b", "k", Status.TIMED_OUT, error="no answer in 5 s"),
        Outcome("3", "c", "k", Status.OVER_BUDGET),
    ]
    assert coverage(outcomes) == Coverage(
        planned=3, ok=1, reused=1, timed_out=1, over_budget=1, missing=("b — no answer in 5 s", "c — over budget")
    )
    assert coverage(map(UnitRecord.of, outcomes)) == coverage(outcomes)


def test_a_reused_refusal_is_no_reused_outcome():
    """Reused ones are counted inside of ok: what was refused again is missing again."""
    assert coverage([Outcome("1", "a", "k", Status.REFUSED, reused=True)]).reused == 0


def test_lanes_tell_how_they_were_used():
    """A lane knows its attempts, seconds, the most in flight, its cuts, and its pauses without their overlap."""
    pauses = [(0.0, 2.0), (1.0, 3.0), (10.0, 1.0)]
    run = fold(
        [
            *(event(0.0, "lane.limit", lane="a", limit=limit) for limit in (4, 8, 6, 5)),
            *(event(at_s, "lane.paused", lane="a", wait_s=wait_s) for at_s, wait_s in pauses),
            *merged(ended("x", 0, 4), ended("y", 1, 2), ended("z", 5, 6)),
        ]
    )
    use = run.lanes["a"]
    assert (use.attempts, use.worker_s, use.most, use.in_flight) == (3, 6.0, 2, 0)
    assert (use.limit, use.cuts, use.paused_s) == (5, 2, 5.0)


def test_queueing_is_the_wait_for_the_first_attempt():
    """Time lost to queueing adds up from when units were planned to when they were first tried."""
    run = fold(merged(ended("x", 2, 4), ended("y", 3, 4)))
    assert run.queueing_s == 5.0


# -- the engine's own events


class Flaky:
    """A worker whose answers and failures come from a seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    async def __call__(self, unit: Unit[int], attempt: Attempt) -> int:
        rng = self._rng
        await asyncio.sleep(rng.uniform(0, 1))
        if rng.random() < 0.7:
            attempt.began()
            attempt.charge(Usage(input_tokens=10, output_tokens=rng.randrange(5), cost_usd=0.5, cost_uncached_usd=0.75))
        await asyncio.sleep(rng.choice([0.1, 1, 30]))
        if error := rng.choice([None, None, None, RateLimited, ConnectionLost, InvalidAnswer, BadRequest, Refused]):
            raise error("no")
        return unit.payload


@pytest.mark.parametrize("seed", range(12))
def test_the_engines_events_tell_what_its_outcomes_say(tmp_path, seed):
    """Folded events agree with the outcomes on coverage, on every unit's record, and on usage, also from the file."""
    path = tmp_path / "events.jsonl"

    async def main() -> tuple[list[Outcome[int]], RunFold]:
        run = RunFold()
        with EventLog(path, [run.see]) as log:
            supervisor = Supervisor(
                jobs=4,
                events=log,
                deadline_s=None if seed % 3 else 40,
                unit_timeout_s=20,
                budget=Budget(8.0) if seed % 2 else None,
                hedge=HedgePolicy(initial_s=0.5, share=0.5) if seed % 4 else None,
                lanes={"default": LaneLimits(first_event_s=5)},
                rng=random.Random(seed),
            )
            async with supervisor:
                units = [Unit(key=str(n), label=f"u{n}", payload=n, reserve_usd=0.5) for n in range(20)]
                outcomes = await fan_out(units, Flaky(seed), supervisor=supervisor)
        return outcomes, run

    outcomes, run = run_virtual(main())
    by_key = {unit.key: unit for unit in run.units}
    assert run.coverage == coverage(outcomes).model_copy(update={"missing": run.coverage.missing})
    assert sorted(run.coverage.missing) == sorted(coverage(outcomes).missing)
    for outcome in outcomes:
        expected = UnitRecord.of(outcome)
        times = ("queued_s", "started_s", "ended_s")
        assert by_key[outcome.key].model_dump(exclude={*times}) == expected.model_dump(exclude={*times})
        for name in times:
            assert getattr(by_key[outcome.key], name) == pytest.approx(getattr(expected, name), abs=1e-5)
    assert run.usage.model_dump(exclude={"cost_usd", "cost_uncached_usd"}) == sum(
        (outcome.usage for outcome in outcomes), Usage()
    ).model_dump(exclude={"cost_usd", "cost_uncached_usd"})
    assert results(fold(read_events(path))) == results(run)


def test_error_rates_are_shares_of_attempts():
    """Two of four attempts that ended in a 429 are a rate of a half, under the HTTP status."""
    failures = iter([RateLimited("slow down"), RateLimited("slow down"), None, None])

    async def worker(unit: Unit[int], attempt: Attempt) -> int:
        failure: TransientError | None = next(failures)
        if failure:
            raise failure
        return unit.payload

    async def main() -> list[Event]:
        log = EventLog()
        await fan_out(
            [Unit(key=str(n), label="u", payload=n) for n in range(2)],
            worker,
            supervisor=Supervisor(jobs=1, events=log),
        )
        return log.events

    assert error_rates(run_virtual(main())) == {"429": 0.5}
