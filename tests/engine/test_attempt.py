"""An attempt's patience: all of it, the first event, silence."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from fanfold import errors
from fanfold.engine.attempt import Attempt, Patience
from fanfold.engine.fan_out import fan_out
from fanfold.models import Unit, Usage
from fanfold.testing.virtual_time import run_virtual

UNIT = Unit(key="u", label="u", payload=None)


async def takes(
    patience: Patience, first_event_s: float | None, events: int = 0, gap_s: float = 0.0
) -> tuple[float, str | None]:
    """Let a worker begin, send events and return; say when that ended, and why it was cut off."""
    attempt = Attempt(patience=patience)

    async def worker(_unit: Unit[None], attempt: Attempt) -> None:
        if first_event_s is None:
            await asyncio.sleep(math.inf)
        else:
            await asyncio.sleep(first_event_s)
            attempt.began()
        for _ in range(events):
            await asyncio.sleep(gap_s)
            attempt.alive()

    loop = asyncio.get_running_loop()
    try:
        await attempt.call(worker, UNIT)
    except TimeoutError:
        return loop.time(), attempt.late
    return loop.time(), None


LIMITS = Patience(timeout_s=100, first_event_s=10, silence_s=5)


@pytest.mark.parametrize(
    ("worker", "ends"),
    [
        ((None,), (10, "no first event within 10 s")),
        ((11,), (10, "no first event within 10 s")),
        ((9, 3, 4.5), (22.5, None)),
        ((9, 1, 6), (14, "the answer fell silent for 5 s")),
        ((1, 1000, 1), (100, "no whole answer within 100 s")),
        ((0, 30, 3), (90, None)),
    ],
)
def test_three_limits(worker, ends):
    """What begins late, falls silent or takes too long is cut off at its limit, and says which one that was."""
    at, late = run_virtual(takes(LIMITS, *worker))
    assert at == pytest.approx(ends[0])
    assert late == ends[1]


def test_without_limits_there_is_patience():
    """None of them is set by default, and no timer is either."""
    assert run_virtual(takes(Patience(), 1e6, 1, 1e6)) == (2e6, None)


def test_silence_counts_only_after_the_first_event():
    """A worker that streams nothing is bounded by its other limits alone."""
    assert run_virtual(takes(Patience(silence_s=1), 50)) == (50, None)


def test_alone_it_serves_to_call_a_worker():
    """A test of a worker needs no engine: everything an attempt can be told is accepted."""

    async def main() -> None:
        attempt = Attempt()
        attempt.began()
        attempt.alive()
        attempt.charge(Usage(output_tokens=1))
        attempt.charge(Usage(output_tokens=2))
        assert attempt.usage == Usage(output_tokens=2)
        assert attempt.remaining_s() == math.inf
        assert (attempt.number, attempt.hedge, attempt.correction, attempt.enlarge) == (1, False, None, False)

    run_virtual(main())


def test_time_left():
    """Seconds to the deadline, never below 0."""

    async def main() -> None:
        attempt = Attempt(deadline=5.0)
        assert attempt.remaining_s() == 5.0
        await asyncio.sleep(7)
        assert attempt.remaining_s() == 0.0

    run_virtual(main())


def test_only_supervise_takes_units():
    """Elsewhere adding one is a mistake, and says so."""
    with pytest.raises(RuntimeError, match="supervise"):
        Attempt().add(UNIT)


def test_an_attempt_is_charged_a_usage():
    """Anything else is the worker's mistake, and shows in the worker."""
    with pytest.raises(TypeError, match="Usage"):
        Attempt().charge(0.25)  # type: ignore[arg-type]  # that is the point


def test_after_its_end_it_hears_nothing():
    """A worker that was given up can no longer change what was settled."""
    added: list[object] = []
    attempt = Attempt(adopt=added.append)
    attempt.charge(Usage(output_tokens=1))
    attempt.close()
    attempt.charge(Usage(output_tokens=100))
    assert attempt.usage == Usage(output_tokens=1)
    with pytest.raises(RuntimeError):
        attempt.add(UNIT)
    assert not added


def test_a_wait_for_leave_is_no_silence():
    """However long the lane holds a further request back, patience starts when it may go."""

    class Gate:
        def __init__(self) -> None:
            self.waits = [50.0, 30.0, 0.0]

        def began(self, attempt: Attempt) -> None: ...
        def limits(self, attempt: Attempt, rate: object) -> None: ...
        def overdue(self, attempt: Attempt) -> None: ...
        def send_again(self, attempt: Attempt, tokens: int) -> float:
            assert (attempt.has_begun, tokens) == (True, 7)
            return self.waits.pop(0)

    async def main(answer_s: float) -> tuple[float, str | None]:
        attempt = Attempt(patience=Patience(first_event_s=10, silence_s=5), watcher=Gate())

        async def worker(_unit: Unit[None], attempt: Attempt) -> None:
            attempt.began()
            await attempt.next_request(7)
            await asyncio.sleep(answer_s)
            attempt.alive()
            await asyncio.sleep(4)

        try:
            await attempt.call(worker, UNIT)
        except TimeoutError:
            return asyncio.get_running_loop().time(), attempt.late
        return asyncio.get_running_loop().time(), None

    assert run_virtual(main(9)) == (93, None)
    assert run_virtual(main(11)) == (90, "no first event within 10 s")


def test_memory_is_shared_by_the_attempts_of_a_unit_alone():
    """What one attempt leaves there the next one finds; another unit, or a unit that is run again, does not."""
    found = []

    async def work(unit: Unit[None], attempt: Attempt) -> None:
        found.append((unit.label, attempt.number, dict(attempt.memory)))
        attempt.memory[unit.label] = attempt.number
        if attempt.number < 3:
            raise errors.ConnectionLost("cut")

    async def main() -> None:
        await fan_out([replace(UNIT, key=name, label=name) for name in "ab"], work, jobs=1)

    run_virtual(main())
    assert sorted(found) == [(name, n, {name: n - 1} if n > 1 else {}) for name in "ab" for n in (1, 2, 3)]
