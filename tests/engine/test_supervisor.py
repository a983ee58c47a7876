"""A unit's way to its one outcome: attempts, statuses, deadlines, stopping, reuse, what it costs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import random
from typing import Any

import pytest

from fanfold import errors
from fanfold.engine.attempt import Attempt
from fanfold.engine.budget import Budget
from fanfold.engine.events import EventLog
from fanfold.engine.fan_out import fan_out
from fanfold.engine.limits import LaneLimits
from fanfold.engine.supervisor import Supervisor
from fanfold.models import Outcome, Status, Unit, Usage
from fanfold.testing.scripted import ScriptedWorker, Step
from fanfold.testing.virtual_time import run_virtual

HANG = Step(delay_s=math.inf)


def unit(label: str = "u", **fields: Any) -> Unit[Any]:
    return Unit(**{"key": label, "label": label, "payload": None, **fields})


def units(count: int, **fields: Any) -> list[Unit[Any]]:
    return [unit(f"u{number}", **fields) for number in range(count)]


def run(worker: Any, *wanted: Unit[Any], **options: Any) -> list[Outcome[Any]]:
    """Fan `wanted` (one unit by default) out under a supervisor with `options`."""

    async def main() -> list[Outcome[Any]]:
        return await fan_out(wanted or [unit()], worker, supervisor=Supervisor(rng=random.Random(1), **options))

    return run_virtual(main())


# -- how an attempt ends, and what follows


def test_a_value_is_an_outcome_with_its_times():
    """Seconds from the run's start: queued, started, ended."""
    worker = ScriptedWorker({"a": [Step(value=1, delay_s=2)], "b": [Step(value=2, delay_s=3)]})
    first, second = run(worker, unit("a"), unit("b"), jobs=1)
    assert (first.status, first.value, first.error, first.attempts) == (Status.OK, 1, None, 1)
    assert (first.queued_s, first.started_s, first.ended_s) == (0, 0, 2)
    assert (second.queued_s, second.started_s, second.ended_s) == (0, 2, 5)


def test_a_transient_error_is_asked_again():
    """The attempts are counted, and so is what went wrong."""
    steps = [Step(error=errors.Overloaded("529")), Step(error=errors.ConnectionLost("cut")), Step(value=7)]
    (outcome,) = run(ScriptedWorker({"u": steps}))
    assert (outcome.status, outcome.value, outcome.attempts) == (Status.OK, 7, 3)
    assert (outcome.usage.retries, outcome.usage.errors) == (2, {"ConnectionLost": 1, "Overloaded": 1})


def test_what_keeps_failing_is_given_up():
    """Bounded attempts, and the reason is the last error."""
    worker = ScriptedWorker({"u": [Step(error=errors.Overloaded("529"))]})
    (outcome,) = run(worker)
    assert outcome.status is Status.FAILED
    assert outcome.error == "529 (given up after 4 such failures)"
    assert len(worker.calls) == outcome.attempts == 4


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.BadRequest("400"), Status.FAILED),
        (errors.NoCredit("spend limit"), Status.FAILED),
        (errors.Refused("no"), Status.REFUSED),
        (TimeoutError("60 s"), Status.TIMED_OUT),
        (ValueError("bug"), Status.FAILED),
    ],
)
def test_what_asking_again_can_not_help_is_asked_once(error, status):
    """One attempt, and its status."""
    worker = ScriptedWorker({"u": [Step(error=error)]})
    (outcome,) = run(worker)
    assert (outcome.status, len(worker.calls)) == (status, 1)


def test_a_bad_answer_is_asked_again_with_what_was_wrong():
    """The second attempt is told to answer at greater length, or what does not fit; later ones still know."""
    steps = [
        Step(error=errors.Truncated("cut")),
        Step(error=errors.InvalidAnswer("no `title`")),
        Step(error=errors.Overloaded("529")),
        Step(value=1),
    ]
    worker = ScriptedWorker({"u": steps})
    (outcome,) = run(worker)
    assert outcome.ok
    assert [(call.number, call.enlarge, call.correction) for call in worker.calls] == [
        (1, False, None),
        (2, True, None),
        (3, True, "no `title`"),
        (4, True, "no `title`"),
    ]


def test_a_worker_that_dies_takes_only_its_own_unit_with_it():
    """Any exception is one unit's failure, named with its type and place."""
    worker = ScriptedWorker(
        lambda unit, _: Step(error=KeyError("gone"), delay_s=1) if unit.label == "u1" else Step(value=1, delay_s=2)
    )
    outcomes = run(worker, *units(3))
    assert [outcome.status for outcome in outcomes] == [Status.OK, Status.FAILED, Status.OK]
    assert str(outcomes[1].error).startswith("KeyError: 'gone' (scripted.py:")


async def not_a_coroutine(_unit: Unit[Any], _attempt: Attempt) -> None:
    await asyncio.sleep(1)
    raise asyncio.CancelledError


def test_a_worker_that_cancels_itself_has_failed():
    """Nobody asked it to, so it is no cancellation of the run."""
    (outcome,) = run(not_a_coroutine)
    assert (outcome.status, outcome.error) == (Status.FAILED, "RuntimeError: the worker cancelled itself")


def test_a_worker_that_is_no_coroutine_function_fails_its_unit():
    """A mistake in a worker is seen in its outcome."""
    (outcome,) = run(lambda _unit, _attempt: 5)
    assert "TypeError" in str(outcome.error)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupts_pass(error, caplog):
    """Ctrl-C inside of a worker is no failed unit, and ends everything, without a word to the log."""
    ended = []

    async def worker(unit: Unit[Any], _attempt: Attempt) -> None:
        try:
            await asyncio.sleep(1 if unit.label == "u0" else 100)
        finally:
            ended.append(unit.label)
        raise error

    with pytest.raises(error):
        run(worker, *units(3))
    assert sorted(ended) == ["u0", "u1", "u2"]
    gc.collect()
    assert caplog.records == []


# -- limits on time


def test_one_of_many_hangs_for_ever():
    """At the unit's limit it has timed out; the others have long been there."""
    worker = ScriptedWorker({"u7": [HANG]}, default=Step(value=1, delay_s=1))
    outcomes = run(worker, *units(20), jobs=20, unit_timeout_s=30)
    assert [outcome.label for outcome in outcomes if not outcome.ok] == ["u7"]
    hung = outcomes[7]
    assert (hung.status, hung.error) == (Status.TIMED_OUT, "the unit's limit of 30 s passed")
    assert hung.ended_s == 30


def test_a_unit_has_its_own_limit_which_starts_with_its_first_attempt():
    """Waiting for a slot is not its fault; retries and their waits are inside."""
    worker = ScriptedWorker(
        {"u0": [Step(value=1, delay_s=50)], "u1": [Step(error=errors.Overloaded("529"), delay_s=4)]}
    )
    outcomes = run(worker, unit("u0"), unit("u1", timeout_s=10), jobs=1)
    assert outcomes[0].ok
    assert outcomes[1].started_s == 50
    assert outcomes[1].ended_s == 60
    assert outcomes[1].error == "the unit's limit of 10 s passed; before that: 529"


def test_at_the_runs_deadline_what_is_there_is_there_and_what_is_missing_is_named():
    """Done, cut off, waiting between two attempts, never started: each has its status and the reason."""
    steps = {
        "done": [Step(value=1, delay_s=1)],
        "running": [HANG],
        "between": [Step(error=errors.Overloaded("529", retry_after_s=30), delay_s=1)],
    }
    outcomes = run(
        ScriptedWorker(steps),
        *map(unit, steps),
        unit("waiting"),
        lanes={"default": LaneLimits(limit=3)},
        deadline_s=40,
        jobs=3,
    )
    assert {outcome.label: outcome.status for outcome in outcomes} == {
        "done": Status.OK,
        "running": Status.TIMED_OUT,
        "between": Status.TIMED_OUT,
        "waiting": Status.FAILED,
    }
    assert outcomes[1].error == "the run's deadline of 40 s passed"
    assert max(outcome.ended_s for outcome in outcomes) == 40


def test_what_never_started_was_not_run():
    """One slot, and the deadline comes before the second unit's turn."""
    outcomes = run(ScriptedWorker(default=HANG), *units(3), jobs=1, deadline_s=5)
    assert [outcome.status for outcome in outcomes] == [Status.TIMED_OUT, Status.NOT_RUN, Status.NOT_RUN]
    assert {outcome.error for outcome in outcomes} == {"the run's deadline of 5 s passed"}
    assert outcomes[2].attempts == 0


def test_no_attempt_starts_that_can_not_end_in_time():
    """When less time is left than the quickest of its kind took, nothing is paid for an answer that will not come."""
    worker = ScriptedWorker(default=Step(value=1, delay_s=10))
    outcomes = run(worker, *units(12), jobs=1, deadline_s=95)
    assert [outcome.ok for outcome in outcomes] == [True] * 9 + [False] * 3
    assert len(worker.calls) == 9
    assert outcomes[9].status is Status.NOT_RUN
    assert outcomes[9].error == "5.0 s are left, and the quickest such unit took 10.0 s"


def test_a_wait_that_goes_past_the_deadline_is_not_begun():
    """An hour of retry-after against a minute of time: the unit ends at once and says why."""
    worker = ScriptedWorker({"u": [Step(error=errors.RateLimited("429", retry_after_s=3600.0), delay_s=1)]})
    outcomes = run(worker, unit("u"), jobs=1, deadline_s=60)
    assert outcomes[0].status is Status.TIMED_OUT
    assert outcomes[0].ended_s == 1
    assert "goes past the deadline" in str(outcomes[0].error)


def test_nobody_waits_for_a_lane_that_opens_after_the_deadline():
    """The others of that lane learn it at once, too; other lanes go on."""
    worker = ScriptedWorker(
        {"u0": [Step(error=errors.RateLimited("429", retry_after_s=3600.0), delay_s=1)]},
        default=Step(value=1, delay_s=2),
    )
    outcomes = run(
        worker,
        unit("u0"),
        unit("u1"),
        unit("other", lane="disk"),
        lanes={"default": LaneLimits(limit=1)},
        deadline_s=60,
    )
    assert [outcome.status for outcome in outcomes] == [Status.TIMED_OUT, Status.NOT_RUN, Status.OK]
    assert outcomes[1].ended_s == 1
    assert outcomes[1].error == "default takes nothing more before the deadline"


def test_silence_is_a_lost_connection_and_asked_again():
    """First event and silence have limits of their own, by lane."""
    steps = [
        HANG,
        Step(value=1, delay_s=100, first_event_s=3),
        Step(value=2, delay_s=60, first_event_s=9, alive_every_s=4),
    ]
    lanes = {"default": LaneLimits(first_event_s=10, silence_s=5)}
    (outcome,) = run(ScriptedWorker({"u": steps}), lanes=lanes)
    assert (outcome.value, outcome.attempts) == (2, 3)
    assert outcome.usage.errors == {"ConnectionLost": 2}


def test_an_attempt_knows_its_deadline():
    """The earliest of the run's, the unit's and its own, in loop time."""
    seen = []

    async def worker(_unit: Unit[Any], attempt: Attempt) -> None:
        seen.append((attempt.deadline, attempt.remaining_s()))
        await asyncio.sleep(1)

    lanes = {"short": LaneLimits(attempt_timeout_s=3)}
    run(worker, unit("run"), unit("unit", timeout_s=7), unit("own", lane="short"), deadline_s=100, jobs=1, lanes=lanes)
    assert seen == [(100, 100), (8, 7), (5, 3)]


# -- workers that don't listen


async def deaf(unit: Unit[Any], _attempt: Attempt) -> None:
    """Swallow `unit.payload` cancellations."""
    for _ in range(unit.payload):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1000)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("limit", ["deadline_s", "unit_timeout_s"])
def test_a_worker_that_ignores_its_cancellation_holds_nothing_up(times, limit):
    """Half a second after the limit the outcome is there; a worker that is deaf for longer is abandoned."""

    async def main() -> tuple[Outcome[Any], int]:
        supervisor = Supervisor(deadline_s=5) if limit == "deadline_s" else Supervisor(unit_timeout_s=5)
        outcome = await supervisor.run(unit(payload=times), deaf)
        return outcome, supervisor.abandoned

    outcome, abandoned = run_virtual(main(), check_leaks=times < 3)
    assert outcome.status is Status.TIMED_OUT
    assert 5 <= outcome.ended_s <= 5.5
    assert abandoned == (times == 3)


def test_a_worker_that_ignores_the_limits_of_its_attempt_is_given_up():
    """Its slot is given on even when nothing else would ever end it; what it still says is not heard."""

    async def main() -> list[Outcome[Any]]:
        supervisor = Supervisor(jobs=1, lanes={"default": LaneLimits(first_event_s=10)})
        return await fan_out([unit("deaf", payload=5), unit("next", payload=0)], deaf, supervisor=supervisor)

    stuck, following = run_virtual(main(), check_leaks=False)
    assert stuck.status is Status.FAILED
    assert "takes no notice" in str(stuck.error)
    assert following.ok


def test_what_comes_after_a_swallowed_cancellation_is_no_answer():
    """Whatever a worker returns that was cut off is not what it was asked for."""

    async def swallows(_unit: Unit[Any], attempt: Attempt) -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1000)
        return f"half an answer, {attempt.number}"

    assert run(swallows, deadline_s=5)[0].status is Status.TIMED_OUT
    lanes = {"default": LaneLimits(first_event_s=5)}
    assert run(swallows, lanes=lanes)[0].status is Status.FAILED


@pytest.mark.parametrize("cancel", [False, True])
def test_an_answer_that_is_there_when_the_run_is_stopped_counts(cancel):
    """It is paid: stopped in the very step in which the worker returns, the unit is ok."""

    async def main() -> Outcome[Any]:
        supervisor = Supervisor()

        async def worker(_unit: Unit[Any], _attempt: Attempt) -> int:
            supervisor.stop("now") if cancel else asyncio.get_running_loop().call_soon(supervisor.stop, "now")
            return 7

        return await supervisor.run(unit(), worker)

    outcome = run_virtual(main())
    assert (outcome.status, outcome.value) == (Status.OK, 7)


# -- stopping


def stopped(worker: Any, wanted: list[Unit[Any]], at: list[float], **options: Any) -> tuple[list[Outcome[Any]], float]:
    """Run `wanted`, stop at each moment of `at`, and return the outcomes and when they were there."""

    async def main() -> tuple[list[Outcome[Any]], float]:
        supervisor = Supervisor(rng=random.Random(1), **options)
        loop = asyncio.get_running_loop()
        for moment in at:
            loop.call_later(moment, supervisor.stop, "interrupted")
        outcomes = await fan_out(wanted, worker, supervisor=supervisor)
        return outcomes, loop.time()

    return run_virtual(main())


def test_stopping_once_folds():
    """What is done is done, what runs is cancelled, what waits is not run; each says why."""
    steps = {
        "done": [Step(value=1, delay_s=1)],
        "running": [HANG],
        "again": [Step(error=errors.Overloaded("529", retry_after_s=90))],
    }
    outcomes, at = stopped(
        ScriptedWorker(steps),
        [*map(unit, steps), unit("waiting", lane="full"), unit("queued", lane="full")],
        [5],
        lanes={"full": LaneLimits(limit=1)},
    )
    assert at == 5
    assert {outcome.label: (outcome.status, outcome.error) for outcome in outcomes[:3]} == {
        "done": (Status.OK, None),
        "running": (Status.CANCELLED, "interrupted"),
        "again": (Status.CANCELLED, "interrupted; before that: 529"),
    }


def test_what_waits_when_the_run_is_stopped_was_not_run():
    """For a slot, for a primer, for money, for a gate: all of them are told."""

    async def main() -> list[Outcome[Any]]:
        supervisor = Supervisor(jobs=8, budget=Budget(1.0), lanes={"full": LaneLimits(limit=1)}, rng=random.Random(1))
        asyncio.get_running_loop().call_later(5, supervisor.stop, "interrupted")
        wanted = [
            unit("holds the slot", lane="full"),
            unit("wants the slot", lane="full"),
            unit("holds the money", reserve_usd=1.0),
            unit("wants the money", reserve_usd=1.0),
            unit("primes", prefix="p"),
            unit("wants the prefix", prefix="p"),
        ]
        return await fan_out(wanted, ScriptedWorker(default=HANG), supervisor=supervisor)

    outcomes = run_virtual(main())
    assert [outcome.status for outcome in outcomes] == [Status.CANCELLED, Status.NOT_RUN] * 3
    assert {outcome.error for outcome in outcomes} == {"interrupted"}


def test_what_comes_after_the_stop_is_not_run():
    """Nothing new starts."""

    async def main() -> Outcome[Any]:
        supervisor = Supervisor()
        supervisor.stop("interrupted")
        assert supervisor.stopped == "interrupted"
        return await supervisor.run(unit(), ScriptedWorker(default=HANG))

    outcome = run_virtual(main())
    assert (outcome.status, outcome.error) == (Status.NOT_RUN, "interrupted")


async def slow_to_end(_unit: Unit[Any], _attempt: Attempt) -> None:
    try:
        await asyncio.sleep(1000)
    finally:
        await asyncio.sleep(1000)


@pytest.mark.parametrize(("at", "ends"), [([5], 5.21), ([5, 5.1], 5.1)])
def test_stopping_twice_stops_at_once(at, ends):
    """Once, a worker has its grace to end; the second time nobody waits for it."""
    outcomes, ended_at = stopped(slow_to_end, units(3), at)
    assert ended_at == pytest.approx(ends)
    assert {outcome.status for outcome in outcomes} == {Status.CANCELLED}


def test_a_stop_in_the_moment_of_a_grant_starts_nothing():
    """The slot comes free and the run is stopped in one step of the loop: the next unit is not sent."""
    calls = []

    async def main() -> list[Outcome[Any]]:
        supervisor = Supervisor(jobs=1)

        async def worker(unit: Unit[Any], _attempt: Attempt) -> int:
            calls.append(unit.label)
            await asyncio.sleep(1)
            if unit.label == "u0":
                asyncio.get_running_loop().call_soon(supervisor.stop, "now")
            return 1

        return await fan_out(units(4), worker, supervisor=supervisor)

    outcomes = run_virtual(main())
    assert len(outcomes) == 4
    assert len(calls) <= 2
    assert {outcome.status for outcome in outcomes[2:]} == {Status.NOT_RUN}


@pytest.mark.parametrize("steps", range(12))
def test_a_stop_in_any_step_is_heard(steps):
    """However many steps of the loop lie between the grant and the stop, no unit outlives it."""

    async def main() -> list[Outcome[Any]]:
        supervisor = Supervisor(jobs=2)
        loop = asyncio.get_running_loop()

        def later(left: int) -> None:
            if left:
                loop.call_soon(later, left - 1)
            else:
                supervisor.stop("now")

        later(steps)
        return await fan_out(units(4), ScriptedWorker(default=HANG), supervisor=supervisor)

    outcomes = run_virtual(main())
    assert {outcome.status for outcome in outcomes} <= {Status.CANCELLED, Status.NOT_RUN}
    assert {outcome.ended_s for outcome in outcomes} == {0}


def test_cancelling_the_caller_stops_at_once():
    """The caller's own cancellation is passed on, and no attempt is left."""
    worker = ScriptedWorker(default=HANG)

    async def main() -> None:
        task = asyncio.ensure_future(fan_out(units(5), worker)._together())
        await asyncio.sleep(3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() == 3

    run_virtual(main())
    assert {call.how for call in worker.calls} == {"cancelled"}


# -- reuse


class Shelf:
    """A store in memory that counts, and fails on request."""

    def __init__(self, *, fails: bool = False, put_s: float = 0.0) -> None:
        self.kept: dict[str, Outcome[Any]] = {}
        self.fails = fails
        self.put_s = put_s
        self.puts: list[str] = []

    async def get(self, unit: Unit[Any]) -> Outcome[Any] | None:
        if self.fails:
            raise OSError("no disk")
        return self.kept.get(unit.key)

    async def put(self, unit: Unit[Any], outcome: Outcome[Any]) -> None:
        await asyncio.sleep(self.put_s)
        if self.fails:
            raise OSError("no disk")
        self.puts.append(unit.key)
        self.kept[unit.key] = Outcome(unit.key, unit.label, unit.kind, outcome.status, outcome.value, reused=True)


def test_a_stored_outcome_stands_and_nothing_is_paid():
    """The second run calls no worker."""
    shelf, worker = Shelf(), ScriptedWorker(default=Step(value=1, delay_s=5))
    wanted = units(3, returns=int)
    assert [outcome.reused for outcome in run(worker, *wanted, store=shelf)] == [False] * 3
    again = run(worker, *wanted, store=shelf)
    assert [(outcome.reused, outcome.value, outcome.ended_s) for outcome in again] == [(True, 1, 0)] * 3
    assert len(worker.calls) == 3


def test_an_outcome_is_kept_before_anyone_sees_it():
    """Whoever gets an outcome finds it in the store."""
    shelf = Shelf(put_s=2)

    async def main() -> None:
        async with fan_out(
            units(3, returns=int), ScriptedWorker(default=Step(value=1)), supervisor=Supervisor(store=shelf)
        ) as outcomes:
            async for outcome in outcomes:
                assert outcome.key in shelf.puts

    run_virtual(main())


def test_units_that_return_nothing_storable_are_not_stored():
    """Neither asked for nor kept."""
    shelf = Shelf()
    run(ScriptedWorker(default=Step(value=1)), *units(2), store=shelf)
    assert shelf.puts == []


def test_a_store_that_fails_loses_no_outcome():
    """The run goes on, and says so."""
    log = EventLog()
    outcomes = run(ScriptedWorker(default=Step(value=1)), *units(2, returns=int), store=Shelf(fails=True), events=log)
    assert [outcome.value for outcome in outcomes] == [1, 1]
    assert [event.unit for event in log.events if event.name == "store.failed"] == ["u0", "u1", "u0", "u1"]


def test_a_paid_outcome_is_kept_even_if_the_caller_leaves():
    """Cancelled while the store writes, the run waits for that as long as the grace is."""
    shelf = Shelf(put_s=0.2)

    async def main() -> None:
        task = asyncio.create_task(
            Supervisor(store=shelf).run(unit(returns=int), ScriptedWorker(default=Step(value=1, delay_s=1)))
        )
        await asyncio.sleep(1.1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    run_virtual(main())
    assert shelf.puts == ["u"]


def test_two_units_with_one_key_are_paid_once():
    """The second gets the first one's outcome, free of charge and under its own label."""
    worker = ScriptedWorker(default=Step(value=1, delay_s=5, usage=Usage(cost_usd=0.5)))
    wanted = [unit(label, key="same", returns=int) for label in ("a", "b", "c")]
    outcomes = run(worker, *wanted)
    assert len(worker.calls) == 1
    assert [(o.label, o.value, o.reused, o.usage.cost_usd) for o in outcomes] == [
        ("a", 1, False, 0.5),
        ("b", 1, True, 0.0),
        ("c", 1, True, 0.0),
    ]


def test_units_that_are_not_stored_are_each_run():
    """Running the same test twice is the point of running it twice."""
    worker = ScriptedWorker(default=Step(value=1))
    run(worker, unit("a", key="same"), unit("b", key="same"))
    assert len(worker.calls) == 2


def test_what_fails_fails_for_all_of_the_key():
    """A failure is shared as well, and is not called reused."""
    worker = ScriptedWorker(default=Step(error=errors.BadRequest("400"), delay_s=1))
    outcomes = run(worker, *(unit(label, key="same", returns=int) for label in "ab"))
    assert [(o.status, o.reused) for o in outcomes] == [(Status.FAILED, False)] * 2
    assert len(worker.calls) == 1


def test_if_the_first_of_a_key_is_cancelled_the_next_takes_over():
    """A caller that leaves does not take the others with it."""
    worker = ScriptedWorker(default=Step(value=1, delay_s=5))

    async def main() -> Outcome[Any]:
        supervisor = Supervisor()
        first = asyncio.create_task(supervisor.run(unit("a", key="same", returns=int), worker))
        second = asyncio.create_task(supervisor.run(unit("b", key="same", returns=int), worker))
        await asyncio.sleep(1)
        first.cancel()
        return await second

    outcome = run_virtual(main())
    assert (outcome.value, outcome.reused, len(worker.calls)) == (1, False, 2)


# -- money


def test_what_does_not_fit_is_over_budget_and_the_cheap_still_go():
    """1 $: two of 0.4 $ go, the third finds 0.2 $ left and never fits; one of 0.1 $ goes all the same."""
    spends = ScriptedWorker(lambda unit, _: Step(value=1, delay_s=1, usage=Usage(cost_usd=unit.reserve_usd)))
    wanted = [unit(f"{usd} {n}", reserve_usd=usd) for n, usd in enumerate((0.4, 0.4, 0.4, 0.1, 0.0))]
    budget = Budget(1.0)
    outcomes = run(spends, *wanted, budget=budget, jobs=2)
    assert [outcome.status for outcome in outcomes] == [Status.OK, Status.OK, Status.OVER_BUDGET, Status.OK, Status.OK]
    assert (
        outcomes[2].error
        == "its worst case of $0.4000 does not fit into what is left of the budget: $0.2000 of $1.0000"
    )
    assert budget.spent_usd == 0.9


def test_who_waits_for_room_in_the_budget_holds_no_slot():
    """While 0.9 $ are out, a unit that needs 0.5 $ waits; the one slot that is left serves the free units."""
    steps = {
        "big": [Step(value=1, delay_s=10, usage=Usage(cost_usd=0.1))],
        "waits": [Step(value=1, usage=Usage(cost_usd=0.1))],
    }
    worker = ScriptedWorker(steps, default=Step(value=1, delay_s=1))
    outcomes = run(
        worker, unit("big", reserve_usd=0.9), unit("waits", reserve_usd=0.5), *units(5), budget=Budget(1.0), jobs=2
    )
    assert all(outcome.ok for outcome in outcomes)
    assert outcomes[1].started_s == 10
    assert max(outcome.ended_s for outcome in outcomes[2:]) == 5


@pytest.mark.parametrize("usd", [None, math.nan, -1.0])
def test_a_worst_case_that_is_not_known_can_not_be_bounded(usd):
    """Under a budget such a unit does not go; without one it does."""
    worker = ScriptedWorker(default=Step(value=1, usage=Usage(cost_usd=0.1)))
    (outcome,) = run(worker, unit(reserve_usd=usd), budget=Budget(1.0))
    assert (outcome.status, outcome.error) == (
        Status.OVER_BUDGET,
        "its worst case is unknown, and the run has a budget",
    )
    assert run(worker, unit(reserve_usd=usd))[0].ok


@pytest.mark.parametrize(
    ("step", "cost", "spent"),
    [
        (Step(value=1, usage=Usage(cost_usd=0.2)), 0.2, 0.2),
        (Step(value=1, usage=Usage(cost_usd=None)), None, 0.5),
        (Step(value=1), None, 0.5),
        (Step(error=errors.BadRequest("400")), 0.0, 0.0),
        (Step(error=errors.Refused("no")), None, 0.5),
        (Step(error=errors.Refused("no"), usage=Usage(cost_usd=0.1)), 0.1, 0.1),
        (Step(error=ValueError("bug")), None, 0.5),
        (HANG, None, 0.5),
    ],
)
def test_what_an_attempt_costs(step, cost, spent):
    """What it said; nothing when it was turned away; else it may be billed, and the unknown keeps the reservation."""
    budget = Budget(1.0)
    (outcome,) = run(ScriptedWorker(default=step), unit(reserve_usd=0.5), budget=budget, unit_timeout_s=5)
    assert outcome.usage.cost_usd == cost
    assert budget.spent_usd == spent


def test_every_attempt_is_charged():
    """A retry costs again; the sum is the unit's."""
    steps = [
        Step(error=errors.InvalidAnswer("x"), usage=Usage(cost_usd=0.1, output_tokens=5)),
        Step(value=1, usage=Usage(cost_usd=0.2, output_tokens=7)),
    ]
    (outcome,) = run(ScriptedWorker({"u": steps}), unit(reserve_usd=0.3), budget=Budget(1.0))
    assert outcome.usage == Usage(
        cost_usd=outcome.usage.cost_usd, output_tokens=12, requests=2, retries=1, errors={"InvalidAnswer": 1}
    )
    assert outcome.usage.cost_usd == pytest.approx(0.3)


def test_a_retry_that_no_longer_fits_is_over_budget():
    """What went wrong before is said as well."""
    steps = [Step(error=errors.InvalidAnswer("bad"), usage=Usage(cost_usd=0.6))]
    (outcome,) = run(ScriptedWorker({"u": steps}), unit(reserve_usd=0.6), budget=Budget(1.0))
    assert outcome.status is Status.OVER_BUDGET
    assert str(outcome.error).endswith("before that: bad")
    assert outcome.attempts == 1


@pytest.mark.parametrize(("larger", "status"), [(0.8, Status.OVER_BUDGET), (0.5, Status.OK), (None, Status.OK)])
def test_a_larger_answer_reserves_its_own_worst_case(larger, status):
    """After an answer that was cut off the next attempt may cost more; the budget holds for that one too."""
    steps = [Step(error=errors.Truncated("cut"), usage=Usage(cost_usd=0.4)), Step(value=1, usage=Usage(cost_usd=0.4))]
    (outcome,) = run(
        ScriptedWorker({"u": steps}), unit(reserve_usd=0.4, reserve_enlarged_usd=larger), budget=Budget(1.0)
    )
    assert outcome.status is status


def test_an_enlarged_attempt_reserves_its_own_worst_case():
    """With a larger token limit the second attempt may cost more than the first: it goes only where that fits."""
    steps = [Step(error=errors.Truncated("cut"), usage=Usage(cost_usd=0.3)), Step(value=1, usage=Usage(cost_usd=0.6))]
    wanted = unit(reserve_usd=0.3, reserve_enlarged_usd=0.6)
    assert run(ScriptedWorker({"u": steps}), wanted, budget=Budget(0.9))[0].ok
    (outcome,) = run(ScriptedWorker({"u": steps}), wanted, budget=Budget(0.8))
    assert (outcome.status, outcome.usage.cost_usd) == (Status.OVER_BUDGET, 0.3)


# -- priming, classes


def test_a_shared_prefix_is_primed_by_a_real_worker():
    """One goes first; the others are sent when its answer begins, and hold no slot until then."""
    worker = ScriptedWorker(default=Step(value=1, delay_s=10, first_event_s=2))
    outcomes = run(worker, *units(4, prefix="p"), unit("free"), jobs=5)
    assert [outcome.started_s for outcome in outcomes] == [0, 2, 2, 2, 0]


def test_if_the_primer_is_turned_away_the_next_takes_over():
    """The one that failed comes back behind it."""
    steps = {"u0": [Step(error=errors.Overloaded("529"), delay_s=1), Step(value=1)]}
    worker = ScriptedWorker(steps, default=Step(value=1, delay_s=10, first_event_s=2))
    outcomes = run(worker, *units(3, prefix="p"))
    assert [outcome.started_s for outcome in outcomes[1:]] == [1, 3]
    assert outcomes[0].attempts == 2


def test_classes_have_limits_of_their_own():
    """Model calls, processes and disk don't take each other's slots."""
    worker = ScriptedWorker(default=Step(value=1, delay_s=10))
    lanes = {"model": LaneLimits(limit=4), "process": LaneLimits(limit=2)}
    wanted = [*units(4, lane="model"), *(unit(f"p{n}", lane="process") for n in range(4))]
    outcomes = run(worker, *wanted, jobs=16, lanes=lanes)
    assert [outcome.ended_s for outcome in outcomes] == [10] * 4 + [10, 10, 20, 20]


def test_a_coordinator_and_its_units_share_one_slot():
    """A unit of weight 0 fans out itself under the same supervisor, which would else be a deadlock."""

    async def main() -> Outcome[Any]:
        supervisor = Supervisor(jobs=1)

        async def leaf(_unit: Unit[Any], _attempt: Attempt) -> int:
            await asyncio.sleep(1)
            return 1

        async def coordinator(_unit: Unit[Any], _attempt: Attempt) -> int:
            outcomes = await fan_out(units(3), leaf, supervisor=supervisor)
            return sum(outcome.value or 0 for outcome in outcomes)

        return await supervisor.run(unit("top", weight=0), coordinator)

    assert run_virtual(main()).value == 3


def test_needs_without_supervise_are_said():
    """A unit that needs others does not run as if it needed none."""
    (outcome,) = run(ScriptedWorker(default=Step(value=1)), unit(needs=("other",)))
    assert (outcome.status, outcome.error) == (Status.NOT_RUN, "it needs other, and only supervise knows needs")


def test_a_supervisor_has_a_job():
    """None at all would wait for ever."""
    with pytest.raises(ValueError, match="jobs"):
        Supervisor(jobs=0)


# -- what is said


def names(log: EventLog, label: str | None = None) -> list[str]:
    return [event.name for event in log.events if event.unit == label]


def test_every_change_of_state_is_an_event():
    """From planned to ended, in the order in which it happened."""
    log = EventLog()
    steps = [
        Step(error=errors.Overloaded("529")),
        Step(value=1, delay_s=3, first_event_s=1, usage=Usage(output_tokens=5)),
    ]

    async def main() -> None:
        async with Supervisor(events=log) as supervisor:
            await fan_out([unit(prefix="p")], ScriptedWorker({"u": steps}), supervisor=supervisor)

    run_virtual(main())
    assert names(log, "u") == [
        "unit.planned",
        "unit.queued",
        "attempt.started",
        "attempt.ended",
        "attempt.started",
        "attempt.began",
        "attempt.ended",
        "unit.ended",
    ]
    assert names(log) == ["run.started", "prefix.priming", "prefix.priming", "prefix.primed", "run.ended"]
    ended = [event.attributes for event in log.events if event.name == "attempt.ended"]
    assert [(a["number"], a["hedge"], a["status"], a["error"]) for a in ended] == [
        (1, False, "failed", "Overloaded"),
        (2, False, "ok", None),
    ]


class Broken:
    """A listener with a defect."""

    def __init__(self, name: str) -> None:
        self.name = name

    def emit(self, name: str, unit: str | None = None, **_attributes: Any) -> None:
        if name == self.name:
            raise LookupError(f"a defect at {name} of {unit}")


@pytest.mark.parametrize("name", ["unit.planned", "attempt.started", "attempt.ended", "unit.ended"])
def test_a_defect_in_the_machinery_is_raised_and_nobody_waits(name):
    """An event log that raises is no worker's failure: the run ends with what it raised, and leaves nothing."""
    with pytest.raises(ExceptionGroup, match="unhandled errors") as raised:
        run(ScriptedWorker(default=Step(value=1, delay_s=1)), *units(3), events=Broken(name), jobs=2)
    assert raised.group_contains(LookupError, match=f"a defect at {name}")


def test_a_refusal_of_the_budget_is_an_event():
    """It says how much was wanted."""
    log = EventLog()
    run(ScriptedWorker(default=HANG), unit(reserve_usd=5.0), budget=Budget(1.0), events=log)
    (refused,) = [event for event in log.events if event.name == "budget.refused"]
    assert (refused.unit, refused.attributes["reserve_usd"]) == ("u", 5.0)


def test_the_time_left():
    """Infinite without a deadline, else what is left of it."""

    async def main() -> None:
        assert Supervisor().remaining_s() == math.inf
        supervisor = Supervisor(deadline_s=10)
        assert supervisor.remaining_s() == 10
        await asyncio.sleep(4)
        assert supervisor.remaining_s() == 6

    run_virtual(main())
