"""A queue of units that need each other, grows, and splits what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanfold.engine.attempt import Attempt
from fanfold.engine.events import EventLog
from fanfold.engine.supervise import MOST_RUNS, supervise
from fanfold.engine.supervisor import Supervisor
from fanfold.errors import BadRequest, Overloaded
from fanfold.models import Outcome, Status, Unit, Usage
from fanfold.testing.scripted import ScriptedWorker, Step
from fanfold.testing.virtual_time import run_virtual


def unit(key: str, *needs: str, **fields: Any) -> Unit[Any]:
    return Unit(**{"key": key, "label": key.upper(), "payload": key, "needs": needs, **fields})


def run(
    worker: Any, *units: Unit[Any], supervisor: Supervisor | None = None, **options: Any
) -> dict[str, Outcome[Any]]:
    async def main() -> list[Outcome[Any]]:
        return await supervise(units, worker, supervisor=supervisor, **options)

    outcomes = run_virtual(main())
    assert len({outcome.key for outcome in outcomes}) == len(outcomes)
    return {outcome.key: outcome for outcome in outcomes}


FINE = ScriptedWorker(default=Step(value=1, delay_s=1))


def test_a_unit_starts_when_what_it_needs_is_ok():
    """Not earlier, and as soon as that."""
    outcomes = run(FINE, unit("c", "a", "b"), unit("a"), unit("b", "a"), unit("d"))
    assert {key: outcome.started_s for key, outcome in outcomes.items()} == {"c": 2, "a": 0, "b": 1, "d": 0}


def test_a_worker_finds_the_outcomes_of_what_its_unit_needs():
    """By key."""

    async def worker(unit: Unit[Any], attempt: Attempt) -> str:
        return "".join([unit.payload, *(str(attempt.needed[key].value) for key in unit.needs)])

    assert run(worker, unit("a"), unit("b", "a"), unit("c", "b", "a"))["c"].value == "cbaa"


def test_what_needs_a_failed_unit_is_not_run_and_says_so():
    """All the way down the chain; who does not need it goes on."""
    worker = ScriptedWorker({"A": [Step(error=BadRequest("400"))]}, default=Step(value=1))
    outcomes = run(worker, unit("a"), unit("b", "a"), unit("c", "b"), unit("d"))
    assert [(outcomes[key].status, outcomes[key].error) for key in "bcd"] == [
        (Status.NOT_RUN, "needs A, which ended failed"),
        (Status.NOT_RUN, "needs B, which ended not_run"),
        (Status.OK, None),
    ]


def test_an_unknown_need_is_named():
    """Once nothing else is under way that could still add it."""
    outcomes = run(FINE, unit("a"), unit("b", "nowhere"), unit("c", "b"))
    assert outcomes["a"].ok
    assert outcomes["b"].error == "needs nowhere, which is no unit of this run"
    assert outcomes["c"].error == "needs B, which ended not_run"


def test_a_circle_is_found_and_named():
    """The units in it are not run, nor is what needs them; the others go on."""
    outcomes = run(FINE, unit("a", "c"), unit("b", "a"), unit("c", "b"), unit("d", "a"), unit("e"), unit("f", "f"))
    assert outcomes["e"].ok
    assert "needs itself: " in str(outcomes["a"].error)
    assert all(name in str(outcomes["b"].error) for name in ("A → ", "B → ", "C → "))
    assert outcomes["f"].error == "needs itself: F → F"
    assert outcomes["d"].status is Status.NOT_RUN


def test_workers_may_add_units():
    """Added units follow those given, in the order of adding; their own workers may add further ones."""

    async def worker(unit: Unit[Any], attempt: Attempt) -> None:
        for child in (unit.payload + "0", unit.payload + "1"):
            if len(child) < 4:
                attempt.add(Unit(key=child, label=child, payload=child))

    assert list(run(worker, unit("r"), unit("s"))) == [
        *"rs",
        "r0",
        "r1",
        "s0",
        "s1",
        *(f"{p}{n}" for p in ("r0", "r1", "s0", "s1") for n in "01"),
    ]


def test_what_is_added_twice_is_one_unit():
    """By an attempt that is repeated, or by two workers who found the same."""

    async def worker(unit: Unit[Any], attempt: Attempt) -> None:
        if unit.key != "found":
            attempt.add(Unit(key="found", label="found", payload=None))
            if attempt.number == 1:
                raise Overloaded("529")

    assert list(run(worker, unit("a"), unit("b"), unit("a"))) == ["a", "b", "found"]


def test_an_added_unit_may_be_what_another_one_waits_for():
    """A need is unknown only when nobody is left who could add it."""

    async def worker(unit: Unit[Any], attempt: Attempt) -> None:
        await asyncio.sleep(5)
        if unit.key == "a":
            attempt.add(Unit(key="late", label="late", payload=None))

    outcomes = run(worker, unit("waits", "late"), unit("a"))
    assert outcomes["waits"].ok
    assert outcomes["waits"].started_s == 10


def halves(failed: Unit[Any], _outcome: Outcome[Any]) -> Sequence[Unit[Any]] | None:
    middle = len(failed.payload) // 2
    parts = (failed.payload[:middle], failed.payload[middle:])
    return [unit(part) for part in parts] if middle else None


async def reads_two(unit: Unit[Any], attempt: Attempt) -> str:
    await asyncio.sleep(1)
    attempt.charge(Usage(output_tokens=1))
    if len(unit.payload) > 2:
        raise BadRequest("413: too large")
    return str(unit.payload)


def test_a_unit_that_fails_may_be_split():
    """Its parts stand for it, and may be split themselves; its own outcome stays, and says so; all of it is paid."""
    outcomes = run(reads_two, unit("abcdefgh"), split=halves)
    assert {key: outcome.split_into for key, outcome in outcomes.items() if outcome.split_into} == {
        "abcdefgh": ("abcd", "efgh"),
        "abcd": ("ab", "cd"),
        "efgh": ("ef", "gh"),
    }
    assert [outcome.value for outcome in outcomes.values() if outcome.ok] == ["ab", "cd", "ef", "gh"]
    assert outcomes["abcdefgh"].status is Status.FAILED
    assert sum(outcome.usage.output_tokens for outcome in outcomes.values()) == 7


def test_what_needs_a_split_unit_waits_for_its_parts_and_finds_them():
    """It goes when all parts are ok, and is not run when one of them is not."""

    async def worker(unit: Unit[Any], attempt: Attempt) -> Any:
        if unit.key == "sum":
            return sorted(attempt.needed)
        if unit.key in {"bad", "b"}:
            raise BadRequest("400")
        return await reads_two(unit, attempt)

    assert run(worker, unit("sum", "abcd"), unit("abcd"), split=halves)["sum"].value == ["ab", "cd"]
    outcomes = run(worker, unit("sum", "badxyz"), unit("badxyz"), split=halves)
    assert (outcomes["sum"].status, outcomes["sum"].error) == (Status.NOT_RUN, "needs B, which ended failed")


def test_a_part_that_needs_the_whole_is_a_circle():
    """Nobody waits for ever."""

    def split(failed: Unit[Any], _outcome: Outcome[Any]) -> list[Unit[Any]] | None:
        return [unit("part", failed.key)] if failed.key == "whole" else None

    worker = ScriptedWorker({"WHOLE": [Step(error=BadRequest("400"))]}, default=Step(value=1))
    assert "needs itself" in str(run(worker, unit("whole"), split=split)["part"].error)


def test_a_unit_may_be_queued_again():
    """The same key is run again with a new clock; its attempts and usage add up, and it has one outcome."""
    log = EventLog()
    steps = [
        Step(error=BadRequest("no"), delay_s=8, usage=Usage(output_tokens=1)),
        Step(value=3, delay_s=8, usage=Usage(output_tokens=2)),
    ]
    outcome = run(
        ScriptedWorker({"A": steps}),
        unit("a"),
        split=lambda failed, _: [failed],
        supervisor=Supervisor(events=log, unit_timeout_s=10),
    )["a"]
    assert (outcome.status, outcome.value, outcome.attempts, outcome.usage.output_tokens) == (Status.OK, 3, 2, 3)
    assert (outcome.started_s, outcome.ended_s) == (0, 16)
    assert [event.name for event in log.events].count("unit.ended") == 1


def test_a_unit_that_is_queued_again_for_ever_is_given_up():
    """After so many runs, with the reason."""
    worker = ScriptedWorker({"A": [Step(error=BadRequest("no"))]})
    outcome = run(worker, unit("a"), split=lambda failed, _: [failed])["a"]
    assert len(worker.calls) == MOST_RUNS
    assert (outcome.status, outcome.error) == (Status.FAILED, f"no (given up after {MOST_RUNS} runs)")


def test_a_split_that_fails_gives_the_unit_up():
    """The user's own mistake costs one unit."""

    def split(_failed: Unit[Any], _outcome: Outcome[Any]) -> list[Unit[Any]]:
        raise ValueError("can't")

    worker = ScriptedWorker({"A": [Step(error=BadRequest("no"))]}, default=Step(value=1))
    outcomes = run(worker, unit("a"), unit("b"), split=split)
    assert str(outcomes["a"].error).startswith("no; splitting it: ValueError: can't (test_supervise.py:")
    assert outcomes["b"].ok


def test_nothing_is_split_once_the_run_is_stopped():
    """What was cancelled, or did not run, stays as it is."""
    asked = []

    async def main() -> list[Outcome[Any]]:
        supervisor = Supervisor(jobs=1)
        asyncio.get_running_loop().call_later(5, supervisor.stop, "interrupted")
        worker = ScriptedWorker(default=Step(value=1, delay_s=50))
        return await supervise(
            [unit("a"), unit("b", "a"), unit("c")],
            worker,
            supervisor=supervisor,
            split=lambda unit, _: asked.append(unit),
        )

    outcomes = run_virtual(main())
    assert [outcome.status for outcome in outcomes] == [Status.CANCELLED, Status.NOT_RUN, Status.NOT_RUN]
    assert asked == []


def test_the_event_of_a_split_unit_names_its_parts():
    """So that a fold over events can tell it from a gap."""
    log = EventLog()
    run(reads_two, unit("abcd"), split=halves, supervisor=Supervisor(events=log))
    ended = next(event for event in log.events if event.name == "unit.ended" and event.unit == "abcd")
    assert list(ended.attributes["split_into"]) == ["ab", "cd"]  # type: ignore[arg-type]  # JSON


GRAPHS = st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 11), max_size=3), max_size=10)


@given(graph=GRAPHS, failing=st.sets(st.integers(0, 9)), adders=st.dictionaries(st.integers(0, 9), st.integers(0, 11)))
def test_any_graph_ends_and_every_unit_has_one_outcome(graph, failing, adders):
    """Circles, unknown needs, failures and late additions in any mix: nobody waits for ever, nobody runs too early."""
    done: list[str] = []

    async def worker(unit: Unit[Any], attempt: Attempt) -> None:
        assert set(unit.needs) <= set(done)
        await asyncio.sleep(unit.payload + 1)
        if unit.payload in adders:
            child = adders[unit.payload]
            attempt.add(Unit(key=f"{child}", label=f"{child}", payload=child))
        if unit.payload in failing:
            raise BadRequest("400")
        done.append(unit.key)

    units = [Unit(key=f"{n}", label=f"{n}", payload=n, needs=tuple(map(str, needs))) for n, needs in graph.items()]
    outcomes = run(worker, *units)
    assert set(outcomes) >= {one.key for one in units}
    assert {key for key, outcome in outcomes.items() if outcome.ok} == set(done)
    for outcome in outcomes.values():
        assert outcome.ok or outcome.error


@pytest.mark.parametrize("count", [3000])
def test_a_long_chain_is_no_recursion(count):
    """Each unit needs the one before it."""
    chain = [replace(unit(f"{n}"), needs=(f"{n - 1}",) if n else ()) for n in range(count)]
    outcomes = run(ScriptedWorker(default=Step(value=1)), *reversed(chain))
    assert all(outcome.ok for outcome in outcomes.values())
