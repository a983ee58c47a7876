"""Progress in words, and a sign of life when nothing happens."""

import asyncio
import io

import pytest

from fanfold.cli.progress import LiveProgress, PlainProgress, ending, progress
from fanfold.engine.events import Event, EventLog
from fanfold.testing.virtual_time import run_virtual


def planned(log, *labels):
    for label in labels:
        log.emit("unit.planned", label, label=label, kind="aspect", lane="model:m")


def told(work):
    """Return the lines that a plain stream shows of `work(log)`."""
    stream = io.StringIO()

    async def watched():
        with PlainProgress(stream) as listen:
            await work(EventLog(listeners=[listen]))
        await asyncio.sleep(600)

    run_virtual(watched())
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"status": "ok"}, "ok"),
        ({"status": "ok", "reused": True}, "ok (reused)"),
        ({"status": "ok", "value": "failed"}, "failed again"),
        ({"status": "ok", "value": "timed_out"}, "timed out again"),
        ({"status": "ok", "value": "flaky"}, "passed"),
        ({"status": "ok", "value": "lost"}, "ok"),
        ({"status": "over_budget", "error": "the budget of $1.00 is used up"}, "over budget"),
        ({"status": "timed_out", "error": "no answer in 5 s"}, "timed out"),
        ({"status": "not_run", "error": "the deadline came first"}, "not run"),
    ],
)
def test_an_ending_in_words(attributes, says):
    """The status as people write it; why stands in the report and at the end, not here as well."""
    assert ending(Event(0.0, "unit.ended", "k", attributes)) == says


def test_a_slow_test_is_told_at_once():
    """It may hang, and nothing else would say which one it is."""

    async def work(log):
        log.emit("test.slow", suite="unit", test="tests/test_a.py::test_x", seconds=60.2)

    assert told(work)[0] == "SLOW unit tests/test_a.py::test_x 60 s so far"


def test_a_plan_that_grows_says_that_its_total_is_one_for_now():
    """Shards add reruns as they go: what looks like the last one may not be it."""

    async def work(log):
        planned(log, "collect")
        log.emit("attempt.started", "collect", number=1, hedge=False)
        planned(log, "shard 1")
        log.emit("unit.ended", "collect", status="ok")
        log.emit("unit.ended", "shard 1", status="ok")

    assert told(work)[:2] == ["[1/2 so far] collect: ok", "[2/2 so far] shard 1: ok"]


def test_silence_is_broken():
    """Every 30 s without a line one says what still runs; a line in between starts the wait again."""

    async def work(log):
        planned(log, "security", "correctness", "style")
        await asyncio.sleep(35)
        log.emit("attempt.started", "security", number=1, hedge=False)
        log.emit("attempt.started", "correctness", number=1, hedge=False)
        await asyncio.sleep(40)
        log.emit("unit.ended", "security", status="ok")
        await asyncio.sleep(50)
        log.emit("unit.ended", "correctness", status="failed", error="why")
        log.emit("unit.ended", "style", status="not_run", error="why")
        await asyncio.sleep(31)

    assert told(work) == [
        "still waiting after 30 s",
        "still running after 60 s: security, correctness",
        "[1/3] security: ok",
        "still running after 105 s: correctness",
        "[2/3] correctness: failed",
        "[3/3] style: not run",
        "still at work after 155 s",
    ]


def test_many_that_run_are_counted():
    """Eight are named; a label can't steer the terminal."""

    async def work(log):
        planned(log, "\x1b[2J", *"abcdefghi")
        for label in ("\x1b[2J", *"abcdefghi"):
            log.emit("attempt.started", label, number=1, hedge=False)
        await asyncio.sleep(31)

    assert told(work) == ["still running after 30 s: \ufffd[2J, a, b, c, d, e, f, g and 2 more"]


def test_without_a_loop_there_is_no_timer():
    """Units that end are told all the same."""
    stream = io.StringIO()
    with PlainProgress(stream) as listen:
        log = EventLog(listeners=[listen])
        planned(log, "a")
        log.emit("unit.ended", "a", status="ok")
    assert stream.getvalue() == "[1/1] a: ok\n"


def test_a_terminal_gets_a_live_line():
    """One place that is drawn again, and nothing is left of it."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    shown = progress(terminal, quiet=False, verbose=False)
    assert isinstance(shown, LiveProgress)
    with shown as listen:
        log = EventLog(listeners=[listen])
        planned(log, "a")
        log.emit("attempt.started", "a", number=1, hedge=False)
        log.emit("unit.ended", "a", status="ok")
        log.emit("test.slow", suite="unit", test="[x] y", seconds=3)
    assert "SLOW unit [x] y 3 s so far\n" in terminal.getvalue()


def test_a_run_of_many_units_speaks_of_some():
    """Forty lines at most and one a second, the last one among them, and one for each unit that did not go well."""

    def units(number, apart_s):
        async def work(log):
            names = [str(one) for one in range(number)]
            planned(log, *names)
            for name in names:
                log.emit("unit.ended", name, status="failed" if name == "7" else "ok")
                await asyncio.sleep(apart_s)

        return [line for line in told(work) if line.startswith("[")]

    slow = units(1_000, 2)
    assert 30 <= len(slow) <= 42
    assert "[8/1000] 7: failed" in slow
    assert slow[-1] == "[1000/1000] 999: ok"
    assert units(30, 0.1) == [
        *("[1/30] 0: ok", "[8/30] 7: failed", "[18/30] 17: ok", "[28/30] 27: ok", "[30/30] 29: ok"),
    ]
    assert len(units(8, 0)) == 8
