"""The scripted worker does what its script says, when it says, and remembers it."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from fanfold.engine.attempt import Attempt
from fanfold.engine.limits import RateHeaders, Window
from fanfold.errors import Overloaded, RateLimited
from fanfold.models import Unit, Usage
from fanfold.testing.scripted import ScriptedWorker, Step
from fanfold.testing.virtual_time import run_virtual


class Diary(Attempt):
    """An attempt that writes down what it is told, and when."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.entries: list[tuple[float, str]] = []

    def _note(self, what: str) -> None:
        self.entries.append((round(asyncio.get_running_loop().time(), 6), what))

    def began(self) -> None:
        self._note("began")

    def alive(self) -> None:
        self._note("alive")

    def charge(self, usage: Usage) -> None:
        self._note(f"charged {usage.output_tokens}")

    def limits(self, rate: RateHeaders) -> None:
        self._note(f"limits {rate.requests and rate.requests.remaining}")


def _unit(label: str = "a") -> Unit[None]:
    return Unit(key=label, label=label, payload=None)


def _run(step: Step) -> list[tuple[float, str]]:
    """Return what one attempt of `step` told its attempt, its end included."""
    diary = Diary()

    async def main() -> None:
        try:
            diary._note(f"returned {await ScriptedWorker(default=step)(_unit(), diary)}")
        except Overloaded as error:
            diary._note(f"raised {error}")

    run_virtual(main())
    return diary.entries


USAGE = Usage(output_tokens=7)


def test_a_value_after_its_events() -> None:
    """The first event, the further ones and the value come when the step says."""
    told = _run(Step(value=5, delay_s=1.0, first_event_s=0.25, alive_every_s=0.3, usage=USAGE))
    assert told == [
        (0.25, "began"),
        (0.25, "charged 7"),
        (0.55, "alive"),
        (0.85, "alive"),
        (1.0, "returned 5"),
    ]


def test_a_plain_value() -> None:
    """Without a time for it, the first event comes together with the value."""
    assert _run(Step(value=5, delay_s=2.0)) == [(2.0, "began"), (2.0, "returned 5")]


def test_an_error_before_any_event() -> None:
    """An error comes without a first event; what it cost is charged all the same."""
    told = _run(Step(error=Overloaded("529"), delay_s=1.0, usage=USAGE))
    assert told == [(1.0, "charged 7"), (1.0, "raised 529")]


def test_an_error_after_the_first_event() -> None:
    """A stream can begin and then fail."""
    told = _run(Step(error=Overloaded("529"), delay_s=1.0, first_event_s=0.5))
    assert told == [(0.5, "began"), (1.0, "raised 529")]


def test_limits_are_reported_first() -> None:
    """What the server says about its limits comes before all else."""
    rate = RateHeaders(requests=Window(limit=10, remaining=3))
    assert _run(Step(rate=rate, delay_s=1.0))[0] == (0.0, "limits 3")


def test_a_hang_ends_by_cancellation() -> None:
    """An infinite step ends only when it is cancelled, with or without a first event, and is on record."""
    worker = ScriptedWorker({"a": [Step(delay_s=math.inf), Step(delay_s=math.inf, first_event_s=1.0)]})

    async def main() -> None:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(60):
                    await worker(_unit(), Attempt())

    run_virtual(main())
    assert [(call.how, call.ended_s) for call in worker.calls] == [("cancelled", 60.0), ("cancelled", 120.0)]
    assert worker.running == 0


def test_steps_in_turn_and_the_last_repeats() -> None:
    """Each call of a unit takes its next step; errors are fresh copies that keep their fields."""
    limited = RateLimited("429", retry_after_s=9.0)
    worker = ScriptedWorker({"a": [Step(error=limited), Step(value=1)]})

    async def main() -> list[int]:
        with pytest.raises(RateLimited) as caught:
            await worker(_unit(), Attempt())
        assert caught.value is not limited
        assert caught.value.retry_after_s == 9.0
        return [await worker(_unit(), Attempt(number=number, hedge=True)) for number in (2, 3)]

    assert run_virtual(main()) == [1, 1]
    assert [(call.number, call.hedge, call.how) for call in worker.calls_of("a")] == [
        (1, False, "error"),
        (2, True, "ok"),
        (3, True, "ok"),
    ]


def test_concurrency_is_counted() -> None:
    """`most_running` is the highest number of calls at the same time."""
    worker = ScriptedWorker(lambda unit, _before: Step(delay_s=float(unit.label)))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for label in ("1", "2", "3"):
                group.create_task(worker(_unit(label), Attempt()))
        await worker(_unit("4"), Attempt())

    run_virtual(main())
    assert worker.most_running == 3


def test_the_correction_is_on_record() -> None:
    """A call shows what the engine told its attempt."""
    worker = ScriptedWorker(default=Step())
    run_virtual(worker(_unit(), Attempt(correction="no quote", enlarge=True)))
    assert (worker.calls[0].correction, worker.calls[0].enlarge) == ("no quote", True)


def test_a_unit_without_a_script_is_a_bug() -> None:
    """A unit that nobody thought of is not answered silently."""
    with pytest.raises(LookupError, match="no step for unit 'b'"):
        run_virtual(ScriptedWorker({"a": [Step()]})(_unit("b"), Attempt()))


def test_impossible_steps() -> None:
    """A first event after the end, and further events without a first, are refused when they are written."""
    with pytest.raises(ValueError, match="comes after the end"):
        Step(delay_s=1.0, first_event_s=2.0)
    with pytest.raises(ValueError, match="need a first one"):
        Step(delay_s=1.0, alive_every_s=0.1)
